"""One door for every text: packaged corpora, Python's own library, a file, or a data set of the Hugging Face hub."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from nearlinear.errors import InputError
from nearlinear.results.provenance import CorpusSource

from .corpora import CORPORA, HUB_PREFIX, hub_documents


@dataclass(frozen=True)
class Corpus:
    """A text as documents, in a fixed order; `note` says what a reader must know about it."""

    id: str
    documents: tuple[str, ...] = field(repr=False)
    note: str = ""

    @cached_property
    def source(self) -> CorpusSource:
        """What goes into the provenance: the id, how many documents, and the sha256 of them joined by NUL."""
        sha256 = hashlib.sha256("\0".join(self.documents).encode("utf-8", "surrogatepass")).hexdigest()
        return CorpusSource(id=self.id, sha256=sha256, n_documents=len(self.documents), note=self.note)


def load_corpus(name: str) -> Corpus:
    """A text by name.

    Names: those of CORPORA ("wikipedia-sample", "tales", "python-stdlib"), a UTF-8 text file (one document), or
    "hf:<dataset>[:<config>[:<split>[:<column>]]]". Raises InputError (unknown, empty, not text), NoNetwork, BrokenFile.
    """
    if name in CORPORA:
        card = CORPORA[name]
        return _corpus(name, card.read(), card.note)
    if name.startswith(HUB_PREFIX):
        return _corpus(name, hub_documents(name), "")
    path = Path(name).expanduser()
    if path.is_file():
        return _corpus(path.name, (read_text(path),), "")
    known = ", ".join(CORPORA)
    raise InputError(f"no text {name!r}: give one of {known}, a text file, or {HUB_PREFIX}<dataset>")


def read_text(path: Path) -> str:
    """A text file, whole. Raises InputError where it is empty, is not UTF-8, or holds NUL bytes as binary files do."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text in UTF-8: give a plain text file") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if "\0" in text:
        raise InputError(f"{path} looks binary (it holds NUL bytes): give a plain text file")
    return text


def _corpus(id: str, documents: tuple[str, ...], note: str) -> Corpus:
    if not any(document.strip() for document in documents):
        raise InputError(f"the text {id!r} is empty")
    return Corpus(id=id, documents=documents, note=note)
