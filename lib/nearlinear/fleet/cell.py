"""One cell of a sweep: whether it stands already, and running it so that it is kept when it is finished.

A cell leaves NAME.profile.json, the same file that `nearlinear score --json` writes, whole or not at all; a cell that
fails leaves NAME.failed.txt instead, and is tried again the next time. A lock that the system takes back when its
holder dies keeps two processes from the same cell, so no claim can outlive the work that it stood for.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from nearlinear.errors import NearlinearError
from nearlinear.report.pinned import Pinned, pinned_corpus, pinned_model
from nearlinear.results.profile_spec import ProfileSpec
from nearlinear.results.store import is_current, load_or_run, replacing, spec_sha256
from nearlinear.results.types import LinearityProfile

from .spec import Cell

CLAIMS = ".claims"
"""The folder of locks, beside the results."""

Run = Callable[[ProfileSpec], list]


@dataclass(frozen=True)
class Outcome:
    """What became of a cell; `why` is one line, and empty but for one that failed.

    done: computed now. kept: it stood already. elsewhere: another process is at it. failed: it can be tried again.
    """

    cell: Cell
    state: Literal["done", "kept", "elsewhere", "failed"]
    why: str = ""


def result_path(cell: Cell, folder: Path) -> Path:
    return folder / f"{cell.name}.profile.json"


def failure_path(cell: Cell, folder: Path) -> Path:
    return folder / f"{cell.name}.failed.txt"


def stands(cell: Cell, folder: Path, pins: "Pins") -> bool:
    """Whether its result is there, from this specification and these inputs, by the code as it stands.

    A model or text that is not at hand any more cannot be compared, and what was made of it stands.
    """
    path = result_path(cell, folder)
    if not path.exists():
        return False
    try:
        result = LinearityProfile.load(path)
    except ValueError:  # written by a version whose results had other parts
        return False
    try:
        wanted = spec_sha256(pins(cell.spec).spec)
    except NearlinearError:
        return is_current(result)
    return is_current(result) and result.provenance.spec_sha256 == wanted


def run_cell(
    cell: Cell, folder: Path, *, device: str = "auto", run: Run | None = None, pins: "Pins | None" = None
) -> Outcome:
    """Compute a cell and keep it, unless it stands or another process is at it. Never raises for what a cell does.

    `run`: what measures (nearlinear.study.run). Raises NearlinearError where the folder cannot be written.
    """
    pins = pins or Pins()
    lock = FileLock(claim_path(cell, folder), timeout=0)
    try:
        with lock:
            if stands(cell, folder, pins):
                return Outcome(cell, "kept")
            return _attempt(cell, folder, run or (lambda spec: _study_run(spec, device)), pins)
    except Timeout:
        return Outcome(cell, "elsewhere")


def claim_path(cell: Cell, folder: Path) -> Path:
    """The lock of a cell. Raises NearlinearError where there can be no folder for it."""
    claims = folder / CLAIMS
    try:
        claims.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or error
        raise NearlinearError(f"{folder} cannot be written ({why}): choose a folder that can") from error
    return claims / f"{cell.name}.lock"


def _attempt(cell: Cell, folder: Path, run: Run, pins: "Pins") -> Outcome:
    try:
        fixed = pins(cell.spec)
        with fixed.in_words_of_the_reader():
            result = load_or_run(fixed.spec, run, LinearityProfile)
    except Exception as error:  # memory, a driver, a library: the other cells go on
        why = one_line(error)
        _tell(failure_path(cell, folder), f"{cell}: {why}\n\n{traceback.format_exc()}")
        return Outcome(cell, "failed", why)
    result.save(result_path(cell, folder))
    failure_path(cell, folder).unlink(missing_ok=True)
    return Outcome(cell, "done")


def one_line(error: Exception) -> str:
    """Our own errors in their words; others with their kind before the first line of what they say."""
    said = (str(error).strip().splitlines() or [""])[0]
    return said if isinstance(error, NearlinearError) else ": ".join(filter(None, [type(error).__name__, said]))


def _tell(path: Path, words: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(words, encoding="utf-8", errors="backslashreplace")


def _study_run(spec: ProfileSpec, device: str) -> list:
    from nearlinear import study  # with torch, which takes seconds to load

    return study.run(spec, device=device)


class Pins:
    """Models and texts fixed by content, each looked up once: that reads every byte of the weights."""

    def __init__(self):
        self._found: dict[str, str] = {}

    def __call__(self, spec: ProfileSpec) -> Pinned[ProfileSpec]:
        """The specification with model and text fixed. Raises NearlinearError for what cannot be read."""
        model, corpus = self._fixed(pinned_model, spec.model), self._fixed(pinned_corpus, spec.corpus)
        typed = {link: name for link, name in ((model, spec.model), (corpus, spec.corpus)) if link != name}
        return Pinned(spec.model_copy(update={"model": model, "corpus": corpus}), typed)

    def _fixed(self, look: Callable[[str], str], name: str) -> str:
        key = f"{look.__name__} {name}"
        if key not in self._found:
            self._found[key] = look(name)
        return self._found[key]
