"""Pass 1: the moments and the geometry of every block, filled while the model runs.

Three kinds of tokens are summed apart, so that one pass gives the scores with and without them: each window's first
token, where the attention sink sits; massive tokens, whose state is MASSIVE times longer than most; and the rest.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .geometry import GeometrySums, TokenSizes
from .moments import Moments, MomentSums, merge
from .precision import CHUNK, Exact

MASSIVE = 10.0
"""A token is massive in a block if its state, before or after, is this many times longer than the median token's."""

FAR_ROWS = 16
"""Rows of each chunk that are always summed in float64: the longest. Massive tokens are looked for among them."""


@dataclass(frozen=True)
class Rows:
    """Of a flattened batch (B·T, d): which rows are a window's first token, its other real tokens, and padding."""

    first: Tensor
    rest: Tensor
    padding: Tensor

    @classmethod
    def of(cls, attention_mask: Tensor, device: torch.device | str) -> "Rows":
        """From a right-padded mask (B, T) that lies on the CPU, so that no device has to be waited for."""
        seen = attention_mask.bool()
        is_first = torch.zeros_like(seen)
        is_first[:, 0] = True
        kinds = (seen & is_first, seen & ~is_first, ~seen)
        return cls(*(kind.flatten().nonzero()[:, 0].to(device) for kind in kinds))


class BlockSums:
    """Moments of one block by kind of token, and its geometry over all of them."""

    def __init__(self, shift_x: Tensor, shift_d: Tensor, limit_x: Tensor, limit_y: Tensor, precision):
        self.limit_x, self.limit_y = limit_x, limit_y
        self.first = MomentSums(shift_x, shift_d, Exact())
        self.massive = MomentSums(shift_x, shift_d, Exact())
        self.rest = MomentSums(shift_x, shift_d, precision)
        self.geometry = GeometrySums(shift_x.device)

    @classmethod
    def started_with(cls, x: Tensor, y: Tensor, rows: Rows, precision) -> "BlockSums":
        """Shifted by the mean of the first rows seen, rounded to float32: exact in every working precision."""
        some = rows.rest if len(rows.rest) else rows.first
        x, y = x.index_select(0, some).double(), y.index_select(0, some).double()
        limits = (MASSIVE * torch.linalg.vector_norm(states, dim=1).median() for states in (x, y))
        return cls(x.mean(0).float(), (y - x).mean(0).float(), *limits, precision)

    def like(self) -> "BlockSums":
        """Empty sums with the same shift and the same limits."""
        x, d = self.rest.work_x.float(), self.rest.work_d.float()
        return BlockSums(x, d, self.limit_x, self.limit_y, self.rest.precision)

    def add(self, x: Tensor, y: Tensor, rows: Rows, z: Tensor) -> None:
        """Add a flattened batch: x, y (B·T, d). z (B·T, 2d): room to work in, in the working precision."""
        first_x, first_y = x.index_select(0, rows.first).double(), y.index_select(0, rows.first).double()
        self.first.add(first_x, first_y - first_x)
        x, y = x.to(z.dtype), y.to(z.dtype)
        states, delta = z.tensor_split(2, dim=1)
        torch.sub(y, x, out=delta)
        sizes = TokenSizes.of(x, y, delta)
        self.geometry.add(sizes, torch.cat([rows.rest, rows.first]))
        torch.sub(x, self.rest.work_x, out=states)
        delta -= self.rest.work_d

        length = self.relative_length(sizes)
        for others in (rows.first, rows.padding):
            z.index_fill_(0, others, 0.0)
            length.index_fill_(0, others, 0.0)
        n_massive = sum(self._add_chunk(z[at : at + CHUNK], length[at : at + CHUNK]) for at in range(0, len(z), CHUNK))
        self.massive.n += n_massive
        self.rest.n += len(rows.rest) - n_massive

    def relative_length(self, sizes: TokenSizes) -> Tensor:
        """Of each token, the length of its state before or after as a share of what makes it massive."""
        return torch.maximum(sizes.x / self.limit_x, sizes.y / self.limit_y)

    def _add_chunk(self, z: Tensor, length: Tensor) -> Tensor:
        """Sum the longest rows in float64, the others in the working precision; answer how many were massive.

        A product in float32 that holds one huge row costs all others their last digits. The number of far rows is
        fixed, so that the device need not be asked how many there are.
        """
        far = length.topk(min(FAR_ROWS, len(z))).indices
        is_massive = length.index_select(0, far) > 1
        rows = z.index_select(0, far).double()
        z.index_fill_(0, far, 0.0)
        self.massive.add_shifted(torch.where(is_massive[:, None], rows, 0.0))
        self.rest.add_shifted(torch.where(is_massive[:, None], 0.0, rows))
        self.rest.add_shifted(z)
        return is_massive.sum()

    def no_massive_token(self) -> Moments:
        return self.rest.moments()

    def no_first_token(self) -> Moments:
        return merge(self.rest.moments(), self.massive.moments())

    def all_tokens(self) -> Moments:
        return merge(self.no_first_token(), self.first.moments())


class StreamSums:
    """Pass 1 over all blocks: set `rows` for each batch, then let `on_block` be called for every block."""

    def __init__(self, precision, like: "StreamSums | None" = None):
        """`like`: sums whose shifts and limits to take over, so that both can be merged."""
        self.precision = precision
        self.blocks: dict[int, BlockSums] = {layer: b.like() for layer, b in like.blocks.items()} if like else {}
        self.rows: Rows | None = None
        self._room = torch.empty(0, 0)

    def on_block(self, layer: int, x: Tensor, y: Tensor) -> None:
        """Add the states before and after a block, (B, T, d) each."""
        x, y = x.flatten(0, -2), y.flatten(0, -2)
        if layer not in self.blocks:
            self.blocks[layer] = BlockSums.started_with(x, y, self.rows, self.precision)
        self.blocks[layer].add(x, y, self.rows, self._room_for(x))

    def _room_for(self, x: Tensor) -> Tensor:
        """One buffer (n, 2d) serves all blocks in turn: fresh memory each time would cost a tenth of pass 1."""
        n, d = x.shape
        if len(self._room) < n:
            self._room = torch.empty(n, 2 * d, dtype=self.precision.dtype, device=x.device)
        return self._room[:n]

    @property
    def L(self) -> int:
        return len(self.blocks)
