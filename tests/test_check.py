"""The exercises' self-checks: right answers pass, wrong ones are told why, and nothing raises."""

import numpy as np
import pytest

from nearlinear import check

RIGHT = {
    "score_function": check._score,
    "score_from_update": lambda s, r: 1 - (1 - s) * r,
    "worst_share": lambda e, share: np.sort(e)[-max(1, round(share * len(e))) :].sum() / e.sum(),
}
WRONG = {
    "score_function": lambda X, Y: 1.0,
    "score_from_update": lambda s, r: s * r,
    "worst_share": lambda e, share: e.max() / e.sum(),
}


@pytest.mark.parametrize("name", RIGHT)
def test_functions(name):
    judge = getattr(check, name)
    assert "Right" in judge(RIGHT[name]).html
    assert "Not yet" in judge(WRONG[name]).html
    assert "Not tried yet" in judge(lambda *_: ...).html
    assert "ZeroDivisionError" in judge(lambda *_: 1 / 0).html


@pytest.mark.parametrize(
    ("judge", "right", "wrong"), [(check.noise_score, 100 / 299, 0.1), (check.shrunk_update, 0.999, 0.99)]
)
def test_numbers(judge, right, wrong):
    assert "Right" in judge(right).html
    assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(...).html
