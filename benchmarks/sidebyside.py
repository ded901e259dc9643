"""Alternatives run in turn, compared inside each round, and written down with how it was done.

Each benchmark is one process that runs A B A B ...: a machine that slows down slows both, so the ratio of a round
says more than either time. A record holds ratios with their goals, the times behind them, settings and provenance.
"""

import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path

from nearlinear.results import making

HERE = Path(__file__).resolve().parent
RECORDS = HERE / "records"
KEYS = {"benchmark", "question", "ratios", "details", "settings", "provenance"}

Task = Callable[[], float]
"""Does its work once and answers with the seconds it took."""


@dataclass(frozen=True)
class Ratio:
    """A ratio over rounds and what it should be: at most, or at least, some number (None where nothing is promised)."""

    what: str
    median: float
    low: float
    high: float
    at_most: float | None = None
    at_least: float | None = None

    @property
    def goal(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:g}" if self.at_least is not None else ""

    @property
    def verdict(self) -> str:
        """Met, missed, or nothing where nothing was promised."""
        if not self.goal:
            return ""
        met = self.median <= self.at_most if self.at_most is not None else self.median >= self.at_least
        return "met" if met else "missed"

    def __str__(self) -> str:
        goal = f"   goal {self.goal}: {self.verdict}" if self.goal else ""
        return f"{self.what:<62} {self.median:7.3f}   ({self.low:.3f} to {self.high:.3f}){goal}"


def stopwatch(work: Callable[[], object], wait: Callable[[], None] = lambda: None) -> Task:
    """A task that times `work`; `wait` is called before each look at the clock (a GPU works behind our back)."""

    def task() -> float:
        wait()
        started = time.perf_counter()
        work()
        wait()
        return time.perf_counter() - started

    return task


def interleaved(
    tasks: Mapping[str, Task], rounds: int, *, warm: int = 1, limit: float = inf, least: int = 3
) -> dict[str, list[float]]:
    """Seconds of every task in every round, each round running all of them; `warm` rounds before that warm up.

    After `limit` seconds no further round begins, once there are `least`.
    """
    started = time.perf_counter()
    for _ in range(warm):
        for task in tasks.values():
            task()
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for done in range(rounds):
        if done >= least and time.perf_counter() - started > limit:
            break
        for name, task in tasks.items():
            seconds[name].append(task())
    return seconds


def ratio(what: str, over: Sequence[float], under: Sequence[float], **goal: float) -> Ratio:
    """Median, lowest and highest of over / under, round by round."""
    rounds = [a / b for a, b in zip(over, under, strict=True)]
    return Ratio(what, statistics.median(rounds), min(rounds), max(rounds), **goal)


def machine(device: str, threads: int) -> dict[str, object]:
    return {"device": device, "processor": _processor(), "cores": os.cpu_count(), "threads": threads}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def record(
    benchmark: str,
    question: str,
    ratios: Sequence[Ratio],
    *,
    details: dict,
    settings: dict,
    device: str,
    threads: int,
    tokens: int,
    seconds: float,
    made_by: tuple[str, ...] = making.MEASURING,
) -> dict:
    """All that one run has to say, ready for JSON. `made_by`: patterns of the library's files that it is about."""
    commit, clean = making.commit()
    provenance = {
        "commit": commit,
        "clean": clean,
        "library_sha256": making.library_sha256(made_by),
        "command": making.command(),
        "created": making.now(),
        "versions": making.versions(),
        "machine": machine(device, threads),
        "tokens": tokens,
        "seconds": round(seconds, 1),
    }
    return {
        "benchmark": benchmark,
        "question": question,
        "ratios": [asdict(r) for r in ratios],
        "details": details,
        "settings": settings,
        "provenance": provenance,
    }


def write(path: Path, content: dict) -> None:
    """Write a record as a whole or not at all. Plain JSON: this also runs where the library's dependencies do not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".", delete=False, encoding="utf-8") as file:
        json.dump(content, file, indent=1, ensure_ascii=False, allow_nan=False)
        file.write("\n")
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def read(path: Path) -> dict:
    """A record. Raises ValueError where the file is none."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or set(content) != KEYS:
        raise ValueError(f"{path.name} is no record of a benchmark")
    return content


def ratios_of(content: dict) -> list[Ratio]:
    return [Ratio(**r) for r in content["ratios"]]


def report(content: dict, path: Path) -> None:
    """Print the ratios and keep the record."""
    print(content["question"])
    for line in ratios_of(content):
        print(f"  {line}")
    write(path, content)
