"""Pass 2: how well a fitted map does on tokens it never saw, with intervals that respect their dependence.

Held-out score = 1 - Σ‖e_t‖² / Σ‖target_t - mean of the fit split‖². It may be negative: then the map does worse than
guessing the mean. Tokens of one document resemble each other, so intervals resample whole documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from .geometry import TokenSizes
from .linearity import AffineMap
from .stream_sums import BlockSums, Rows

N_RESAMPLES = 2000


@dataclass(frozen=True)
class Errors:
    """Squared sizes, each (L, n): map error, update and state about the fit split's means. One fit, n tokens."""

    error2: np.ndarray
    update2: np.ndarray
    state2: np.ndarray

    def score(self) -> np.ndarray:
        """Held-out score with the residual, (L,)."""
        return 1 - self.error2.sum(1) / self.state2.sum(1)

    def update_score(self) -> np.ndarray:
        """Held-out score of the update, (L,)."""
        return 1 - self.error2.sum(1) / self.update2.sum(1)

    def of_tokens(self, keep: np.ndarray) -> "Errors":
        """Of the tokens for which `keep` (n,) holds."""
        return Errors(self.error2[:, keep], self.update2[:, keep], self.state2[:, keep])

    def without(self, out: np.ndarray) -> "Errors":
        """With zeros, which count for nothing, for the tokens that are `out` (L, n) in a block."""
        return Errors(*(np.where(out, 0.0, sizes) for sizes in (self.error2, self.update2, self.state2)))


def intervals(
    error2: np.ndarray, target2: np.ndarray, group: np.ndarray, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> np.ndarray:
    """95 % percentile intervals (L, 2) of 1 - Σ error2 / Σ target2, resampling groups (documents or windows).

    error2, target2: (L, n); group: (n,) labels. With fewer than two groups there is nothing to resample: NaN.
    """
    labels, index = np.unique(group, return_inverse=True)
    if len(labels) < 2:
        return np.full((len(error2), 2), np.nan)
    errors, targets = _sum_by_group(error2, index, len(labels)), _sum_by_group(target2, index, len(labels))
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(
        len(labels), np.full(len(labels), 1 / len(labels)), size=n_resamples
    )  # (resamples, groups)
    resampled = 1 - (counts @ errors.T) / (counts @ targets.T)  # (resamples, L)
    return np.percentile(resampled, [2.5, 97.5], axis=0).T


def _sum_by_group(values: np.ndarray, index: np.ndarray, n_groups: int) -> np.ndarray:
    """(L, n) → (L, groups)."""
    return np.stack([np.bincount(index, weights=row, minlength=n_groups) for row in values])


@dataclass
class StackedMaps:
    """K maps of one block applied in one product: x ↦ (x - shift) [A_1 | … | A_K] + [b_1 | … | b_K]."""

    maps: Sequence[AffineMap]
    shift: Tensor
    A: Tensor = field(init=False)
    b: Tensor = field(init=False)

    def __post_init__(self):
        self.A = torch.cat([m.A for m in self.maps], dim=1)  # (d, K·d)
        self.b = torch.stack([m.mean_d - (m.mean_x - self.shift) @ m.A for m in self.maps])  # (K, d)

    def sizes(self, x: Tensor, delta: Tensor) -> Tensor:
        """Squared error, update and state sizes of rows x, delta (k, d) under each map: (3, K, k) float64."""
        dtype = x.dtype
        guess = ((x - self.shift.to(dtype)) @ self.A.to(dtype)).view(len(x), len(self.maps), -1)  # (k, K, d)
        error = (delta[:, None] - self.b.to(dtype)) - guess
        means_d = torch.stack([m.mean_d for m in self.maps]).to(dtype)
        means_y = torch.stack([m.mean_y for m in self.maps]).to(dtype)
        parts = error, delta[:, None] - means_d, (x + delta)[:, None] - means_y
        return torch.stack([p.square().sum(2, dtype=torch.float64).T for p in parts])


class BlockErrors:
    """One block's part of pass 2: a few numbers a token, in tables made beforehand. K maps, n tokens."""

    def __init__(self, maps: Sequence[AffineMap], like: BlockSums, n: int):
        self.stack = StackedMaps(maps, like.rest.work_x.double())
        self.limits = like
        self.dtype = like.rest.precision.dtype
        kw = {"dtype": torch.float64, "device": like.rest.work_x.device}
        self.sizes = torch.full((3, len(maps), n), torch.nan, **kw)  # of the error, the update and the state, centred
        self.raw = torch.full((2, n), torch.nan, **kw)  # ‖Δ‖², ‖y‖²
        self.length = torch.full((n,), torch.nan, **kw)  # above 1: massive
        self.n = 0

    def add(self, x: Tensor, y: Tensor, dtype: torch.dtype) -> None:
        """Add rows x, y (k, d), worked with in `dtype`."""
        x, y = x.to(dtype), y.to(dtype)
        delta, here = y - x, slice(self.n, self.n + len(x))
        self.n = here.stop
        self.sizes[:, :, here] = self.stack.sizes(x, delta)
        sizes = TokenSizes.of(x, y, delta)
        self.raw[0, here], self.raw[1, here] = sizes.delta.square(), sizes.y.square()
        self.length[here] = self.limits.relative_length(sizes)


class HeldOutSums:
    """Pass 2 over all blocks, of n tokens that are known to come."""

    def __init__(self, maps: Sequence[Sequence[AffineMap]], fit: Sequence[BlockSums], n: int):
        self.blocks = [BlockErrors(block_maps, like, n) for block_maps, like in zip(maps, fit, strict=True)]

    def add(self, layer: int, x: Tensor, y: Tensor, rows: Rows) -> None:
        """States (B, T, d) of one batch: the rest first, then the first tokens (in float64, for the attention sink)."""
        x, y, block = x.flatten(0, -2), y.flatten(0, -2), self.blocks[layer]
        for which, dtype in ((rows.rest, block.dtype), (rows.first, torch.float64)):
            block.add(x.index_select(0, which), y.index_select(0, which), dtype)

    def errors(self) -> list[Errors]:
        """One Errors a map, tokens in the order they were added."""
        sizes = np.stack([block.sizes.cpu().numpy() for block in self.blocks])  # (L, 3, K, n)
        return [Errors(sizes[:, 0, k], sizes[:, 1, k], sizes[:, 2, k]) for k in range(sizes.shape[2])]

    def raw_sizes(self) -> np.ndarray:
        """(2, L, n): ‖Δ_t‖² and ‖y_t‖², uncentred."""
        return np.stack([block.raw.cpu().numpy() for block in self.blocks]).transpose(1, 0, 2)

    def massive(self) -> np.ndarray:
        """(L, n): whether a token is massive in a block."""
        return np.stack([(block.length > 1).cpu().numpy() for block in self.blocks])
