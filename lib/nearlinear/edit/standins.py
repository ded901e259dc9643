"""What can stand in a block's place: nothing at all, or one affine map of the state."""

import torch
from torch import Tensor, nn

from nearlinear.measure.linearity import AffineMap


class PassThrough(nn.Module):
    """A removed block: the state (B, T, d) comes out as it went in. Whatever else a block is given is ignored."""

    def __init__(self, as_tuple: bool):
        """`as_tuple`: the blocks of this family answer with a tuple, whose first entry is the state."""
        super().__init__()
        self.as_tuple = as_tuple

    def forward(self, hidden_states: Tensor, *_args, **_kwargs) -> Tensor | tuple[Tensor]:
        return (hidden_states,) if self.as_tuple else hidden_states


class AffineBlock(nn.Module):
    """A replaced block: x ↦ x + x A + b for states x (B, T, d), computed in the dtype of A and given back in that of x.

    Parameters A (d, d) and b (d,): the map of the update, so that A = 0, b = 0 removes the block.
    """

    def __init__(self, A: Tensor, b: Tensor, *, as_tuple: bool):
        super().__init__()
        self.A, self.b = nn.Parameter(A), nn.Parameter(b)
        self.as_tuple = as_tuple

    @classmethod
    def of(cls, m: AffineMap, *, as_tuple: bool, dtype: torch.dtype, device: torch.device | str) -> "AffineBlock":
        """The block of a fitted map; the intercept is formed before anything is rounded to `dtype`."""
        return cls(*(part.detach().to(device, dtype, copy=True) for part in (m.A, m.b)), as_tuple=as_tuple)

    def map(self) -> AffineMap:
        """The map that this block is now, in float64, with nothing left in its means but the intercept."""
        A, b = self.A.detach().double(), self.b.detach().double()
        return AffineMap(A, torch.zeros_like(b), b)

    def forward(self, hidden_states: Tensor, *_args, **_kwargs) -> Tensor | tuple[Tensor]:
        x = hidden_states.to(self.A)  # dtype and, where a model lies on several devices, device
        y = (x + x @ self.A + self.b).to(hidden_states.dtype)
        return (y,) if self.as_tuple else y
