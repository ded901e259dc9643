"""Whole batches, dealt out in turn: what a batch holds does not depend on how many processes there are.

Windows are batched by length. So the windows of some of the batches, batched by themselves, make these same batches.
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from nearlinear.inputs.windows import Batch, Window, batches

from .many import Many

Round = tuple[Batch | None, ...]
"""One batch for each process, by rank; None where none is left."""


def rounds(windows: Sequence[Window], n: int, *, batch_tokens: int = 2048) -> Iterator[Round]:
    """The batches of all windows, n at a time."""
    return zip_longest(*[batches(windows, batch_tokens=batch_tokens)] * n)


def own_places(windows: Sequence[Window], many: Many, *, batch_tokens: int = 2048) -> list[int]:
    """Which windows are in the batches of this process, in the order of the windows."""
    own = (each[many.rank] for each in rounds(windows, many.n, batch_tokens=batch_tokens))
    return sorted(place for batch in own if batch is not None for place in batch.window.tolist())


def own_windows(windows: Sequence[Window], many: Many, *, batch_tokens: int = 2048) -> list[Window]:
    """The windows of this process. They make its batches again, so any measure can be given them in place of all."""
    return [windows[place] for place in own_places(windows, many, batch_tokens=batch_tokens)]
