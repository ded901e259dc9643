"""A folder or a file under a name that its content is part of.

The cache finds a result again by what was asked for. "./model" may hold other weights tomorrow, and another folder is
called so elsewhere; so what is asked for is a link, in a folder that is named after the content.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from nearlinear.errors import InputError, NearlinearError
from nearlinear.inputs.cache import cache_dir, sha256_file
from nearlinear.inputs.corpora import CORPORA, HUB_PREFIX
from nearlinear.inputs.hub import hub_weights, is_hub_id
from nearlinear.inputs.packaged import PACKAGES
from nearlinear.inputs.weights import folder_weights

from .specs import ReportSpec

S = TypeVar("S")
"""The specification: of a report, or of a cell of a sweep."""

SMALL = ("*.json", "*.txt", "*.model", "*.jinja")
"""What a model's folder holds besides weights and changes what the model does."""


@dataclass(frozen=True)
class Pinned(Generic[S]):
    """A specification whose model and text are fixed, and what the reader calls each link."""

    spec: S
    typed: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def in_words_of_the_reader(self) -> Iterator[None]:
        """Inside, errors speak of the folder that was named, not of our link to it."""
        try:
            yield
        except NearlinearError as error:
            said = str(error)
            for link, name in self.typed.items():
                said = said.replace(link, name)
            if said == str(error):
                raise
            raise type(error)(said) from error


def check_name(name: str) -> str:
    """The name itself. Raises InputError for one that is not text: a folder can be called by any bytes."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"the name {name!r} is not text in UTF-8: rename it") from error
    return name


def pinned(spec: ReportSpec) -> Pinned[ReportSpec]:
    """Fix what `spec` names. Raises InputError, BrokenFile or NoNetwork for a model that cannot be read."""
    model, corpus = pinned_model(spec.model), pinned_corpus(spec.corpus)
    links = {model: spec.model, corpus: spec.corpus}
    typed = {link: name for link, name in links.items() if link != name}
    return Pinned(spec.model_copy(update={"model": model, "corpus": corpus}), typed)


def pinned_model(name: str) -> str:
    """A link for a folder or file, a commit for an id of the hub; packaged and tiny models are fixed already."""
    path = Path(name).expanduser()
    if name.startswith("tiny-") or name in PACKAGES:
        return name
    if path.is_dir():
        return _link(path, _folder_sha256(path))
    if path.is_file():
        return _link(path, sha256_file(path))
    if is_hub_id(name):
        weights = hub_weights(name)
        return f"{weights.id}@{weights.revision}"
    return name  # nothing of that name is there, and loading says so


def pinned_corpus(name: str) -> str:
    """A link for a text file; other texts are left as they are."""
    path = Path(name).expanduser()
    if name in CORPORA or name.startswith(HUB_PREFIX) or not path.is_file():
        return name
    return _link(path, sha256_file(path))


def _folder_sha256(folder: Path) -> str:
    """Of the weights, and of every small file beside them by name."""
    digest = hashlib.sha256(folder_weights(folder, folder.name).sha256.encode())
    for file in sorted({file for pattern in SMALL for file in folder.glob(pattern) if file.is_file()}):
        digest.update(f"{file.name}\0{sha256_file(file)}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _link(path: Path, sha256: str) -> str:
    """A link to `path` in the cache, made in one step. Raises InputError where the cache cannot be written."""
    real = path.resolve()
    link = cache_dir() / "pinned" / sha256[:16] / (check_name(real.name) or "model")
    scratch = link.with_name(f".new-{os.getpid()}")
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        scratch.unlink(missing_ok=True)
        scratch.symlink_to(real)
        scratch.replace(link)
    except OSError as error:
        raise InputError(
            f"cannot write to the cache folder {link.parent} ({error.strerror}): "
            "set NEARLINEAR_CACHE to a folder that can be written"
        ) from error
    return str(link)
