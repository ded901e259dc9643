"""Maps that stand in for a block or a run of blocks, all from the second moments that the scores are made of.

They guess the update, Δ ≈ x A + b, so a penalty on A pulls the block towards the identity, not towards zero.
`affine` is the one to use. The others show what is lost without its parts (book: which matrix can stand in?).
"""

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.measure.linearity import (
    RELIABLE_TOKENS_PER_DIMENSION,
    AffineMap,
    Centred,
    LeastSquares,
    centred,
    why_not,
)
from nearlinear.measure.moments import Moments

RIDGES = (0.0, *(10.0 ** (power / 2) for power in range(-12, 1)))
"""What `choose_ridge` tries: none, then 1e-6 to 1, two in each decade."""


def affine(m: Moments, *, ridge: float = 0.0) -> AffineMap:
    """The least squares map of the update with its intercept (arXiv 2405.12250, section 5), for putting in the model.

    `ridge` λ penalises A once every coordinate of x has unit variance: the minimum of mean ‖δ - z A‖² + λ ‖A‖², so λ
    means the same for every block and every number of tokens. It is (C_xx + λ diag C_xx)⁻¹ C_xd: each variance is
    inflated by the share λ. λ = 0 is `linearity.fit`. Raises NotEnoughTokens where n < d + 2, InputError for NaN or a
    negative λ.
    """
    if not ridge >= 0:
        raise InputError(f"a ridge of {ridge} is no penalty: give 0 or more")
    check_fit(m)
    c = centred(m)
    inflated = replace(c, C_xx=c.C_xx + ridge * c.C_xx.diagonal().diag())
    return AffineMap(LeastSquares(inflated).map(), m.mean_x, m.mean_d)


def no_intercept(m: Moments) -> AffineMap:
    """The matrix of `affine` alone: Δ ≈ x A. It is what a user of the published score has in hand, whose code centres
    the states and gives back neither the matrix nor the means; put in the model so, it may do worse than removal.
    """
    A = affine(m).A
    return AffineMap(A, torch.zeros_like(m.mean_x), torch.zeros_like(m.mean_d))


def through_origin(m: Moments) -> AffineMap:
    """The best map that has no intercept: least squares without centring, so its matrix has to carry the means too.
    The fair rival of `affine` for whoever wants a single matrix.
    """
    check_fit(m)
    zero = torch.zeros_like(m.mean_x)
    raw = m.shifted_to(zero, zero)
    sq_y = raw.G_xx.trace() + 2 * raw.G_xd.trace() + raw.sq_d
    return AffineMap(LeastSquares(Centred(raw.G_xx, raw.G_xd, raw.sq_d, sq_y)).map(), zero, zero)


def normalised_scale(m: Moments) -> AffineMap:
    """The matrix that the published score minimises over, taken as it is: from X̃ to Ỹ, each divided by its Frobenius
    norm (arXiv 2405.12250, section 3.1). It is (I + A) ‖X‖ / ‖Y‖, so the state loses its scale as well as its mean.
    """
    check_fit(m)
    c = centred(m)
    A, eye = LeastSquares(c).map(), torch.eye(m.d, dtype=c.C_xx.dtype, device=c.C_xx.device)
    zero = torch.zeros_like(m.mean_x)
    return AffineMap((eye + A) * (c.C_xx.trace() / c.sq_y).sqrt() - eye, zero, zero)


def mean_shift(m: Moments) -> AffineMap:
    """The mean update added to every token: an intercept without a matrix. What it saves of the damage of removal is
    no merit of linearity.
    """
    return AffineMap(torch.zeros_like(m.G_xx), m.mean_x, m.mean_d)


def identity(m: Moments) -> AffineMap:
    """No update at all, which is removal (what ShortGPT, SLEB and "The Unreasonable Ineffectiveness of the Deeper
    Layers" do).
    """
    zero = torch.zeros_like(m.mean_x)
    return AffineMap(torch.zeros_like(m.G_xx), zero, zero)


def error_on(a: AffineMap, m: Moments) -> float:
    """Σ ‖δ - x A - b‖² of a map over any tokens, from their moments: ‖δ'‖² - 2⟨A, x'ᵀδ'⟩ + ⟨A, x'ᵀx' A⟩,

    with x' = x - mean and δ' = δ - the guess at that mean, so that nothing large has to cancel.
    """
    about = m.shifted_to(m.mean_x, a.update(m.mean_x))
    return max(0.0, float(about.sq_d + inner(a.A, about.G_xx @ a.A - 2 * about.G_xd)))


def choose_ridge(fit: Moments, choose: Moments, grid: Iterable[float] = RIDGES) -> float:
    """The λ whose map, fitted on `fit`, errs least on `choose`: text used neither to fit nor to evaluate. Raises as
    `affine`; the smaller λ wins a tie.
    """
    return min(sorted(grid), key=lambda ridge: error_on(affine(fit, ridge=ridge), choose))


def check_fit(m: Moments) -> None:
    """Raises NotEnoughTokens where there are fewer than d + 2, InputError where the activations are not finite."""
    if m.n < m.d + 2:
        raise NotEnoughTokens(
            f"{m.n} tokens cannot give a map of {m.d} dimensions: at least {m.d + 2} are needed, "
            f"{RELIABLE_TOKENS_PER_DIMENSION * m.d} to be reliable"
        )
    if reason := why_not(m):
        raise InputError(f"no map can be fitted: {reason}")


def inner(a: Tensor, b: Tensor) -> Tensor:
    """⟨a, b⟩ of two matrices, Σ a_ij b_ij."""
    return (a * b).sum()
