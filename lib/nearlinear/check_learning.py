"""The self-checks of the chapter on training; `nearlinear.check` holds the others and says how they answer."""

from collections.abc import Callable

import numpy as np

from nearlinear.check import function, number
from nearlinear.show.shown import Html


def paired_differences(candidate: Callable) -> Html:
    """Chapter 10: a function (ours, theirs) → (mean, lowest, highest) of the differences by seed."""
    rng = np.random.default_rng(5)
    shared = rng.normal(size=3)
    theirs = 2.0 + 0.1 * shared
    ours = theirs + 0.05 + 0.001 * rng.normal(size=3)
    gaps = ours - theirs
    cases = [
        ((ours, theirs), np.array([gaps.mean(), gaps.min(), gaps.max()])),
        ((theirs, ours), np.array([-gaps.mean(), -gaps.max(), -gaps.min()])),
    ]
    return function(candidate, cases, "Subtract seed by seed first, and only then take the mean and the ends.")


def steps_in_time(value: float | None) -> Html:
    """Chapter 10: steps of 66 ms in the time of 4,000 steps of 60 ms."""
    return number(value, 4000 * 60 / 66, 1, "How long do the 4,000 steps take, and how many of 66 ms fit in that?")


def wider_mlp(value: float | None) -> Html:
    """Chapter 10: MLP width of SAS, d = 64, with as many numbers as Pre-LN with an MLP 256 wide."""
    return number(value, 5 * 64, 0.5, "Two matrices of d² are to spend; one more unit inside the MLP costs 2d.")
