"""The self-checks of chapter 14: right answers pass, wrong ones are told why, and nothing raises."""

import numpy as np
import pytest

from nearlinear import check_meeting


def explained(X, Y):
    """Both shares, by the normal equations."""
    X, Y = X - X.mean(0), Y - Y.mean(0)
    line = X @ np.linalg.solve(X.T @ X, X.T @ Y)
    return [1 - np.linalg.norm(Y - guess) ** 2 / np.linalg.norm(Y) ** 2 for guess in (X, line)]


def share(A, alpha, beta, gamma, *, signed=False):
    shares = []
    for i in range(1, len(A)):
        row = [beta * A[i, j] - gamma / (i + 1) + alpha * (i == j) for j in range(i + 1)]
        row = row if signed else [abs(weight) for weight in row]
        shares.append(row[0] / sum(row))
    return np.mean(shares)


RIGHT = {"removed_and_replaced": explained, "share_of_first": share}
WRONG = {
    "removed_and_replaced": lambda X, Y: explained(Y, X),
    "share_of_first": lambda *arguments: share(*arguments, signed=True),
}


@pytest.mark.parametrize("name", RIGHT)
def test_functions(name):
    judge = getattr(check_meeting, name)
    assert "Right" in judge(RIGHT[name]).html
    assert "Not yet" in judge(WRONG[name]).html
    assert "Not tried yet" in judge(lambda *_: ...).html
    assert "ZeroDivisionError" in judge(lambda *_: 1 / 0).html


def test_even_weight():
    assert "Right" in check_meeting.even_weight(float(np.mean(1 / np.arange(33, 65)))).html
    assert "Not yet" in check_meeting.even_weight(1 / 64).html
    assert "Not yet" in check_meeting.even_weight(float(np.mean(1 / np.arange(32, 64)))).html
    assert "Not tried yet" in check_meeting.even_weight(...).html


def test_a_block_that_halves_is_a_line_and_cannot_be_removed():
    X = np.random.default_rng(0).normal(size=(50, 3))
    assert check_meeting._explained(X, 0.5 * X) == pytest.approx((0.0, 1.0))
