"""The self-checks of the chapter where the papers meet; `nearlinear.check` says how checks answer."""

from collections.abc import Callable

import numpy as np

from nearlinear.check import function, number
from nearlinear.show.shown import Html


def removed_and_replaced(candidate: Callable) -> Html:
    """Chapter 14: a function (X, Y) → shares of the centred ‖Y‖² explained by X itself, and by a line."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(200, 5)) + 3
    curved = 0.5 * X + np.tanh(X @ rng.normal(size=(5, 5)))
    cases = [((X, Y), np.array(_explained(X, Y))) for Y in (0.5 * X + 1, curved)]
    return function(candidate, cases, "Centre both. For the first, X stands in for Y; for the second, the best X A.")


def _explained(X: np.ndarray, Y: np.ndarray) -> tuple[float, float]:
    X, Y = X - X.mean(0), Y - Y.mean(0)
    line = X @ np.linalg.lstsq(X, Y, rcond=None)[0]
    return tuple(1 - ((Y - guess) ** 2).sum() / (Y**2).sum() for guess in (X, line))


def even_weight(value: float | None) -> Html:
    """Chapter 14: the mean weight of tokens 32 to 63 on the first, when each attends evenly."""
    expected = sum(1 / (i + 1) for i in range(32, 64)) / 32
    return number(value, expected, 1e-4, "Token i, counted from 0, sees i + 1 tokens. What does it give each?")


def share_of_first(candidate: Callable) -> Html:
    """Chapter 14: a function (A, α, β, γ) → mean share of |M| on the first token, M = αI + βA − γC."""
    rng = np.random.default_rng(6)
    even, drawn = np.tri(6), np.exp(rng.normal(size=(6, 6))) * np.tri(6)
    cases = [((_rows(each), *gains), _share(_rows(each), *gains)) for each, gains in (
        (even, (1.0, 1.0, 1.0)), (drawn, (0.8, 1.3, 0.5)), (drawn, (0.0, 1.0, 0.0)),
    )]  # fmt: skip
    hint = "Form M, take absolute values, divide each row by its sum; the first column, all rows but the first."
    return function(candidate, cases, hint)


def _rows(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum(1, keepdims=True)


def _share(A: np.ndarray, alpha: float, beta: float, gamma: float) -> np.ndarray:
    weight = np.abs(alpha * np.eye(len(A)) + beta * A - gamma * _rows(np.tri(len(A))))
    return np.array((weight[1:, 0] / weight[1:].sum(1)).mean())
