"""The self-checks of the chapter on terms that bring layers together; `nearlinear.check` holds the others."""

from collections.abc import Callable

import numpy as np

from nearlinear.check import function, number
from nearlinear.show.shown import Html


def smaller_update(value: float | None) -> Html:
    """Chapter 17: s_Δ where ‖Δ‖² is halved and ‖E‖² stays, from 0.8."""
    return number(value, 0.6, 1e-6, "1 − s_Δ is ‖E‖² / ‖Δ‖²: what becomes of it when ‖Δ‖² is halved?")


def cosine_term(candidate: Callable) -> Html:
    """Chapter 17: states (L + 1, n, d) → Σ_l (1 − cos(h_l, h_{l+1})), mean over tokens."""
    states = np.random.default_rng(17).normal(size=(4, 9, 5)) + 1

    def term(states: np.ndarray) -> np.ndarray:
        x, y = states[:-1], states[1:]
        lengths = np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1)
        return np.array((1 - (x * y).sum(-1) / lengths).mean(-1).sum())

    longer = np.stack([states[0], 3 * states[0]])
    cases = [
        ((states,), term(states)),
        ((longer,), np.array(0.0)),
        ((np.stack([states[0], -states[0]]),), np.array(2.0)),
    ]
    return function(candidate, cases, "Mean over tokens first, then the sum over blocks; a longer state costs nothing.")


def distinct_pairs(candidate: Callable) -> Html:
    """Chapter 17: words → distinct-2, different pairs of neighbours over all pairs."""
    cases = [
        ((["the", "cat", "saw", "the", "cat"],), np.array(3 / 4)),
        ((["so", "so", "so", "so"],), np.array(1 / 3)),
        ((["a", "b", "c"],), np.array(1.0)),
    ]
    return function(candidate, cases, "n words have n − 1 pairs; count each different one once.")
