"""The self-checks of the chapter on terms in the loss: right, wrong, not tried, and functions that stop."""

from itertools import pairwise

import numpy as np
import pytest

from nearlinear import check_regularised as check


def term(states):
    x, y = states[:-1], states[1:]
    cosine = (x * y).sum(-1) / (np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1))
    return (1 - cosine).mean(-1).sum()


def pairs(words):
    found = list(pairwise(words))
    return len(set(found)) / len(found)


WRONG = {
    "cosine_term": [
        lambda states: term(states) / (len(states) - 1),  # a mean over blocks
        lambda states: ((states[1:] - states[:-1]) ** 2).sum(-1).mean(-1).sum(),  # the other term
    ],
    "distinct_pairs": [
        lambda words: len(set(words)) / len(words),  # single words
        lambda words: len(set(pairwise(words))) / len(words),
    ],
}


@pytest.mark.parametrize(("judge", "right"), [(check.cosine_term, term), (check.distinct_pairs, pairs)])
def test_functions(judge, right):
    assert "Right" in judge(right).html
    for wrong in WRONG[judge.__name__]:
        assert "Not yet" in judge(wrong).html
    assert "Not tried yet" in judge(lambda *_: ...).html
    assert "ZeroDivisionError" in judge(lambda *_: 1 / 0).html


def test_numbers():
    assert "Right" in check.smaller_update(1 - 0.2 / 0.5).html
    assert "Not yet" in check.smaller_update(0.9).html
    assert "Not tried yet" in check.smaller_update(...).html
