"""The self-checks of the chapter on depth: right, wrong, not tried, and functions that stop."""

import numpy as np
import pytest

from nearlinear import check_depth as check


def more(shallow, deep, base_shallow, base_deep):
    gaps = (deep - shallow) - (base_deep - base_shallow)
    return gaps.mean(), gaps.min(), gaps.max()


def own(shallow, deep):
    return np.nanmin(deep) - np.nanmin(shallow)


WRONG = {
    "more_from_depth": [
        lambda a, b, c, d: ((b - a).mean() - (d - c).mean(), (b - a).min() - (d - c).min(), (b - a).max()),
        lambda a, b, c, d: ((b - d).mean(), (b - d).min(), (b - d).max()),  # the deep models alone
        lambda a, b, c, d: more(b, a, d, c),  # the other way round
    ],
    "own_rates": [
        lambda a, b: b[np.nanargmin(a)] - np.nanmin(a),  # the shallow models' rate for both
        lambda a, b: b.min() - a.min(),  # NaN
        lambda a, b: np.nanmean(b - a),
    ],
}


@pytest.mark.parametrize(("judge", "right"), [(check.more_from_depth, more), (check.own_rates, own)])
def test_functions(judge, right):
    assert "Right" in judge(right).html
    for wrong in WRONG[judge.__name__]:
        assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(lambda *_: ...).html
    assert "ZeroDivisionError" in judge(lambda *_: 1 / 0).html


@pytest.mark.parametrize(
    ("judge", "right", "wrong"), [(check.as_many_numbers, 24 * 8 / 6, 48), (check.start_of_gain, 0.2 / 2, 0.05)]
)
def test_numbers(judge, right, wrong):
    assert "Right" in judge(right).html
    assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(...).html
