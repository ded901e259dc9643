"""The self-checks of the chapter on finetuning: right, wrong, not tried, and functions that stop."""

import numpy as np
import pytest

from nearlinear import check_tuning as check


def difference(rises, controls):
    apart = (rises - controls).mean(1)
    half = 4.303 * apart.std(ddof=1) / len(apart) ** 0.5
    return apart.mean(), apart.mean() - half, apart.mean() + half


def unpaired(rises, controls):
    one, other = rises.mean(1), controls.mean(1)
    half = 4.303 * np.hypot(one.std(ddof=1), other.std(ddof=1)) / len(one) ** 0.5
    apart = one.mean() - other.mean()
    return apart, apart - half, apart + half


def reasons(before, after):
    (e, d, y), (f, g, z) = before, after
    return np.log(e / y) - np.log(f / z), np.log(g / z) - np.log(d / y)


WRONG = {
    "beyond_control": [unpaired, lambda rises, controls: difference(controls, rises)],
    "why_it_rises": [
        lambda before, after: reasons(after, before),
        lambda before, after: (np.log(before[0] / after[0]), np.log(after[1] / before[1])),  # the scale of the state
    ],
}


@pytest.mark.parametrize(("judge", "right"), [(check.beyond_control, difference), (check.why_it_rises, reasons)])
def test_functions(judge, right):
    assert "Right" in judge(right).html
    for wrong in WRONG[judge.__name__]:
        assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(lambda *_: ...).html
    assert "ZeroDivisionError" in judge(lambda *_: 1 / 0).html


def test_numbers():
    assert "Right" in check.loss_of_pair(np.log(2)).html
    assert "Not yet" in check.loss_of_pair(0.5).html
    assert "Not tried yet" in check.loss_of_pair(...).html
