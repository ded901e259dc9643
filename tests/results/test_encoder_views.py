"""Encoders side by side: planted clocks, ends and crossings."""

import math

import numpy as np
import pytest

from nearlinear.results.encoder_views import as_low, clock, clock_range, in_equal_time, stretch_seconds
from nearlinear.results.training_views import by_block, loss_after, step_reaching
from tests.show import encoders_made as made


def test_the_clock_is_the_median_and_not_the_mean():
    """One stretch in which the machine did something else changes nothing."""
    run = made.masked(seconds=0.05)
    late = run.model_copy(update={"seconds": tuple(s + 60 * (k > 3) for k, s in enumerate(run.seconds))})
    assert stretch_seconds(run) == pytest.approx(np.full(len(run.steps), 0.05))
    assert clock({"pre-ln": [late, run]}) == {"pre-ln": pytest.approx(0.05)}
    assert stretch_seconds(late).max() > 1


def test_the_clock_says_how_far_two_runs_disagree():
    runs = [made.masked(seed=0, seconds=0.04), made.masked(seed=1, seconds=0.06)]
    assert clock_range(runs) == pytest.approx((0.04, 0.06))
    assert clock({"pre-ln": runs})["pre-ln"] == pytest.approx(0.05)


def test_a_run_that_never_came_to_a_stop_has_no_clock():
    run = made.masked(stopped_at=1)
    assert run.steps == ()
    assert math.isnan(clock({"pre-ln": [run]})["pre-ln"])
    assert all(map(math.isnan, clock_range([run])))


def test_equal_time_ends_with_the_quickest_block():
    blocks = by_block(made.encoders(seconds={"sas": 0.025}))
    found = in_equal_time(blocks)
    assert found["sas"][0] == pytest.approx(2000)
    assert found["pre-ln"][0] == pytest.approx(1000)
    assert found["sas"][1] == pytest.approx([run.loss for run in blocks["sas"]])
    assert found["pre-ln"][1] == pytest.approx([loss_after(run, found["pre-ln"][0]) for run in blocks["pre-ln"]])
    assert found["pre-ln"][1].min() > max(run.loss for run in blocks["pre-ln"])


def test_a_block_without_a_clock_is_left_out():
    blocks = by_block([made.masked("pre-ln"), made.masked("sas", stopped_at=1)])
    assert set(in_equal_time(blocks)) == {"pre-ln"}


def test_as_low_is_when_the_loss_is_first_that_of_the_others_end():
    low, high = [made.masked("sas", k, end=4.0) for k in (0, 1)], [made.masked(seed=k, end=4.8) for k in (0, 1)]
    found = as_low(low, high)
    assert found == pytest.approx([step_reaching(low[0], 4.8)] * 2)
    assert 0 < found[0] < 2000
    assert np.isnan(as_low(high, low)).all()
    assert as_low(high, high) == pytest.approx([2000, 2000])


def test_nothing_is_as_low_as_what_broke_off():
    assert np.isnan(as_low([made.masked("sas")], [made.masked(stopped_at=300)])).all()


def test_other_seeds_are_no_pairs():
    with pytest.raises(ValueError, match="these trainings have different seeds"):
        as_low([made.masked(seed=0)], [made.masked(seed=1)])
