"""Second moments of a block's states: all that any score or replacement map needs, in memory that does not grow.

X (n, d) are the states before a block and Δ (n, d) its updates, both taken relative to a fixed shift near their mean:
without it the sums hold mean² in place of variance, and the digits that matter are lost.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .precision import CHUNK


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
    from .precision import Exact

    x, delta = x.double(), y.double() - x.double()
    sums = MomentSums(x.mean(0), delta.mean(0), Exact())
    sums.add(x, delta)
    return sums.moments()


class MomentSums:
    """Eats rows of (x, Δ) and keeps only their moments; `moments()` gives the frozen answer.

    The shift must be representable in the working dtype, so that what is subtracted is what is accounted for.
    """

    def __init__(self, shift_x: Tensor, shift_d: Tensor, precision):
        self.precision = precision
        self.work_x, self.work_d = shift_x.to(precision.dtype), shift_d.to(precision.dtype)
        d, kw = shift_x.shape[0], {"dtype": torch.float64, "device": shift_x.device}
        self.n = 0
        self.sum_x, self.sum_d = torch.zeros(d, **kw), torch.zeros(d, **kw)
        self.G, self.sq_d = torch.zeros(d, 2 * d, **kw), torch.zeros((), **kw)

    def add(self, x: Tensor, delta: Tensor) -> None:
        """Add rows: x, delta (k, d) in any floating dtype. Never synchronises the device."""
        for start in range(0, x.shape[0], CHUNK):
            self._add_chunk(x[start : start + CHUNK], delta[start : start + CHUNK])

    def _add_chunk(self, x: Tensor, delta: Tensor) -> None:
        k, d = x.shape
        z = torch.empty(k, 2 * d, dtype=self.precision.dtype, device=x.device)  # (k, 2d): [x | δ], one GEMM for both
        torch.sub(x, self.work_x, out=z[:, :d])
        torch.sub(delta, self.work_d, out=z[:, d:])
        self.n += k
        self.G += self.precision.product(z[:, :d], z)
        self.sum_x += z[:, :d].sum(0, dtype=torch.float64)
        self.sum_d += z[:, d:].sum(0, dtype=torch.float64)
        self.sq_d += torch.linalg.vector_norm(z[:, d:], dtype=torch.float64).square()

    def moments(self) -> Moments:
        return Moments(
            n=self.n,
            shift_x=self.work_x.double(),
            shift_d=self.work_d.double(),
            sum_x=self.sum_x.clone(),
            sum_d=self.sum_d.clone(),
            G=self.G.clone(),
            sq_d=self.sq_d.clone(),
        )
