"""The size and direction of a block's update, token by token (arXiv 2405.12250, Fig. 3); no centring, no fit."""

import torch
from torch import Tensor


class GeometrySums:
    """Means over tokens of ‖δ_t‖ / ‖y_t‖ and of cos(x_t, y_t), summed in float64 on the device."""

    def __init__(self, device: torch.device | str):
        self.n = 0
        self.ratio = torch.zeros((), dtype=torch.float64, device=device)
        self.cosine = torch.zeros((), dtype=torch.float64, device=device)

    def add(self, x: Tensor, y: Tensor, delta: Tensor) -> None:
        """Add rows x, y = x + delta (k, d)."""
        size_x, size_y = torch.linalg.vector_norm(x, dim=1), torch.linalg.vector_norm(y, dim=1)
        size_d = torch.linalg.vector_norm(delta, dim=1)
        self.n += len(x)
        self.ratio += (size_d / size_y).sum(dtype=torch.float64)
        self.cosine += ((x * y).sum(1) / (size_x * size_y)).sum(dtype=torch.float64)

    @property
    def norm_ratio(self) -> float:
        return float(self.ratio / self.n)

    @property
    def mean_cosine(self) -> float:
        return float(self.cosine / self.n)
