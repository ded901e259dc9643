"""Where results live: recorded ones travel with the package, computed ones wait in the user's cache.

Every file is written next to its place and moved there whole, so a kill in the middle leaves no broken file.
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

from safetensors import SafetensorError

from nearlinear.errors import InputError, NearlinearError

from .data import data_root
from .making import library_sha256, working_sha256
from .records import Record


class Result(Protocol):
    """What can be stored: it names its file and the code behind it, and knows its way to a file and back."""

    filename: ClassVar[str]
    made_by: ClassVar[tuple[str, ...]]

    def save(self, path: Path) -> None: ...

    @classmethod
    def load(cls, path: Path) -> Self: ...


class Recorded(Result, Protocol):
    """A result that can also travel with the book, as one JSON file."""

    recorded_as: ClassVar[str]

    @classmethod
    def from_json(cls, text: str) -> Self: ...


R = TypeVar("R", bound=Result)
J = TypeVar("J", bound=Recorded)
S = TypeVar("S", bound=Record)

MODES = ("recompute", "recorded")


class NotRecorded(InputError):
    """No recorded result was made from this specification."""


def _temporary_beside(path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise NearlinearError(
            f"{path} cannot be written ({error.strerror or error}): choose a folder that can"
        ) from error
    os.close(handle)
    return name


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and vanishes when it does not.

    Raises NearlinearError, in one sentence, where the folder cannot be written or the disk is full.
    """
    name = _temporary_beside(path)
    try:
        yield Path(name)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except Exception as error:
        if (why := why_not_written(error)) is None:
            raise
        raise NearlinearError(f"{path} cannot be written ({why}): free some space or choose another place") from error
    finally:
        Path(name).unlink(missing_ok=True)


def why_not_written(error: Exception) -> str | None:
    """What a disk says through whichever library writes to it; None for an error that is not a disk's."""
    if isinstance(error, OSError | SafetensorError):
        return getattr(error, "strerror", None) or str(error)
    return str(error) if "(os error " in str(error) else None  # tokenizers has no error of its own for it


def check_writable(path: Path) -> None:
    """Raise NearlinearError if `path` cannot be written: asked before hours of work, not after."""
    Path(_temporary_beside(path)).unlink()


def write_atomic(path: Path, text: str) -> None:
    """Write text to path as a whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def results_cache() -> Path:
    from nearlinear.inputs.cache import cache_dir

    return cache_dir() / "results"


def load_or_run(spec: S, run: Callable[[S], Iterable[Result]], kind: type[R], *, mode: str = "recompute") -> R:
    """The result of kind `kind` for `spec`: recorded, or from the cache, or computed now by `run(spec)`.

    `run` may answer with several results of the same work; all are kept, so asking for another kind is free.
    The cache is keyed by the specification and the hash of the code: changed code never shows an old number. A file in
    it that cannot be read is made again.
    Raises NotRecorded in mode "recorded" when no recorded file was made from this specification; InputError for
    another mode.
    """
    if mode not in MODES:
        raise InputError(f"no mode {mode!r}: choose one of {', '.join(MODES)}")
    if mode == "recorded":
        return recorded(spec, kind)  # type: ignore[type-var]  # of a kind that is recorded
    folder = results_cache() / working_sha256(kind.made_by)[:16] / spec_sha256(spec)[:16]
    if (found := _readable(folder / kind.filename, kind)) is not None:
        return found
    for result in run(spec):
        result.save(folder / result.filename)
    return kind.load(folder / kind.filename)


def _readable(path: Path, kind: type[R]) -> R | None:
    """The result in a file of the cache, or None: a disk may spoil what was written whole."""
    try:
        return kind.load(path)
    except (OSError, ValueError):  # every way in which JSON or safetensors are broken is a ValueError
        return None


def spec_sha256(spec: Record) -> str:
    """Hash of a specification: its class name and its fields."""
    import hashlib

    return hashlib.sha256(f"{type(spec).__name__} {spec.model_dump_json()}".encode()).hexdigest()


def recorded_files() -> list:
    """Every recorded JSON result that travels with the package."""
    return sorted((f for f in data_root("results").iterdir() if f.name.endswith(".json")), key=lambda f: f.name)


def recorded(spec: Record, kind: type[J]) -> J:
    """The recorded result of this specification. Raises NotRecorded, naming the command that makes it."""
    wanted = spec_sha256(spec)
    for file in recorded_files():
        if file.name.split(".")[-2] == kind.recorded_as and _made_from(file, file.stat().st_mtime_ns) == wanted:
            return kind.from_json(file.read_text(encoding="utf-8"))
    raise NotRecorded(
        f"no recorded {kind.recorded_as} was made from these parameters: set mode to recompute to make it here"
    )


@cache
def _made_from(file: Path, changed_ns: int) -> str:
    """Hash of the specification behind a recorded file, read once as long as the file is not changed."""
    return json.loads(file.read_text(encoding="utf-8"))["provenance"]["spec_sha256"]


def is_current(result: Any) -> bool:
    """Whether the code that made a result is the code that stands here."""
    return result.provenance.library_sha256 == library_sha256(result.made_by)
