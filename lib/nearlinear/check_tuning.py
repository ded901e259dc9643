"""The self-checks of the chapter on finetuning; `nearlinear.check` holds the others."""

from collections.abc import Callable

import numpy as np

from nearlinear.check import function, number
from nearlinear.show.shown import Html


def loss_of_pair(value: float | None) -> Html:
    """Chapter 16: the pair loss of a reward model that has learnt nothing, which gives both texts 0."""
    return number(value, float(np.log(2)), 1e-6, "Which probability does σ give where neither text is ahead?")


def beyond_control(candidate: Callable) -> Html:
    """Chapter 16: rises (seeds, L), those of the control → (mean, low, high) of the difference.

    Of the mean over blocks, with Student's t for the seeds.
    """
    rng = np.random.default_rng(16)
    shared = rng.normal(0, 0.2, (3, 1))  # what a seed does to both
    lesson, control = (shared + rng.normal(shift, 0.02, (3, 5)) for shift in (0.3, 0.1))

    def paired(rises, controls):
        apart = (rises - controls).mean(1)
        half = 4.303 * apart.std(ddof=1) / len(apart) ** 0.5
        return np.array([apart.mean(), apart.mean() - half, apart.mean() + half])

    cases = [((lesson, control), paired(lesson, control)), ((control, control), np.zeros(3))]
    return function(
        candidate, cases, "Subtract seed by seed first: what a seed does to both is no part of the difference."
    )


def why_it_rises(candidate: Callable) -> Html:
    """Chapter 16: (error2, update2, state2) before, after → rises of −log(1 − s_Δ) by each part (2, L)."""
    rng = np.random.default_rng(17)
    before, after = (tuple(rng.uniform(0.1, 5, size=(3, 4)) * np.array([[1], [3], [9]])) for _ in range(2))

    def parts(one, other):
        (e, d, y), (f, g, z) = one, other
        return np.stack([np.log(e / y) - np.log(f / z), np.log(g / z) - np.log(d / y)])

    scaled = tuple(4.0 * each for each in before)
    cases = [((before, after), parts(before, after)), ((before, scaled), np.zeros((2, 4)))]
    return function(
        candidate, cases, "Less unexplained counts up, and so do larger updates; both are measured against the state."
    )
