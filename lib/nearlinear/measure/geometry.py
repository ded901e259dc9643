"""The size and direction of a block's update, token by token (arXiv 2405.12250, Fig. 3); no centring, no fit."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TokenSizes:
    """Lengths of n tokens' states before and after a block and of its updates, (n,) each."""

    x: Tensor
    y: Tensor
    delta: Tensor

    @classmethod
    def of(cls, x: Tensor, y: Tensor, delta: Tensor) -> "TokenSizes":
        """Of rows x, y = x + delta (n, d)."""
        return cls(*(torch.linalg.vector_norm(rows, dim=1) for rows in (x, y, delta)))

    @property
    def cosine(self) -> Tensor:
        """cos(x, y) by the law of cosines: the three sides of a triangle tell its angles."""
        x, y, delta = self.x.double(), self.y.double(), self.delta.double()
        return (x.square() + y.square() - delta.square()) / (2 * x * y)


class GeometrySums:
    """Means over tokens of ‖δ_t‖ / ‖y_t‖ and of cos(x_t, y_t), summed in float64 on the device."""

    def __init__(self, device: torch.device | str):
        self.n = 0
        self.ratio = torch.zeros((), dtype=torch.float64, device=device)
        self.cosine = torch.zeros((), dtype=torch.float64, device=device)

    def add(self, sizes: TokenSizes, rows: Tensor) -> None:
        """Add those tokens whose indices are in `rows`."""
        self.n += len(rows)
        self.ratio += (sizes.delta / sizes.y).index_select(0, rows).sum(dtype=torch.float64)
        self.cosine += sizes.cosine.index_select(0, rows).sum()

    @property
    def norm_ratio(self) -> float:
        return float(self.ratio / self.n)

    @property
    def mean_cosine(self) -> float:
        return float(self.cosine / self.n)
