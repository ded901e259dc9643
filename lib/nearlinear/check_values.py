"""The self-checks of the chapter on values and projections; `nearlinear.check` holds the others."""

from collections.abc import Callable

import numpy as np

from nearlinear.check import function, number
from nearlinear.show.shown import Html


def size_moved(candidate: Callable) -> Html:
    """Chapter 11: a function (alpha, beta, W_init, dW) → ‖β ΔW‖ / ‖α W_init‖."""
    rng = np.random.default_rng(11)
    W_init, dW = np.eye(4), rng.normal(size=(4, 4))
    size = np.linalg.norm(dW) / 2  # ‖I‖ = 2
    cases = [
        ((1.0, 0.2, W_init, dW), np.array(0.2 * size)),
        ((1.0, 0.1, W_init, 2 * dW), np.array(0.2 * size)),
        ((-0.5, 0.2, W_init, dW), np.array(0.4 * size)),
    ]
    return function(candidate, cases, "Frobenius norms, each with its gain; a norm has no sign, so take |α| and |β|.")


def rate_like_gain(value: float | None) -> Html:
    """Chapter 11: what SGD's rate is multiplied by where β = 0.3."""
    return number(value, 0.09, 1e-6, "β scales the gradient that reaches ΔW, and then the step that ΔW makes in W.")


def share_closed(candidate: Callable) -> Html:
    """Chapter 11: a function (tied, orthogonal, identity) of losses by seed → share of the gap closed."""
    rng = np.random.default_rng(3)
    shared = 0.05 * rng.normal(size=3)
    orthogonal, identity = 1.7 + shared, 1.5 + shared
    tied, uneven = 1.6 + shared, np.array([1.50, 1.75, 1.58])
    cases = [
        ((tied, orthogonal, identity), np.array(0.5)),
        ((orthogonal, orthogonal, identity), np.array(0.0)),
        ((uneven, np.array([1.7, 1.8, 1.6]), np.array([1.5, 1.5, 1.58])), np.array(0.27 / 0.52)),
    ]
    return function(candidate, cases, "Mean differences first, then one ratio: one seed with a small gap is no guide.")


def numbers_saved(value: float | None) -> Html:
    """Chapter 11: numbers in W_V and W_P that six SAS blocks of width 64 do without."""
    return number(value, 11 * 64 * 64, 0.5, "Six blocks have twelve such matrices, and one is kept.")
