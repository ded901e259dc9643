"""How alike the tokens of a sequence have become: rank collapse and its opposite, block by block, in float64.

States X are (…, T, d): one sequence a matrix, one token a row. Measures are taken of each sequence and then averaged,
because a mean over sequences would see differences between texts, and it is those between tokens that collapse.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from nearlinear.inputs.models import backbone
from nearlinear.results.signal import Signal

from .residual import watching


def residual(X: Tensor) -> Tensor:
    """X − 1x̄ᵀ: what is left of the states when the mean token is taken from each. Of all 1xᵀ the nearest to X."""
    return X - X.mean(-2, keepdim=True)


def relative_residual(X: Tensor) -> Tensor:
    """‖X − 1x̄ᵀ‖ / ‖X‖, Frobenius (…): 0 where all tokens are the same, NaN where all are zero."""
    return _frobenius(residual(X)) / _frobenius(X)


def composite_residual(X: Tensor) -> Tensor:
    """The same in the norm √(‖·‖₁ ‖·‖_∞) of Dong et al. (arXiv 2103.03404): (…)."""
    return composite_norm(residual(X)) / composite_norm(X)


def composite_norm(M: Tensor) -> Tensor:
    """√(‖M‖₁ ‖M‖_∞): the root of the largest column sum of |M| times the largest row sum."""
    size = M.abs()
    return (size.sum(-2).amax(-1) * size.sum(-1).amax(-1)).sqrt()


def cosine(X: Tensor) -> Tensor:
    """Mean cosine of two different tokens (…): 1 where all point the same way. NaN for a single token.

    The sum over pairs is ‖Σ u‖² − T for unit vectors u, so no T × T matrix is needed.
    """
    return _mean_product(torch.nn.functional.normalize(X, dim=-1))


def stable_rank(X: Tensor) -> Tensor:
    """‖X‖² / ‖X‖₂² (…): how many directions carry the states, counted by their energy; 1 for a matrix of rank one."""
    gram = X @ X.mT if X.shape[-2] <= X.shape[-1] else X.mT @ X
    return _frobenius(X).square() / torch.linalg.eigvalsh(gram)[..., -1]


def diagonal(X: Tensor) -> Tensor:
    """Mean diagonal of the kernel XXᵀ/d (He et al., arXiv 2302.10322): the mean square of a number in the states."""
    return X.square().mean((-2, -1))


def off_diagonal(X: Tensor) -> Tensor:
    """Mean of XXᵀ/d off its diagonal (…). NaN for a single token."""
    return _mean_product(X) / X.shape[-1]


def _frobenius(X: Tensor) -> Tensor:
    return torch.linalg.matrix_norm(X)


def _mean_product(X: Tensor) -> Tensor:
    """Mean of x_i · x_j over i ≠ j."""
    T = X.shape[-2]
    return (X.sum(-2).square().sum(-1) - X.square().sum((-2, -1))) / (T * (T - 1) or torch.nan)


MEASURES: dict[str, Callable[[Tensor], Tensor]] = {
    "relative_residual": relative_residual,
    "composite_residual": composite_residual,
    "cosine": cosine,
    "stable_rank": stable_rank,
    "diagonal": diagonal,
    "off_diagonal": off_diagonal,
}
"""Every measure of a Signal, by its field."""


def measured(X: Tensor, real: Tensor | None = None) -> Tensor:
    """All measures of states X (B, T, d), in their order, averaged over sequences: (6,) float64.

    `real`: (B, T), 0 at padding, which is left out.
    """
    X = X.double()
    if real is None:
        return torch.stack([measure(X).mean() for measure in MEASURES.values()])
    each = [measured(x[keep][None]) for x, keep in zip(X, real.bool(), strict=True)]
    return torch.stack(each).mean(0)


def as_signal(depth: Iterable[int], rows: Iterable[Tensor]) -> Signal:
    """The Signal of states after so many blocks, from what `measured` says of each."""
    columns = torch.stack(list(rows)).T.tolist()
    return Signal(depth=tuple(depth), **dict(zip(MEASURES, columns, strict=True)))


@torch.inference_mode()
def signal_of(model: nn.Module, input_ids: Tensor, attention_mask: Tensor | None = None) -> Signal:
    """The signal in any model with a list of blocks, trained or not: input_ids (B, T), mask 0 at padding.

    Entry l of each measure is of the states that enter block l, the last one of those that leave the last block,
    before the final norm. Raises UnsupportedModel for a model without a list of blocks.
    """
    rows = []

    def on_block(layer: int, x: Tensor, y: Tensor) -> None:
        rows.extend(measured(states, attention_mask) for states in ((x, y) if layer == 0 else (y,)))

    with watching(model, on_block):
        backbone(model)(input_ids=input_ids, attention_mask=attention_mask)
    return as_signal(range(len(rows)), rows)
