"""The shape of a cloud of states: how much of it lies along one axis, and how many dimensions it fills locally.

Anisotropy and intrinsic dimension as in "The Shape of Learning" (Razzhigaev et al., EACL 2024) and the first paper's
own code. Dimensions are estimated from distances to near neighbours, so equal points have to be taken out first: in a
model without learnt positions all tokens of one kind enter the first block as the same point.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

NEIGHBOURS = 20
"""How many neighbours of a point the maximum-likelihood estimate looks at: k of Levina and Bickel."""

DISCARDED = 0.1
"""Share of the largest ratios that TwoNN leaves out, as its authors do."""

SAME = 1e-5
"""Points nearer to each other than this share of the cloud's spread are one point, told twice in float32."""

FEWEST = 200
"""Points below which no dimension is given: an alphabet is no cloud."""


@dataclass(frozen=True)
class CloudShape:
    """Of one cloud: see the functions below. `distinct`: points left when equal ones are one."""

    anisotropy: float
    two_nn: float
    mle: float
    distinct: int


def shape_of(states: Tensor) -> CloudShape:
    """The shape of states (n, d), in float64. Dimensions are NaN where fewer than FEWEST points differ; all, of NaN."""
    states = states.double()
    if not states.isfinite().all():
        return CloudShape(math.nan, math.nan, math.nan, 0)
    points, near = neighbours(states)
    if len(points) < FEWEST:
        return CloudShape(anisotropy(states), math.nan, math.nan, len(points))
    return CloudShape(anisotropy(states), two_nn(near), mle(near), len(points))


def anisotropy(states: Tensor) -> float:
    """σ_1² / Σ_i σ_i² of the centred states (n, d): 1/d for a round cloud, 1 for a line; NaN for a single point."""
    centred = states - states.mean(0)
    values = torch.linalg.eigvalsh(centred.T @ centred)
    total = float(values.sum())
    return float(values[-1]) / total if total > 0 else math.nan


def neighbours(states: Tensor) -> tuple[Tensor, Tensor]:
    """(points (m, d), distances (m, k)): the different ones among states (n, d), and how far their nearest k are.

    Points are about their mean. k = NEIGHBOURS, or m - 1 where that is less; distances rise along a row.
    """
    states = states - states.mean(0)
    spread = states.square().sum(1).mean().sqrt()
    between = torch.cdist(states, states)
    kept = ~(between <= SAME * spread).tril(-1).any(1)
    points, between = states[kept], between[kept][:, kept].fill_diagonal_(math.inf)
    return points, between.topk(min(NEIGHBOURS, len(points) - 1), largest=False).values


def two_nn(near: Tensor) -> float:
    """TwoNN (Facco et al. 2017), from distances (m, k ≥ 2) to near neighbours, nearest first.

    μ = r_2 / r_1 is distributed as F(μ) = 1 − μ^(−D) whatever the density, so −log(1 − F) against log μ is a line
    through nought of slope D; F is the share of smaller ratios, and the largest tenth of them is left out.
    """
    logs = (near[:, 1] / near[:, 0]).log().sort().values
    m = len(logs)
    kept = int(m * (1 - DISCARDED))
    x, y = logs[:kept], -torch.log1p(-torch.arange(kept, dtype=logs.dtype, device=logs.device) / m)
    total = float(x @ x)
    return float(x @ y) / total if total > 0 else math.nan


def mle(near: Tensor) -> float:
    """Levina and Bickel (2004), from distances (m, k) to near neighbours, averaged as MacKay and Ghahramani correct it.

    1/D is the mean over points i and neighbours j < k of log(T_k(i) / T_j(i)).
    """
    logs = (near[:, -1:] / near[:, :-1]).log()
    mean = float(logs.mean())
    return 1 / mean if mean > 0 else math.nan
