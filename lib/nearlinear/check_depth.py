"""The self-checks of the chapter on depth; `nearlinear.check` holds the others."""

from collections.abc import Callable

import numpy as np

from nearlinear.check import function, number
from nearlinear.show.shown import Html


def more_from_depth(candidate: Callable) -> Html:
    """Chapter 12, exercise 1: a function (shallow, deep, base_shallow, base_deep) of losses by seed → (mean, lowest,
    highest) of how much more depth changes the one than the base.
    """
    rng = np.random.default_rng(12)
    shallow, deep, base, base_deep = 1.5 + 0.05 * rng.normal(size=(4, 3))
    gaps = (deep - shallow) - (base_deep - base)
    apart = np.array([0.0, 0.1, 0.2])
    cases = [
        ((shallow, deep, base, base_deep), np.array([gaps.mean(), gaps.min(), gaps.max()])),
        ((1.6 + apart, 1.5 + apart, 1.5 - apart, 1.5 - apart), np.array([-0.1, -0.1, -0.1])),
    ]
    return function(candidate, cases, "Take four losses of one seed together first, then mean, lowest and highest.")


def own_rates(candidate: Callable) -> Html:
    """Chapter 12, exercise 2: a function (shallow, deep) of losses by rate, NaN where a training broke off → what depth
    changes when each depth has the rate that suits it.
    """
    cases = [
        ((np.array([1.9, 1.7, 1.6]), np.array([1.8, 1.5, 2.4])), np.array(-0.1)),
        ((np.array([1.9, 1.7, 1.6]), np.array([1.8, 1.7, np.nan])), np.array(0.1)),
        ((np.array([1.6, 1.7, np.nan]), np.array([1.7, np.nan, np.nan])), np.array(0.1)),
    ]
    return function(candidate, cases, "The best rate need not be the same at both depths, and NaN is no lowest loss.")


def as_many_numbers(value: float | None) -> Html:
    """Chapter 12, exercise 3: SAS blocks that hold as many numbers as 24 Pre-LN blocks, with MLPs of width 2d."""
    return number(
        value, 32, 1e-6, "Outside its MLP a Pre-LN block has 4d² numbers and a SAS block 2d²; an MLP has 4d²."
    )


def start_of_gain(value: float | None) -> Html:
    """Chapter 12, exercise 4: β_FF for 72 blocks, where it is 0.2 for 18 and goes with 1/√L."""
    return number(value, 0.1, 1e-6, "Four times as many blocks: what does the square root make of that?")
