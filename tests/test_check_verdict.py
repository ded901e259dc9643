"""The self-checks of the page of verdicts: right, wrong, not tried, and functions that stop."""

import pytest

from nearlinear import check_verdict as check


def right(published, controlled):
    if not published:
        return "contradicted"
    return "reproduced" if controlled else "partly"


WRONG = [
    lambda published, controlled: "reproduced" if published else "contradicted",
    lambda published, controlled: "reproduced" if controlled else right(published, controlled),
    lambda published, controlled: "partly" if controlled and not published else right(published, controlled),
    lambda published, controlled: "sort of",
]


def test_the_rule():
    assert "Right" in check.rule(right).html
    for wrong in WRONG:
        assert "Not yet" in check.rule(wrong).html
    assert "Not tried yet" in check.rule(lambda *_: ...).html
    assert "ZeroDivisionError" in check.rule(lambda *_: 1 / 0).html


@pytest.mark.parametrize(
    ("judge", "right", "wrong"), [(check.false_alarms, 40 / 8, 40 / 4), (check.seeds_needed, 6, 5)]
)
def test_numbers(judge, right, wrong):
    assert "Right" in judge(right).html
    assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(...).html
