"""The linearity score (arXiv 2405.12250, section 3.1) from second moments, and the affine map behind it.

score = 1 - min_A ‖X̃A - Ỹ‖², with X̃, Ỹ centred and divided by their Frobenius norms. The minimum is an ordinary least
squares fit, so the score is its R². Fitting the update Δ = Y - X leaves the *same* error E (its map is A - I), hence

    (1 - update_score) ‖Δ‖²  =  (1 - score) ‖Y‖²          (centred Frobenius norms)

and one fit gives both published curves.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .moments import Moments, of_matrices

RELIABLE_TOKENS_PER_DIMENSION = 20
"""Pure noise scores d / (n - 1) in sample: at n = 20 d that is already 0.05."""


@dataclass(frozen=True)
class AffineMap:
    """delta ≈ (x - mean_x) A + mean_d: the best affine guess of a block's update. A (d, d); mean_x, mean_d (d,)."""

    A: Tensor
    mean_x: Tensor
    mean_d: Tensor

    @property
    def b(self) -> Tensor:
        """The intercept, (d,): delta ≈ x A + b."""
        return self.mean_d - self.mean_x @ self.A

    @property
    def mean_y(self) -> Tensor:
        return self.mean_x + self.mean_d

    def update(self, x: Tensor) -> Tensor:
        """The guessed update of states x (n, d)."""
        return (x - self.mean_x) @ self.A + self.mean_d

    def with_residual(self) -> "AffineMap":
        """The map of the state itself, y ≈ x (I + A) + b, for putting in the block's place."""
        eye = torch.eye(len(self.A), dtype=self.A.dtype, device=self.A.device)
        return AffineMap(self.A + eye, self.mean_x, self.mean_x + self.mean_d)


@dataclass(frozen=True)
class BlockScores:
    """What one block's moments say. NaN scores come with a reason."""

    score: float
    update_score: float
    energy_ratio: float
    n: int
    d: int
    reason: str = ""


@dataclass(frozen=True)
class Centred:
    """Moments about the mean: C_xx, C_xd (d, d) and the squared Frobenius norms of X, Δ and Y."""

    C_xx: Tensor
    C_xd: Tensor
    sq_d: Tensor
    sq_y: Tensor


def centred(m: Moments) -> Centred:
    """Take the means out: C = G - (Σx)(Σz)ᵀ / n, and ‖Y‖² = ‖X‖² + 2⟨X, Δ⟩ + ‖Δ‖²."""
    C_xx = m.G_xx - torch.outer(m.sum_x, m.sum_x) / m.n
    C_xd = m.G_xd - torch.outer(m.sum_x, m.sum_d) / m.n
    sq_d = m.sq_d - m.sum_d @ m.sum_d / m.n
    return Centred(C_xx, C_xd, sq_d, C_xx.trace() + 2 * C_xd.trace() + sq_d)


class LeastSquares:
    """Least squares from centred moments, scaled to a unit diagonal first (it removes most of the ill-conditioning).

    Cholesky where every pivot is safely above rounding; otherwise eigenvectors with a relative cut-off, which gives the
    minimum-norm map of the scaled problem. Never an inverse, and never `torch.linalg.lstsq`
    (on CUDA it returns wrong maps without a warning when columns are dependent).

    W: what is left of C_xd once its scale and the spread of X are taken out; ‖W‖² is what the map explains of ‖Δ‖².
    """

    def __init__(self, c: Centred):
        self.scale, R, r = scaled(c)
        L, failed = torch.linalg.cholesky_ex(R)
        self.full_rank = not failed and bool(L.diagonal().square().min() > noise(R))
        if self.full_rank:
            self.root = L
            self.W = torch.linalg.solve_triangular(L, r, upper=False)
        else:
            values, V = torch.linalg.eigh(R)
            kept = values > noise(R)
            self.root = V[:, kept] * values[kept].rsqrt()  # root rootᵀ is the pseudo-inverse of R
            self.W = self.root.T @ r

    @property
    def explained(self) -> Tensor:
        return self.W.square().sum()

    def map(self) -> Tensor:
        """A (d, d), the least squares map. The scores do not need it."""
        if self.full_rank:
            return self.scale[:, None] * torch.linalg.solve_triangular(self.root.T, self.W, upper=True)
        return self.scale[:, None] * (self.root @ self.W)


def scaled(c: Centred) -> tuple[Tensor, Tensor, Tensor]:
    """What makes the diagonal of C_xx one, and C_xx and C_xd so scaled; a constant column gets the weight 0."""
    scale = c.C_xx.diagonal().clamp_min(0).rsqrt().nan_to_num(posinf=0.0)
    return scale, scale[:, None] * c.C_xx * scale, scale[:, None] * c.C_xd


def noise(R: Tensor) -> Tensor:
    """Pivots and eigenvalues of R (d, d) below this are rounding: about d·eps of its size; 8 keeps a safe distance."""
    return 8 * len(R) * torch.finfo(R.dtype).eps * torch.linalg.matrix_norm(R, torch.inf)


def conditioning(m: Moments) -> tuple[int, float]:
    """Rank of the states, and condition number of the part of their scaled covariance that is not noise.

    0 and NaN where there are too few tokens, or NaN among them. Sums of precision `fast` carry rounding of their own:
    a direction in which the states do not vary at all may count there, with a huge condition number.
    """
    if why_not(m):
        return 0, math.nan
    _, R, _ = scaled(centred(m))
    eigenvalues = torch.linalg.eigvalsh(R)
    kept = eigenvalues[eigenvalues > noise(R)]
    return len(kept), float(kept[-1] / kept[0]) if len(kept) else math.nan


def why_not(m: Moments) -> str:
    """The reason why these moments have no score, or an empty string."""
    if m.n < m.d + 2:
        return f"{m.n} tokens cannot score {m.d} dimensions: at least {m.d + 2} are needed, {20 * m.d} to be reliable"
    if not m.finite:
        return "the activations hold NaN or infinite numbers"
    return ""


def block_scores(m: Moments) -> BlockScores:
    """Both scores of one block from one fit (section 3.1), with the reason where there is none."""
    reason = why_not(m)
    if reason:
        return BlockScores(math.nan, math.nan, math.nan, m.n, m.d, reason)
    c = centred(m)
    if float(c.sq_y) <= 0 or float(c.sq_d) <= 0:
        return BlockScores(*_scores_of_a_constant(c), m.n, m.d, "the states or the updates do not vary")
    unexplained = (c.sq_d - LeastSquares(c).explained).clamp_min(0)
    return BlockScores(
        score=float(1 - unexplained / c.sq_y),
        update_score=float(1 - unexplained / c.sq_d),
        energy_ratio=float(c.sq_d / c.sq_y),
        n=m.n,
        d=m.d,
    )


def _scores_of_a_constant(c: Centred) -> tuple[float, float, float]:
    """A block that adds a constant is exactly affine (score 1); in its update there is nothing to explain."""
    if float(c.sq_y) > 0:
        return 1.0, math.nan, 0.0
    return math.nan, math.nan, math.nan


def score(m: Moments) -> float:
    """The paper's score, residual in: 1 - ‖E‖² / ‖Y‖². NaN where n < d + 2."""
    return block_scores(m).score


def update_score(m: Moments) -> float:
    """The score with the residual taken out, s_Δ = 1 - ‖E‖² / ‖Δ‖². NaN where n < d + 2."""
    return block_scores(m).update_score


def fit(m: Moments) -> AffineMap:
    """The least squares map of the update (paper: min over A), with its intercept.

    Raises ValueError, with the reason, where the moments have no score.
    """
    if reason := why_not(m):
        raise ValueError(f"no map can be fitted: {reason}")
    return AffineMap(LeastSquares(centred(m)).map(), m.mean_x, m.mean_d)


def unreliable(n: int, d: int) -> str:
    """Why scores of n tokens in d dimensions should not be trusted, or an empty string."""
    if n >= RELIABLE_TOKENS_PER_DIMENSION * d:
        return ""
    return (
        f"{n} tokens for {d} dimensions (n/d = {n / d:.1f}) are fewer than {RELIABLE_TOKENS_PER_DIMENSION} for each: "
        f"in-sample scores are too high, so take more tokens"
    )


def linearity_score(X, Y) -> float:
    """How well an affine map takes X to Y: 1 - min_A ‖X̃A - Ỹ‖² (arXiv 2405.12250, section 3.1), in float64.

    X, Y: (n, d) tensors or arrays of states before and after. In-sample: needs n ≥ d + 2 (else NaN), and n ≥ 20 d to be
    trusted. Raises ValueError when the shapes differ or are not matrices.
    """
    X, Y = torch.as_tensor(X), torch.as_tensor(Y)
    if X.ndim != 2 or X.shape != Y.shape:
        raise ValueError(
            f"X and Y must be matrices of the same shape (n, d), not {tuple(X.shape)} and {tuple(Y.shape)}"
        )
    return score(of_matrices(X, Y))
