"""How far the state turns across runs of blocks (arXiv 2403.17887, "The Unreasonable Ineffectiveness of the Deeper
Layers", equation 7).

    d(x_l, x_{l+k}) = arccos(cos(x_l, x_{l+k})) / π,   between 0 (the same direction) and 1 (the opposite one)
"""

from collections.abc import Sequence
from math import pi

import torch
from torch import Tensor

from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.models import blocks
from nearlinear.inputs.windows import Batch, Window
from nearlinear.measure.profile import Runner
from nearlinear.measure.stream_sums import Rows


class AngleSums:
    """Adds up angles over tokens for every run of at most `longest` blocks, while the model runs.

    Set `rows` for each batch, the tokens that count (n,), then let `on_block` be called for each block in turn.
    Only the last `longest` states are kept, as unit vectors in float64: near 1 arccos keeps but half of the digits.
    """

    def __init__(self, longest: int):
        self.longest = longest
        self.rows: Tensor | None = None
        self.n = 0
        self.sums: dict[range, Tensor] = {}
        self._units: list[Tensor] = []  # of the states before blocks stop - len … stop - 1

    def on_block(self, layer: int, x: Tensor, y: Tensor) -> None:
        """Take the states before and after a block, (B, T, d) each."""
        if layer == 0:
            self.n += len(self.rows)
            self._units = [self._unit(x)]
        after, stop = self._unit(y), layer + 1
        for length, before in enumerate(reversed(self._units), 1):
            run = range(stop - length, stop)
            self.sums[run] = self.sums.get(run, 0) + angles(before, after).sum()
        self._units = [*self._units, after][-self.longest :]

    def _unit(self, states: Tensor) -> Tensor:
        rows = states.flatten(0, -2).index_select(0, self.rows).double()
        return torch.nn.functional.normalize(rows, dim=1)

    def means(self) -> dict[range, float]:
        """The mean angle of each run over all tokens, as a share of π."""
        return {run: float(total) / self.n / pi for run, total in sorted(self.sums.items(), key=_place)}


def angles(u: Tensor, v: Tensor) -> Tensor:
    """Angles between unit vectors u, v (n, d) in radians, (n,); rounding cannot take a cosine out of [-1, 1]."""
    return (u * v).sum(1).clamp(-1, 1).arccos()


def angular_distances(
    loaded: LoadedModel,
    windows: Sequence[Window],
    *,
    longest: int,
    last_token_only: bool = False,
    batch_tokens: int = 2048,
) -> dict[range, float]:
    """Mean angular distance over tokens of every run of 1 … longest blocks, in one pass; keys are `range(l, l + k)`.

    `last_token_only`: of each window its last token, as the paper and PruneMe have it, because it alone has seen all of
    the window. The default is all tokens, first ones too: the same text then gives many times as many angles.
    Ours are states of the stream; PruneMe leaves out the first block, and takes the last state after the final norm.
    Raises InputError where `longest` is not in 1 … L-1, or there are no windows.
    """
    L = len(blocks(loaded.model))
    if not 0 < longest < L:
        raise InputError(f"runs of {longest} blocks in a model of {L} cannot be measured: choose from 1 to {L - 1}")
    if not windows:
        raise InputError("there is no text to measure angles on: give at least one window")
    device, sums = next(loaded.model.parameters()).device, AngleSums(longest)

    def on_batch(batch: Batch, rows: Rows) -> None:
        sums.rows = last_rows(batch).to(device) if last_token_only else torch.cat([rows.first, rows.rest])

    Runner(loaded, None, None, batch_tokens).run(windows, on_batch, sums.on_block, "angles")
    return sums.means()


def last_rows(batch: Batch) -> Tensor:
    """Of the flattened batch (B·T), the row of each window's last token, (B,)."""
    B, T = batch.attention_mask.shape
    return torch.arange(B) * T + batch.attention_mask.sum(1) - 1


def _place(item: tuple[range, Tensor]) -> tuple[int, int]:
    run, _ = item
    return len(run), run.start
