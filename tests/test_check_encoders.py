"""The self-checks of the chapter on encoders: right, wrong, not tried, and functions that stop."""

import numpy as np
import pytest

from nearlinear import check_encoders as check


def masked(log_p, ids, hidden):
    return -log_p[hidden, ids[hidden]].mean()


def everywhere(right, others):
    each = right.mean(1) - others.mean(1)
    return np.array([each.mean(), each.min()])


WRONG = {
    "masked_loss": [
        lambda log_p, ids, hidden: -log_p[np.arange(len(ids)), ids].mean(),  # all tokens
        lambda log_p, ids, hidden: log_p[hidden, ids[hidden]].mean(),  # the sign
        lambda log_p, ids, hidden: -log_p[hidden].max(1).mean(),  # the likeliest token, not the right one
        lambda log_p, ids, hidden: -log_p[hidden, ids[hidden]].sum() / len(ids),
    ],
    "better_everywhere": [
        lambda right, others: np.array([right.mean() - others.mean(), (right.mean(0) - others.mean(0)).min()]),
        lambda right, others: np.array([right.mean() - others.mean(), right.mean(1).min() - others.mean(1).min()]),
    ],
}


@pytest.mark.parametrize(("judge", "right"), [(check.masked_loss, masked), (check.better_everywhere, everywhere)])
def test_functions(judge, right):
    assert "Right" in judge(right).html
    for wrong in WRONG[judge.__name__]:
        assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(lambda *_: ...).html
    assert "ZeroDivisionError" in judge(lambda *_: 1 / 0).html


@pytest.mark.parametrize(
    ("judge", "right", "wrong"), [(check.glu_share, 0.2, 1 / 6), (check.items_needed, 51_000, 25_500)]
)
def test_numbers(judge, right, wrong):
    assert "Right" in judge(right).html
    assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(...).html
