"""The self-checks of the chapter on probes; `nearlinear.check` holds the others."""

import math
from collections.abc import Callable

import numpy as np

from nearlinear.check import function, number
from nearlinear.show.shown import Html


def majority(candidate: Callable) -> Html:
    """Chapter 18: labels (n,) → what the commonest label gets right."""
    cases = [
        ((np.array([0, 1, 1, 0, 1]),), np.array(3 / 5)),
        ((np.array([2, 2, 2, 0]),), np.array(3 / 4)),
        ((np.array([1]),), np.array(1.0)),
    ]
    return function(candidate, cases, "Count each label, and divide the largest count by how many examples there are.")


def best_penalty(candidate: Callable) -> Html:
    """Chapter 18: (strengths, right on the part for choices) → the strongest penalty of the best."""
    cases = [
        ((np.array([0.001, 0.01, 0.1, 1.0]), np.array([0.5, 0.7, 0.7, 0.6])), np.array(0.01)),
        ((np.array([1.0, 0.1]), np.array([0.8, 0.8])), np.array(0.1)),
        ((np.array([0.001, 1.0]), np.array([0.5, 0.9])), np.array(1.0)),
    ]
    return function(
        candidate, cases, "An inverse penalty is small where the penalty is strong: of equals, take the smallest."
    )


def seen_difference(value: float | None) -> Html:
    """Chapter 18: half the width, in points, of a 95 % interval around 70 % right of 1,000 examples."""
    return number(value, 196 * math.sqrt(0.7 * 0.3 / 1000), 0.1, "The variance of one answer is p (1 − p).")
