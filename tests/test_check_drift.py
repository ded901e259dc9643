"""The self-checks of the chapter on linearity through pretraining: right, wrong, not tried, and functions that stop."""

import numpy as np
import pytest

from nearlinear import check_drift as check


def parts(before, after):
    (e, d, y), (f, g, z) = before, after
    return np.log(f / z / (e / y)), np.log(g / z / (d / y))


def share(states):
    values = np.linalg.svd(states - states.mean(0), compute_uv=False) ** 2
    return values[0] / values.sum()


WRONG = {
    "parts_of_change": [
        lambda before, after: (np.log(after[0] / before[0]), np.log(after[1] / before[1])),  # the scale of the state
        lambda before, after: tuple(-part for part in parts(before, after)),
    ],
    "anisotropy": [
        lambda states: np.linalg.svd(states, compute_uv=False)[0] ** 2 / (states**2).sum(),  # the mean is in
        lambda states: (
            np.linalg.svd(states - states.mean(0), compute_uv=False).max()
            / np.linalg.svd(states - states.mean(0), compute_uv=False).sum()
        ),
    ],
}


@pytest.mark.parametrize(("judge", "right"), [(check.parts_of_change, parts), (check.anisotropy, share)])
def test_functions(judge, right):
    assert "Right" in judge(right).html
    for wrong in WRONG[judge.__name__]:
        assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(lambda *_: ...).html
    assert "ZeroDivisionError" in judge(lambda *_: 1 / 0).html


def test_numbers():
    assert "Right" in check.score_of_update(1 - (1 - 0.98) / 0.1).html
    assert "Not yet" in check.score_of_update(0.98).html
    assert "Not tried yet" in check.score_of_update(...).html
