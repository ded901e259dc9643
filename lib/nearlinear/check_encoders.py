"""The self-checks of the chapter on encoders; `nearlinear.check` holds the others."""

from collections.abc import Callable

import numpy as np

from nearlinear.check import function, number
from nearlinear.show.shown import Html


def masked_loss(candidate: Callable) -> Html:
    """Chapter 13, exercise 1: a function (log_p, ids, hidden) → mean loss of the hidden tokens, nats."""
    rng = np.random.default_rng(13)
    cases = []
    for T, V, places in ((6, 5, [1, 4]), (8, 3, [0]), (5, 4, [0, 1, 2, 3, 4])):
        logits = rng.normal(size=(T, V))
        log_p, ids = logits - np.log(np.exp(logits).sum(1, keepdims=True)), rng.integers(V, size=T)
        hidden = np.isin(np.arange(T), places)
        cases.append(((log_p, ids, hidden), np.array(-log_p[places, ids[places]].mean())))
    return function(candidate, cases, "Only hidden tokens count, each by the probability of the token that was there.")


def glu_share(value: float | None) -> Html:
    """Chapter 13, exercise 2: the share of a BERT block's matrices that W_V and W_P are, where the MLP is a GLU."""
    return number(value, 2 / 10, 0.001, "Attention has four matrices of d²; d → 4d is 4d², and 2d → d is 2d².")


def items_needed(value: float | None) -> Html:
    """Chapter 13, exercise 3: test items that tell two models apart that are right on 79.0 and 78.5 %, unpaired."""
    expected = 1.96**2 * 2 * 0.79 * 0.21 / 0.005**2
    return number(value, expected, 0.05 * expected, "The variance of a difference is the sum of both: 2 p (1 − p) / n.")


def better_everywhere(candidate: Callable) -> Html:
    """Chapter 13, exercise 4: a function (right, others) → mean difference of accuracy, and its smallest over seeds."""
    rng = np.random.default_rng(4)
    right, others = rng.random((3, 40)) < 0.8, rng.random((3, 40)) < 0.7
    cases = [((a, b), _differences(a, b)) for a, b in ((right, others), (others, right), (right[:1], others[:1]))]
    return function(candidate, cases, "One accuracy a seed first, that is a row; then the differences seed by seed.")


def _differences(right: np.ndarray, others: np.ndarray) -> np.ndarray:
    each = right.mean(1) - others.mean(1)
    return np.array([each.mean(), each.min()])
