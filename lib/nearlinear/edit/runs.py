"""Moments of runs of blocks: what one map needs that is to stand for several blocks at once.

The update of a run is h_stop - h_start. All runs that start at the same block share the states before it, so xᵀx is
summed once for all of them, and one product xᵀ[x | δ_1 | … | δ_K] a start serves every run.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.models import blocks
from nearlinear.inputs.windows import Window
from nearlinear.measure.moments import Moments, column_sums, mirrored
from nearlinear.measure.precision import CHUNK, Exact, choose
from nearlinear.measure.profile import Runner
from nearlinear.measure.stream_sums import FAR_ROWS, Rows


class RunMoments(Mapping[range, Moments]):
    """The moments of every run, over all tokens: made when asked for, so that xᵀx is kept once a start."""

    def __init__(self, starts: Mapping[int, "StartSums"]):
        self._starts = starts

    def __getitem__(self, run: range) -> Moments:
        if run not in set(self):
            raise KeyError(run)
        return self._starts[run.start].moments(len(run))

    def __iter__(self) -> Iterator[range]:
        return (range(start, start + k) for start, sums in self._starts.items() for k in range(1, sums.K + 1))

    def __len__(self) -> int:
        return sum(sums.K for sums in self._starts.values())


def run_moments(
    loaded: LoadedModel,
    windows: Sequence[Window],
    *,
    longest: int,
    precision: str = "auto",
    batch_tokens: int = 2048,
) -> RunMoments:
    """Moments of every run of 1 … `longest` blocks, from one pass, over all tokens.

    First tokens stay in: a map that stands in the model meets the attention sink too. Takes (1 + longest) d² numbers a
    block. Raises InputError for a length that no run has, or a precision the device cannot do; NotEnoughTokens for no
    windows.
    """
    L = len(blocks(loaded.model))
    if not 1 <= longest <= L:
        raise InputError(f"no run has {longest} blocks: this model has runs of 1 to {L}")
    if not windows:
        raise NotEnoughTokens("there are no windows to take moments of: give some text")
    sums = RunSums(L, longest, choose(precision, next(loaded.model.parameters()).device))

    def on_batch(_batch, rows: Rows) -> None:
        sums.rows = rows

    Runner(loaded, sums.precision, None, batch_tokens).run(windows, on_batch, sums.on_block, "runs")
    return RunMoments(sums.starts)


class RunSums:
    """One pass over L blocks: set `rows` for each batch, then let `on_block` be called for every block in turn.

    Of a batch only the states of the `longest` blocks in work are held.
    """

    def __init__(self, L: int, longest: int, precision):
        self.L, self.longest, self.precision = L, longest, precision
        self.starts: dict[int, StartSums] = {}
        self.rows: Rows | None = None
        self._states: list[Tensor] = []

    def on_block(self, layer: int, x: Tensor, y: Tensor) -> None:
        """Take the states before and after a block, (B, T, d) each; sum the runs whose last block this is."""
        if layer == 0:
            self._states = [x.flatten(0, -2)]
        self._states.append(y.flatten(0, -2))
        self._sum_while_longer_than(1 if layer == self.L - 1 else self.longest, stop=layer + 1)

    def _sum_while_longer_than(self, n_states: int, *, stop: int) -> None:
        while len(self._states) > n_states:
            start = stop + 1 - len(self._states)
            if start not in self.starts:
                self.starts[start] = StartSums(self._states, self.rows, self.precision)
            self.starts[start].add(self._states, self.rows)
            self._states = self._states[1:]


class StartSums:
    """Sums over tokens for the K runs that start at one block: x before it, δ_k the update of its first k blocks.

    Shifted by the mean of the first rows seen, rounded to float32, which is exact in every working precision. The first
    tokens and the longest rows are summed in float64, as in pass 1: they would cost the others their last digits.
    """

    def __init__(self, states: Sequence[Tensor], rows: Rows, precision):
        """states: those before the run and after each of its blocks, (B·T, d) each, of the first batch."""
        self.K, self.d, self.precision = len(states) - 1, states[0].shape[1], precision
        some = rows.rest if len(rows.rest) else rows.first
        self.shift = joined(states, some, torch.float64).mean(0).float()  # ((1 + K) d,)
        kw = {"dtype": torch.float64, "device": self.shift.device}
        self.n = 0
        self.G = torch.zeros(self.d, len(self.shift), **kw)
        self.sum = torch.zeros(len(self.shift), **kw)
        self.sq = torch.zeros(1 + self.K, **kw)

    def add(self, states: Sequence[Tensor], rows: Rows) -> None:
        """Add a flattened batch, (B·T, d) each; padding is left out."""
        self.n += len(rows.first) + len(rows.rest)
        self._add_shifted(joined(states, rows.first, torch.float64) - self.shift)
        for some in rows.rest.split(CHUNK):
            z = joined(states, some, self.precision.dtype) - self.shift
            far = torch.linalg.vector_norm(z, dim=1).topk(min(FAR_ROWS, len(z))).indices
            self._add_shifted(z.index_select(0, far).double())
            self._add_shifted(z.index_fill_(0, far, 0.0))

    def _add_shifted(self, z: Tensor) -> None:
        way = Exact if z.dtype == torch.float64 else self.precision
        way.add_gram(self.G, z)
        self.sum += column_sums(z)
        sizes = torch.linalg.vector_norm(z.view(len(z), 1 + self.K, self.d), dim=2)  # float32 only within a row
        self.sq += sizes.double().square().sum(0)

    def moments(self, k: int) -> Moments:
        """Of the run of k blocks, 1 ≤ k ≤ K."""
        delta = slice(k * self.d, (k + 1) * self.d)
        return Moments(
            n=self.n,
            shift_x=self.shift[: self.d].double(),
            shift_d=self.shift[delta].double(),
            sum_x=self.sum[: self.d].clone(),
            sum_d=self.sum[delta].clone(),
            G=mirrored(torch.cat([self.G[:, : self.d], self.G[:, delta]], dim=1)),
            sq_d=self.sq[k].clone(),
        )


def joined(states: Sequence[Tensor], rows: Tensor, dtype: torch.dtype) -> Tensor:
    """[x | δ_1 | … | δ_K] (k, (1 + K) d) of some rows of the states x, h_1 … h_K."""
    x, *after = (state.index_select(0, rows).to(dtype) for state in states)
    return torch.cat([x, *(y - x for y in after)], dim=1)
