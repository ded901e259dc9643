"""Sums of pass 1 on several processes: begun alike, filled apart, added up.

All share the shift, and the limit above which a token is massive, of the first batch of all. The first process tells
them block by block while that batch passes, so that none waits for another to begin.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from .linearity import AffineMap
from .many import Many
from .moments import Moments, MomentSums
from .stream_sums import BlockSums, StreamSums

KINDS = ("first", "massive", "rest")


class SharedSums(StreamSums):
    """The sums of one process among many over its own batches, L blocks of width d."""

    def __init__(self, precision, many: Many, L: int, d: int, device: torch.device):
        super().__init__(precision)
        self.many, self.n_blocks, self.d, self.device = many, L, d, device

    def on_block(self, layer: int, x: Tensor, y: Tensor) -> None:
        """Add the states before and after a block, (B, T, d) each. Raises Lost."""
        if layer not in self.blocks:
            here = self._started_here(x.flatten(0, -2), y.flatten(0, -2)) if self.many.first else self._room_for_start()
            self._begin(layer, here)
        super().on_block(layer, x, y)

    def begin_without_text(self) -> None:
        """For a process to which no batch fell: begin as the others do, and add nothing. Raises Lost."""
        for layer in range(self.n_blocks):
            if layer not in self.blocks:
                self._begin(layer, self._room_for_start())

    def _started_here(self, x: Tensor, y: Tensor) -> Tensor:
        return start_of(BlockSums.started_with(x, y, self.rows, self.precision))

    def _room_for_start(self) -> Tensor:
        return torch.empty(2 * self.d + 2, dtype=torch.float64, device=self.device)

    def _begin(self, layer: int, start: Tensor) -> None:
        self.blocks[layer] = begun(self.many.spread(start, owner=0), self.precision)

    def state(self) -> dict[str, Tensor]:
        """All that `restore` needs."""
        starts = {f"start {layer}": start_of(block) for layer, block in self.blocks.items()}
        return starts | {f"sums {layer}": row_of_block(block) for layer, block in self.blocks.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state` has said, in another run of the same."""
        for layer in range(self.n_blocks):
            block = begun(state[f"start {layer}"].to(self.device), self.precision)
            self.blocks[layer] = filled(block, state[f"sums {layer}"].to(self.device))

    def like(self) -> "SharedSums":
        """Empty sums with the same shifts and limits."""
        empty = SharedSums(self.precision, self.many, self.n_blocks, self.d, self.device)
        empty.blocks = {layer: block.like() for layer, block in self.blocks.items()}
        return empty

    def added_up(self) -> dict[int, BlockSums]:
        """The sums over all processes, of the blocks that this one solves. Raises Lost."""
        found = {}
        for layer in range(self.n_blocks):
            owner = self.many.owner(layer)
            row = self.many.add_up(row_of_block(self.blocks[layer]), at=owner)
            if owner == self.many.rank:
                found[layer] = filled(self.blocks[layer].like(), row)
        return found


def start_of(block: BlockSums) -> Tensor:
    """(2d + 2,) float64: the shifts of x and Δ, and how long a massive state is before and after."""
    rest = block.rest
    return torch.cat([rest.work_x.double(), rest.work_d.double(), block.limit_x[None], block.limit_y[None]])


def begun(start: Tensor, precision) -> BlockSums:
    """Empty sums from what `start_of` says. Shifts have float32 digits, so nothing is rounded."""
    d = len(start) // 2 - 1
    return BlockSums(start[:d].float(), start[d : 2 * d].float(), start[-2], start[-1], precision)


def row_of(sums: MomentSums | Moments) -> Tensor:
    """(2 + 2d + 2d²,) float64: all that adds up. A number of tokens is exact below 2⁵³."""
    n = torch.as_tensor(sums.n, dtype=torch.float64, device=sums.sq_d.device)
    return torch.cat([n[None], sums.sq_d[None], sums.sum_x, sums.sum_d, sums.G.flatten()])


def parts_of(row: Tensor, d: int) -> dict[str, Tensor]:
    """What `row_of` put in a row, by name."""
    n, sq_d, sum_x, sum_d, G = row.split([1, 1, d, d, 2 * d * d])
    return {"n": n[0].round().long(), "sq_d": sq_d[0], "sum_x": sum_x, "sum_d": sum_d, "G": G.view(d, 2 * d)}


def row_of_block(block: BlockSums) -> Tensor:
    """The rows of all kinds of tokens, then the geometry."""
    geometry = block.geometry
    n = torch.as_tensor(geometry.n, dtype=torch.float64, device=geometry.ratio.device)
    return torch.cat(
        [*(row_of(getattr(block, kind)) for kind in KINDS), torch.stack([n, geometry.ratio, geometry.cosine])]
    )


def filled(block: BlockSums, row: Tensor) -> BlockSums:
    """The block with the sums of a row of `row_of_block` in place of its own."""
    d = len(block.rest.sum_x)
    *kinds, geometry = row.split([*[2 + 2 * d + 2 * d * d] * len(KINDS), 3])
    for kind, sums in zip(KINDS, kinds, strict=True):
        for name, part in parts_of(sums, d).items():
            setattr(getattr(block, kind), name, part.clone())
    block.geometry.n = int(geometry[0].round())
    block.geometry.ratio, block.geometry.cosine = geometry[1].clone(), geometry[2].clone()
    return block


def spread_map(own: AffineMap | None, place: int, many: Many, *, d: int, device: torch.device) -> AffineMap:
    """The map (of width d) that the owner of a place has fitted, for all; the others give None. Raises Lost."""
    if own is None:
        rows = torch.empty(d + 2, d, dtype=torch.float64, device=device)
    else:
        rows = torch.cat([own.A, own.mean_x[None], own.mean_d[None]])
    many.spread(rows, owner=many.owner(place))
    return AffineMap(rows[:d], rows[d], rows[d + 1])
