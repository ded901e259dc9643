"""Jobs for the warm process: each is a process of its own, with a fault in it if a test says so."""

import itertools
import json
import random
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """How a job ended: its exit code (negative: killed by that signal), what it said, and how many moments it had."""

    code: int
    out: str
    err: str
    moments: int

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def sentence(self) -> str:
        """The one sentence that a refusal ends in."""
        (line,) = [line for line in self.err.splitlines() if not line.endswith("…")]
        assert self.code == 2, self
        assert line.startswith("nearlinear: "), line
        return line


@dataclass
class Jobs:
    """Jobs of one test, in a folder of its own: what they change below it can be made to fail."""

    server: subprocess.Popen
    folder: Path
    notes: Path
    env: dict[str, str] = field(default_factory=dict)
    target: str = "nearlinear.cli:main"
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def ask(self, **what):
        self.server.stdin.write(json.dumps(what) + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    def start(self, *arguments, what="none", at=0, below: Path | None = None, target: str | None = None):
        """Begin a job; what comes back waits for its end."""
        note = self.notes / str(next(self.numbers))
        job = {
            "target": target or self.target,
            "arguments": arguments,
            "env": {"NEARLINEAR_CACHE": str(self.folder / "cache")} | self.env,
            "cwd": str(self.folder),
            "fault": {"what": what, "at": at, "below": str(below or self.folder)},
            "stdout": f"{note}.out",
            "stderr": f"{note}.err",
            "moments": f"{note}.moments",
        }
        pid = self.ask(start=job)
        return lambda: self._ended(note, self.ask(wait=pid))

    def run(self, *arguments, **fault) -> Ended:
        return self.start(*arguments, **fault)()

    def _ended(self, note: Path, code: int) -> Ended:
        out, err, moments = (Path(f"{note}.{kind}") for kind in ("out", "err", "moments"))
        count = int(moments.read_text()) if moments.exists() else 0
        return Ended(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"), count)


def some(moments: int, most: int, seed: int = 0) -> list[int]:
    """Moments of a job in rising order: all of them, or a seeded choice."""
    assert moments > 0
    every = range(1, moments + 1)
    return sorted(random.Random(seed).sample(every, min(most, moments)))


def stretches(moments: int, kills: int, seed: int = 0) -> list[int]:
    """How long each of several runs lives that go on from one another, so that together they come near the end."""
    return [random.Random(seed + i).randint(moments // kills // 2, 2 * moments // kills) for i in range(kills)]
