"""What hides behind an average: planted large tokens, and the slow way to the same numbers."""

import math

import numpy as np
import pytest

from nearlinear.report.types import Hidden, times_the_median
from tests.show import synthetic

L = 3


@pytest.fixture
def errors():
    return synthetic.token_errors(L=L, windows=4, length=50)


def test_a_planted_giant_is_found_where_it_is(errors):
    place = int(np.flatnonzero(errors.position == 7)[0])
    errors.state2[1, place] = errors.state2[1].max() * 1e4
    found = Hidden.of(errors).largest[0]
    assert (found.position, found.block, found.window) == (7, 1, errors.window[place])
    assert found.text == errors.text[place]
    assert len(Hidden.of(errors).largest) == 6


def test_first_tokens_have_a_number_of_their_own(errors):
    errors.state2[2, errors.is_first] = 10_000 * np.median(errors.state2[2, ~errors.is_first])
    hidden = Hidden.of(errors)
    assert hidden.first_times[2] == pytest.approx(100, rel=1e-5)
    assert not any(t.position == 0 for t in hidden.largest)


def test_the_same_by_hand(errors):
    """Token by token, in plain Python."""
    times = times_the_median(errors)
    for block in range(L):
        sizes = sorted(math.sqrt(s) for s, p in zip(errors.state2[block], errors.position, strict=True) if p)
        middle = (sizes[(len(sizes) - 1) // 2] + sizes[len(sizes) // 2]) / 2
        for i in (0, 17, 101):
            assert times[block, i] == pytest.approx(math.sqrt(errors.state2[block, i]) / middle)
        left = sorted(float(e) for e, p in zip(errors.error2_no_first[block], errors.position, strict=True) if p)
        share = sum(left[-2:]) / sum(left)  # of 196 tokens, a hundredth is 2
        assert Hidden.of(errors).worst_share[block] == pytest.approx(share)


def test_broken_blocks_have_no_answer(errors):
    broken = synthetic.token_errors(L=L, windows=4, length=50, broken_from=1)
    hidden = Hidden.of(broken)
    assert not math.isnan(hidden.first_times[0])
    for values in (hidden.first_times, hidden.worst_share):
        assert all(math.isnan(v) for v in values[1:])
    assert {token.block for token in hidden.largest} == {0}
    nothing = Hidden.of(synthetic.token_errors(L=L, windows=4, length=50, broken_from=0))
    assert nothing.largest == ()


def test_windows_of_one_token_have_no_answer():
    hidden = Hidden.of(synthetic.token_errors(L=L, windows=4, length=1))
    assert all(math.isnan(v) for v in (*hidden.first_times, *hidden.worst_share))
    assert hidden.largest == ()
