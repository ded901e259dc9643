"""Several processes that measure one model: what they tell each other, and how one hears that another is gone.

torchrun starts them and `train.parallel.joined` makes them known to each other. Alone, everything here does nothing.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch.distributed as dist
from torch import Tensor

from nearlinear.errors import NearlinearError

T = TypeVar("T")

PATIENCE = timedelta(minutes=30)
"""How long one process waits for another. One that dies is noticed at once, one that hangs after this time."""


class Lost(NearlinearError):
    """One process is gone or cannot go on, so what all have to do together cannot be done.

    Not all of them know, so each that raises this says it.
    """


class Many:
    """This process (`rank`, from 0) among the `n` that measure together."""

    def __init__(self, patience: timedelta = PATIENCE):
        self.n = dist.get_world_size() if dist.is_initialized() else 1
        self.rank = dist.get_rank() if dist.is_initialized() else 0
        self.group = dist.new_group(timeout=patience) if self.n > 1 else None

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def owner(self, place: int) -> int:
        """Which process solves what stands at a place: places are dealt out in turn."""
        return place % self.n

    def owned(self, items: Sequence[T]) -> Sequence[T]:
        """Those of the items that this process solves."""
        return items[self.rank :: self.n]

    def add_up(self, values: Tensor, *, at: int | None = None) -> Tensor:
        """The sum over all processes of a tensor of one shape, in its place: for all, or for process `at` alone.

        Raises Lost.
        """
        if self.n > 1:
            with self.answered():
                dist.all_reduce(values, group=self.group) if at is None else dist.reduce(values, at, group=self.group)
        return values

    def spread(self, values: Tensor, *, owner: int) -> Tensor:
        """The tensor of process `owner` for all, in the place of theirs, which have its shape. Raises Lost."""
        if self.n > 1:
            with self.answered():
                dist.broadcast(values, owner, group=self.group)
        return values

    def gathered(self, value: T) -> list[T]:
        """What each process says, by rank: something small. Raises Lost."""
        found = [value] * self.n
        if self.n > 1:
            with self.answered():
                dist.all_gather_object(found, value, group=self.group)
        return found

    def together(self, work: Callable[[], T]) -> T:
        """Do `work` on every process; where it fails on one, it fails on all, in the words of the one. Raises Lost."""
        try:
            found, error = work(), None
        except NearlinearError as raised:
            found, error = None, raised
        said = self.gathered(str(error) if error else "")
        if error:
            raise error
        if any(said):
            rank = next(rank for rank, words in enumerate(said) if words)
            raise NearlinearError(f"process {rank} cannot go on: {said[rank]}")
        return found

    @contextmanager
    def answered(self) -> Iterator[None]:
        """Inside, an error of torch.distributed becomes one sentence."""
        try:
            yield
        except RuntimeError as error:
            raise Lost(
                f"process {self.rank} of {self.n} has lost another one ({why(error)}): "
                "look for what that one says, and give the same command again"
            ) from error


def why(error: Exception) -> str:
    """The first line of an error of torch, without the place in the sources where it stands."""
    first = str(error).strip().split("\n")[0]
    return re.sub(r"^\[[^\]]*\]\s*", "", first).rstrip(".") or type(error).__name__
