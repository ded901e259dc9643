"""What is recorded: every result that travels with the book, in studies, with how it was made.

A study of many runs is one entry, so that the list can be read; its runs stay named. No torch.
"""

import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePath
from typing import Any

from .data import data_root
from .provenance import Provenance
from .store import is_current, recorded_files
from .types import StoredRecord


@dataclass(frozen=True)
class Recording:
    """One recorded file: the name of its run, what it holds in words, and how it was made.

    current: whether the code that made it is the code that stands here.
    """

    name: str
    what: str
    current: bool
    made: Provenance


@dataclass(frozen=True)
class Study:
    """Recordings that belong together, in order, and what they are, in words."""

    name: str
    what: str
    recordings: tuple[Recording, ...]

    @property
    def n_runs(self) -> int:
        """How many runs there are; the files of one run share its name."""
        return len({recording.name for recording in self.recordings})

    @property
    def seconds(self) -> float:
        """Wall time of all runs together; the files of one run tell the same time."""
        return sum({recording.name: recording.made.seconds for recording in self.recordings}.values())

    @property
    def current(self) -> bool:
        return all(recording.current for recording in self.recordings)

    def each(self, field: str) -> list:
        """What a field of the provenance says, each answer once, sorted."""
        return sorted({getattr(recording.made, field) for recording in self.recordings})


@dataclass(frozen=True)
class Benchmark:
    """One recorded benchmark: what it asks, on which machine, and how it was made."""

    name: str
    question: str
    machine: str
    seconds: float
    commit: str
    created: str
    command: str


def recordings(kinds: Iterable[type[StoredRecord]]) -> list[Recording]:
    """Every recorded result of these kinds, by name."""
    known = {kind.recorded_as: kind for kind in kinds}
    found = []
    for file in recorded_files():
        name, kind, _ = file.name.rsplit(".", 2)
        if kind in known:
            result: Any = known[kind].from_json(file.read_text(encoding="utf-8"))
            found.append(Recording(name, _what(result), is_current(result), result.provenance))
    return found


def _what(result: Any) -> str:
    """What a result is, in the first words of its class, and of which model and text."""
    made = result.provenance
    words = (inspect.getdoc(type(result)) or "").splitlines()[0].replace("`", "")
    return f"{words} {made.model.id}, {made.corpus.id}."


def studies(found: Iterable[Recording], planned: Mapping[str, Iterable[str]]) -> list[Study]:
    """Recordings in the order found, those of one plan as one study.

    planned: what a study is, in words → the names of its runs; of two plans that share a run the first has it. A run
    that no plan names is a study of its own.
    """
    plan_of = {run: what for what, runs in reversed(list(planned.items())) for run in runs}
    groups: dict[tuple[bool, str], list[Recording]] = {}
    for recording in found:
        plan = plan_of.get(recording.name)
        groups.setdefault((plan is None, plan or recording.name), []).append(recording)
    return [_study(name, alone, tuple(parts)) for (alone, name), parts in groups.items()]


def _study(name: str, alone: bool, parts: tuple[Recording, ...]) -> Study:
    if alone:
        return Study(name, " · ".join(part.what for part in parts), parts)
    return Study(begin_alike([part.name for part in parts]) or parts[0].name, name, parts)


def begin_alike(names: Sequence[str]) -> str:
    """The words, joined by hyphens, that all names begin with."""
    alike = takewhile(lambda words: len(set(words)) == 1, zip(*(name.split("-") for name in names), strict=False))
    return "-".join(words[0] for words in alike)


def benchmarks() -> list[Benchmark]:
    """Every recorded benchmark, by name."""
    files = sorted((f for f in data_root("benchmarks").iterdir() if f.name.endswith(".json")), key=lambda f: f.name)
    return [_benchmark(PurePath(file.name).stem, json.loads(file.read_text(encoding="utf-8"))) for file in files]


def _benchmark(name: str, record: Mapping) -> Benchmark:
    made = record["provenance"]
    machine = made["machine"]
    called = ", ".join(str(machine[part]) for part in ("device", "processor") if machine.get(part))
    return Benchmark(
        name, record["question"], called, made["seconds"], made["commit"], made["created"], made["command"]
    )
