"""The self-checks of the chapter on probes: right, wrong, not tried, and functions that stop."""

import numpy as np
import pytest

from nearlinear import check_probes as check


def commonest(labels):
    return np.unique(labels, return_counts=True)[1].max() / len(labels)


def choice(strengths, right):
    return strengths[right == right.max()].min()


WRONG = {
    "majority": [lambda labels: labels.mean(), lambda labels: 1 / len(set(labels.tolist()))],
    "best_penalty": [
        lambda strengths, right: strengths[right.argmax()],  # the first of equals
        lambda strengths, right: strengths[right == right.max()].max(),
    ],
}


@pytest.mark.parametrize(("judge", "right"), [(check.majority, commonest), (check.best_penalty, choice)])
def test_functions(judge, right):
    assert "Right" in judge(right).html
    for wrong in WRONG[judge.__name__]:
        assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(lambda *_: ...).html
    assert "ZeroDivisionError" in judge(lambda *_: 1 / 0).html


def test_numbers():
    assert "Right" in check.seen_difference(100 * 1.96 * (0.7 * 0.3 / 1000) ** 0.5).html
    assert "Not yet" in check.seen_difference(1.4).html
    assert "Not tried yet" in check.seen_difference(...).html
