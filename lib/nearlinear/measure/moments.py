"""Second moments of a block's states: all that any score or replacement map needs, in memory that does not grow.

X (n, d) are the states before a block and Δ (n, d) its updates, both taken relative to a fixed shift near their mean:
without it the sums hold mean² in place of variance, and the digits that matter are lost.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .precision import CHUNK, Exact


@dataclass(frozen=True)
class Moments:
    """Sums over n tokens of shifted x = X - shift_x and δ = Δ - shift_d, all float64.

    Shapes: shift_x, shift_d, sum_x, sum_d (d,); G (d, 2d) = xᵀ[x | δ]; sq_d () = ‖δ‖².
    """

    n: int
    shift_x: Tensor
    shift_d: Tensor
    sum_x: Tensor
    sum_d: Tensor
    G: Tensor
    sq_d: Tensor

    @property
    def d(self) -> int:
        return self.sum_x.shape[0]

    @property
    def G_xx(self) -> Tensor:
        return self.G[:, : self.d]

    @property
    def G_xd(self) -> Tensor:
        return self.G[:, self.d :]

    @property
    def mean_x(self) -> Tensor:
        return self.shift_x + self.sum_x / self.n

    @property
    def mean_d(self) -> Tensor:
        return self.shift_d + self.sum_d / self.n

    @property
    def finite(self) -> bool:
        return bool(torch.isfinite(self.sum_x).all() and torch.isfinite(self.sq_d))

    def shifted_to(self, shift_x: Tensor, shift_d: Tensor) -> "Moments":
        """The same tokens seen from another shift: exact rank-one corrections, no second look at the data."""
        if torch.equal(shift_x, self.shift_x) and torch.equal(shift_d, self.shift_d):
            return self
        by_x, by_d = shift_x - self.shift_x, shift_d - self.shift_d
        by, total = torch.cat([by_x, by_d]), torch.cat([self.sum_x, self.sum_d])
        G = self.G - torch.outer(self.sum_x, by) - torch.outer(by_x, total) + self.n * torch.outer(by_x, by)
        return Moments(
            n=self.n,
            shift_x=shift_x,
            shift_d=shift_d,
            sum_x=self.sum_x - self.n * by_x,
            sum_d=self.sum_d - self.n * by_d,
            G=G,
            sq_d=self.sq_d - 2 * by_d @ self.sum_d + self.n * by_d @ by_d,
        )


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of both sets of tokens together, at a's shift."""
    b = b.shifted_to(a.shift_x, a.shift_d)
    return replace(a, n=a.n + b.n, sum_x=a.sum_x + b.sum_x, sum_d=a.sum_d + b.sum_d, G=a.G + b.G, sq_d=a.sq_d + b.sq_d)


def of_matrices(x: Tensor, y: Tensor) -> Moments:
    """Exact moments of two whole matrices x, y (n, d), shifted by their own means."""
    x, delta = x.double(), y.double() - x.double()
    sums = MomentSums(x.mean(0), delta.mean(0), Exact())
    sums.add(x, delta)
    return sums.moments()


class MomentSums:
    """Eats rows of (x, Δ) and keeps only their moments; `moments()` gives the frozen answer.

    The shift must be representable in the working dtype, so that what is subtracted is what is accounted for.
    Nothing here waits for the device, `moments()` apart.
    """

    def __init__(self, shift_x: Tensor, shift_d: Tensor, precision):
        self.precision = precision
        self.work_x, self.work_d = shift_x.to(precision.dtype), shift_d.to(precision.dtype)
        d, kw = shift_x.shape[0], {"dtype": torch.float64, "device": shift_x.device}
        self.n = torch.zeros((), dtype=torch.int64, device=shift_x.device)
        self.sum_x, self.sum_d = torch.zeros(d, **kw), torch.zeros(d, **kw)
        self.G, self.sq_d = torch.zeros(d, 2 * d, **kw), torch.zeros((), **kw)

    def add(self, x: Tensor, delta: Tensor) -> None:
        """Add rows: x, delta (k, d) in any floating dtype."""
        for rows, updates in zip(x.split(CHUNK), delta.split(CHUNK), strict=True):
            self.add_shifted(torch.cat([rows - self.work_x, updates - self.work_d], dim=1).to(self.precision.dtype))
            self.n += len(rows)

    def add_shifted(self, z: Tensor) -> None:
        """Add rows z (k, 2d) without counting them: a row of zeros stands for no token. Float64 rows stay float64."""
        d, way = len(self.sum_x), Exact if z.dtype == torch.float64 else self.precision
        way.add_gram(self.G, z)
        sums = column_sums(z)
        self.sum_x += sums[:d]
        self.sum_d += sums[d:]
        self.sq_d += torch.linalg.vector_norm(z[:, d:], dim=1).double().square().sum()  # float32 only within a row

    def moments(self) -> Moments:
        return Moments(
            n=int(self.n),
            shift_x=self.work_x.double(),
            shift_d=self.work_d.double(),
            sum_x=self.sum_x.clone(),
            sum_d=self.sum_d.clone(),
            G=mirrored(self.G),
            sq_d=self.sq_d.clone(),
        )


def column_sums(z: Tensor) -> Tensor:
    """Σ over rows (k, m) → (m,) float64: float32 sums span 16 rows only, so that they lose nothing that matters."""
    whole = len(z) // 16 * 16
    groups = z[:whole].view(-1, 16, z.shape[1]).sum(1)
    return groups.sum(0, dtype=torch.float64) + z[whole:].sum(0, dtype=torch.float64)


def mirrored(G: Tensor) -> Tensor:
    """G (d, 2d) with xᵀx completed from what lies on and above its diagonal."""
    d = len(G)
    upper = G[:, :d].triu()
    return torch.cat([upper + upper.triu(1).T, G[:, d:]], dim=1)
