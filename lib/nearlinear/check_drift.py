"""The self-checks of the chapter on linearity through pretraining; `nearlinear.check` holds the others."""

from collections.abc import Callable

import numpy as np

from nearlinear.check import function, number
from nearlinear.show.shown import Html


def score_of_update(value: float | None) -> Html:
    """Chapter 15, exercise 1: s_Δ where s = 0.98 and ‖Δ‖² is a tenth of ‖Y‖²."""
    return number(value, 0.8, 1e-6, "(1 − s_Δ) ‖Δ‖² = (1 − s) ‖Y‖²: what is left unexplained is the same in both.")


def parts_of_change(candidate: Callable) -> Html:
    """Chapter 15, exercise 2: (error2, update2, state2) before, after → changes of logarithms (unexplained, size)."""
    rng = np.random.default_rng(15)
    before, after = (tuple(rng.uniform(0.1, 5, size=(3, 4)) * np.array([[1], [3], [9]])) for _ in range(2))

    def parts(one, other):
        (e, d, y), (f, g, z) = one, other
        return np.stack([np.log(f / z) - np.log(e / y), np.log(g / z) - np.log(d / y)])

    scaled = tuple(4.0 * each for each in before)
    cases = [
        ((before, after), parts(before, after)),
        ((after, before), parts(after, before)),
        ((before, scaled), np.zeros((2, 4))),
    ]
    return function(
        candidate, cases, "Divide both by the state's energy first: a larger scale of everything is no change."
    )


def anisotropy(candidate: Callable) -> Html:
    """Chapter 15, exercise 3: states (n, d) → share of the variance along the longest axis."""
    rng = np.random.default_rng(3)
    cloud = rng.normal(size=(60, 4)) * [3, 1, 1, 0.5] + 7
    values = np.linalg.svd(cloud - cloud.mean(0), compute_uv=False) ** 2
    line = np.outer(np.arange(9.0), np.ones(3)) + 1
    cases = [((cloud,), np.array(values[0] / values.sum())), ((line,), np.array(1.0))]
    return function(candidate, cases, "Take the mean out first, and square the singular values.")
