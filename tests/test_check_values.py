"""The self-checks of the chapter on values and projections: right, wrong, not tried, and functions that stop."""

import numpy as np
import pytest

from nearlinear import check_values as check


def moved(alpha, beta, W_init, dW):
    return np.linalg.norm(beta * dW) / np.linalg.norm(alpha * W_init)


def closed(tied, orthogonal, identity):
    return (orthogonal - tied).mean() / (orthogonal - identity).mean()


WRONG = {
    "size_moved": [
        lambda alpha, beta, W_init, dW: beta / alpha,
        lambda alpha, beta, W_init, dW: beta / alpha * np.linalg.norm(dW) / np.linalg.norm(W_init),  # the sign
        lambda alpha, beta, W_init, dW: np.linalg.norm(beta * dW, 2) / np.linalg.norm(alpha * W_init, 2),
    ],
    "share_closed": [
        lambda tied, orthogonal, identity: ((orthogonal - tied) / (orthogonal - identity)).mean(),
        lambda tied, orthogonal, identity: (tied - identity).mean() / (orthogonal - identity).mean(),
    ],
}


@pytest.mark.parametrize(("judge", "right"), [(check.size_moved, moved), (check.share_closed, closed)])
def test_functions(judge, right):
    assert "Right" in judge(right).html
    for wrong in WRONG[judge.__name__]:
        assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(lambda *_: ...).html
    assert "ZeroDivisionError" in judge(lambda *_: 1 / 0).html


@pytest.mark.parametrize(
    ("judge", "right", "wrong"), [(check.rate_like_gain, 0.3**2, 0.3), (check.numbers_saved, 45_056, 49_152)]
)
def test_numbers(judge, right, wrong):
    assert "Right" in judge(right).html
    assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(...).html
