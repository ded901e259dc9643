"""Pass 1: the moments and the geometry of every block, filled while the model runs."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .geometry import GeometrySums
from .moments import Moments, MomentSums, merge
from .precision import Exact


@dataclass(frozen=True)
class Rows:
    """Which rows of a flattened batch (B·T, d) are a window's first token, and which are its other real tokens."""

    first: Tensor
    rest: Tensor

    @classmethod
    def of(cls, attention_mask: Tensor, device: torch.device | str) -> "Rows":
        """From a right-padded mask (B, T) that lies on the CPU, so that no device has to be waited for."""
        seen = attention_mask.bool()
        is_first = torch.zeros_like(seen)
        is_first[:, 0] = True
        flat_first, flat_rest = (seen & is_first).flatten(), (seen & ~is_first).flatten()
        return cls(flat_first.nonzero()[:, 0].to(device), flat_rest.nonzero()[:, 0].to(device))


@dataclass(frozen=True)
class BlockRows:
    """States before one block and its updates: first tokens in float64, the rest in the working precision."""

    x_first: Tensor
    d_first: Tensor
    x: Tensor
    d: Tensor

    @classmethod
    def of(cls, x: Tensor, y: Tensor, rows: Rows, dtype: torch.dtype) -> "BlockRows":
        x, y = x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])  # (B·T, d)
        x_first, y_first = x.index_select(0, rows.first).double(), y.index_select(0, rows.first).double()
        x_rest, y_rest = x.index_select(0, rows.rest).to(dtype), y.index_select(0, rows.rest).to(dtype)
        return cls(x_first, y_first - x_first, x_rest, y_rest - x_rest)


class BlockSums:
    """Moments of one block, its first tokens apart, so that one pass gives the scores with and without them."""

    def __init__(self, shift_x: Tensor, shift_d: Tensor, precision):
        self.first = MomentSums(shift_x, shift_d, Exact())
        self.rest = MomentSums(shift_x, shift_d, precision)
        self.geometry = GeometrySums(shift_x.device)

    @classmethod
    def shifted_like(cls, rows: BlockRows, precision) -> "BlockSums":
        """Shifted by the mean of the first rows seen, rounded to float32: exact in every working precision."""
        x, d = (rows.x, rows.d) if len(rows.x) else (rows.x_first, rows.d_first)
        return cls(x.double().mean(0).float(), d.double().mean(0).float(), precision)

    def add(self, rows: BlockRows) -> None:
        self.first.add(rows.x_first, rows.d_first)
        self.rest.add(rows.x, rows.d)
        self.geometry.add(rows.x_first, rows.x_first + rows.d_first, rows.d_first)
        self.geometry.add(rows.x, rows.x + rows.d, rows.d)

    def no_first_token(self) -> Moments:
        return self.rest.moments()

    def all_tokens(self) -> Moments:
        return merge(self.rest.moments(), self.first.moments())


class StreamSums:
    """Pass 1 over all blocks: set `rows` for each batch, then let `on_block` be called for every block."""

    def __init__(self, precision, shifts: "StreamSums | None" = None):
        self.precision = precision
        self.blocks: dict[int, BlockSums] = {}
        self.shifts = shifts
        self.rows: Rows | None = None

    def on_block(self, layer: int, x: Tensor, y: Tensor) -> BlockRows:
        rows = BlockRows.of(x, y, self.rows, self.precision.dtype)
        if layer not in self.blocks:
            self.blocks[layer] = self._start(layer, rows)
        self.blocks[layer].add(rows)
        return rows

    def _start(self, layer: int, rows: BlockRows) -> BlockSums:
        if self.shifts is None:
            return BlockSums.shifted_like(rows, self.precision)
        known = self.shifts.blocks[layer].rest
        return BlockSums(known.work_x.float(), known.work_d.float(), self.precision)

    @property
    def L(self) -> int:
        return len(self.blocks)
