"""How a result was made: enough to make it again, and to tell when it no longer stands."""

from .records import Record


class ModelSource(Record):
    """Which weights: `sha256` is of the weight file (or of the state dict, for random weights)."""

    id: str
    revision: str = ""
    sha256: str
    architecture: str
    n_parameters: int
    L: int
    d: int
    note: str = ""


class CorpusSource(Record):
    """Which text: `sha256` is of the documents as read, joined by NUL."""

    id: str
    sha256: str
    n_documents: int
    note: str = ""


class Provenance(Record):
    """Model, text, seeds, machine, versions and code behind a result; `seconds` is wall time.

    What went in is pinned by content: the weights, the documents and the token windows each by a hash of their own.
    `library_sha256` is of the measuring code, which did the rest.
    """

    model: ModelSource
    corpus: CorpusSource
    n_tokens: int
    n_windows: int
    windows_sha256: str = ""
    seed: int
    device: str
    dtype: str
    precision: str
    versions: dict[str, str]
    seconds: float
    commit: str
    clean: bool
    command: str
    library_sha256: str
    spec_sha256: str
    created: str
