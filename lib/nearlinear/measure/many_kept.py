"""What each process has summed so far, in files of its own, so that a run in which one has died can be gone on with.

All go on from their files or none does, and only from sums that were begun alike: those of one run.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from nearlinear.errors import BrokenFile, NearlinearError
from nearlinear.results.store import replacing

from .many import Lost, Many

SECONDS = 180.0
"""Seconds between two writings of a file, at least; a shorter run leaves none."""

SHARE = 20.0
"""And at least this many times as long as the last writing took, because sums of wide models are large."""

State = dict[str, Tensor]


class Summed(Protocol):
    """Sums that know how they stand, in tensors, and take that over again."""

    def state(self) -> State: ...

    def restore(self, state: Mapping[str, Tensor]) -> None: ...


@dataclass
class Kept:
    """The files of this process in `folder`, which is that of one specification, model, text and code."""

    folder: Path
    many: Many
    seconds: float = SECONDS
    _began: float = field(default_factory=lambda: time.monotonic())
    _written: float = field(default_factory=lambda: time.monotonic())
    _took: float = 0.0

    def path(self, what: str) -> Path:
        """Of one pass."""
        return self.folder / f"{what.replace(' ', '-')}-{self.many.rank}-of-{self.many.n}.safetensors"

    def restore(self, what: str, sums: Sequence[Summed]) -> int:
        """Put the sums where the files say and answer how many rounds they hold: 0 where not all processes have one.

        Raises BrokenFile, Lost.
        """
        state = self.many.together(lambda: self._read(what))
        begun = self.many.gathered(None if state is None else begun_with(state))
        if None in begun or len(set(begun)) > 1:
            return 0
        for each in sums:
            each.restore(state)
        return int(state["rounds"])

    def keep(self, what: str, rounds: int, sums: Sequence[Summed], *, last: bool = False) -> None:
        """Write the file whole, if it is time to, or if these are the `last` rounds of a run that takes long.

        Raises Lost where it cannot be written, because the others do not know of that.
        """
        began = time.monotonic()
        since, enough = (self._began, 0.0) if last else (self._written, SHARE * self._took)
        if began - since < max(self.seconds, enough):
            return
        state = {"rounds": torch.tensor(rounds)}
        for each in sums:
            state |= each.state()
        try:
            with replacing(self.path(what)) as temporary:
                save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, temporary)
        except NearlinearError as error:
            raise Lost(f"process {self.many.rank} of {self.many.n} cannot go on: {error}") from error
        self._written = time.monotonic()
        self._took = self._written - began

    def forget(self) -> None:
        """Remove this process's files: the run has come to its end."""
        for path in self.folder.glob(f"*-{self.many.rank}-of-{self.many.n}.safetensors"):
            path.unlink()
        try:
            self.folder.rmdir()
        except OSError:  # others have files there still, or there never was a folder
            return

    def _read(self, what: str) -> State | None:
        path = self.path(what)
        if not path.exists():
            return None
        try:
            return load_file(path)
        except SafetensorError as error:
            raise BrokenFile(f"{path} cannot be read: remove it to begin anew") from error


def begun_with(state: Mapping[str, Tensor]) -> str:
    """Hash of the shifts and limits that sums were begun with."""
    digest = hashlib.sha256()
    for name in sorted(name for name in state if name.startswith("start ")):
        digest.update(state[name].numpy().tobytes())
    return digest.hexdigest()
