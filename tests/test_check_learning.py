"""The self-checks of the chapter on training: right, wrong, not tried, and functions that stop."""

import numpy as np
import pytest

from nearlinear import check_learning as check


def differences(ours, theirs):
    gaps = ours - theirs
    return gaps.mean(), gaps.min(), gaps.max()


def unpaired(ours, theirs):
    return ours.mean() - theirs.mean(), ours.min() - theirs.max(), ours.max() - theirs.min()


def test_differences_are_taken_seed_by_seed():
    judge = check.paired_differences
    assert "Right" in judge(differences).html
    assert "Not yet" in judge(unpaired).html
    assert "Not yet" in judge(lambda ours, theirs: differences(theirs, ours)).html
    assert "Not yet" in judge(lambda ours, theirs: np.mean(ours - theirs)).html
    assert "Not tried yet" in judge(lambda *_: ...).html
    assert "ZeroDivisionError" in judge(lambda *_: 1 / 0).html


@pytest.mark.parametrize(("judge", "right", "wrong"), [(check.steps_in_time, 3636, 4400), (check.wider_mlp, 320, 384)])
def test_numbers(judge, right, wrong):
    assert "Right" in judge(right).html
    assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(...).html
