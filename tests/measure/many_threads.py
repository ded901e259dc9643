"""Processes played by threads, which answer each other through a board: any number of them, and no time to start."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Condition
from typing import TypeVar

from torch import Tensor

from nearlinear.measure.many import Many

T = TypeVar("T")
SECONDS = 20.0


class Board:
    """What each has said so far, for all to see, and who is gone."""

    def __init__(self, n: int):
        self.said: list[list] = [[] for _ in range(n)]
        self.gone: set[int] = set()
        self.news = Condition()

    def leave(self, rank: int) -> None:
        with self.news:
            self.gone.add(rank)
            self.news.notify_all()


class Thread(Many):
    """One of them. As with real processes, only what is handed over is shared."""

    def __init__(self, board: Board, rank: int):
        self.board, self.rank, self.n = board, rank, len(board.said)

    def gathered(self, value):
        said, k = self.board.said, len(self.board.said[self.rank])
        with self.answered(), self.board.news:
            said[self.rank].append(value)
            self.board.news.notify_all()
            here = self.board.news.wait_for(lambda: all(len(each) > k for each in said) or self.board.gone, SECONDS)
            if not here or any(len(each) <= k for each in said):
                raise RuntimeError("Connection closed by peer")
            return [each[k] for each in said]

    def add_up(self, values: Tensor, *, at: int | None = None) -> Tensor:
        parts = self.gathered(values.clone())
        assert len({part.shape for part in parts}) == len({part.dtype for part in parts}) == 1
        return values.copy_(sum(parts)) if at in (None, self.rank) else values

    def spread(self, values: Tensor, *, owner: int) -> Tensor:
        parts = self.gathered(values.clone())
        assert len({part.shape for part in parts}) == len({part.dtype for part in parts}) == 1
        return values.copy_(parts[owner])


def on_threads(n: int, work: Callable[[Many], T]) -> list[T | Exception]:
    """What `work` answers on each of n, or what it raises there; one that raises is gone for the others."""
    board = Board(n)

    def run(rank: int) -> T | Exception:
        try:
            return work(Thread(board, rank))
        except Exception as error:
            board.leave(rank)
            return error

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(run, range(n)))


def answers(n: int, work: Callable[[Many], T]) -> list[T]:
    """As `on_threads`, where nothing should be raised."""
    found = on_threads(n, work)
    for each in found:
        if isinstance(each, Exception):
            raise each
    return found
