"""Drifts by family and text: groups, changes with intervals of known size, and what hides in a mean."""

import math

import numpy as np
import pytest

from nearlinear.results.drift_groups import Change, account, by_group, change, early, over_blocks, student
from tests.show import drifts_made as made


def test_groups_are_families_on_texts_by_seed():
    found = by_group(reversed(made.drifts()))
    assert set(found) == {(family, corpus) for family in made.FAMILIES for corpus in made.STEPS}
    assert all([run.spec.seed for run in each] == [0, 1, 2] for each in found.values())


def test_runs_that_differ_in_more_than_seeds_are_refused():
    with pytest.raises(ValueError, match=r"^the trainings of llama on tales differ in more than their seeds$"):
        by_group([made.run("llama", "tales", 0), made.run("llama", "tales", 1, lr=1e-3)])
    with pytest.raises(ValueError, match="no training to show"):
        by_group([])
    assert len(by_group([made.run(), made.run(corpus="tales", lr=1e-3)])) == 2


def test_the_early_look_is_where_the_figure_begins():
    looks = made.run().spec.looks
    assert looks[early([made.run()])] == 188
    short = made.run(steps=40, halvings=3)
    assert short.spec.looks[early([short])] == 10


def test_an_interval_of_three_is_students():
    """Of −1, 0, 1 the standard error is 1/√3; the table of t says 4.303 for two degrees of freedom."""
    low, high = student((-1.0, 0.0, 1.0))
    assert (low, high) == pytest.approx((-4.303 / 3**0.5, 4.303 / 3**0.5))
    assert student((5.0, 7.0)) == pytest.approx((6 - 12.706, 6 + 12.706))
    assert all(math.isnan(end) for end in student((1.0,)))
    assert student(range(30))[0] < student(np.arange(30) + 0.1)[0]
    assert all(math.isnan(end) for end in student((1.0, math.nan, 2.0)))


@pytest.mark.parametrize(
    ("seeds", "falls", "rises"),
    [
        ((-0.3, -0.31, -0.29), True, False),
        ((0.3, 0.31, 0.29), False, True),
        ((-0.3, -0.1, -0.01), False, False),  # all below zero, and yet not for certain
        ((-0.3,), False, False),
        ((-0.3, math.nan, -0.3), False, False),
    ],
)
def test_a_change_falls_when_its_interval_does(seeds, falls, rises):
    found = Change(seeds)
    assert (found.falls, found.rises) == (falls, rises)


def test_changes_are_those_that_were_planted():
    runs = [made.run(seed=seed) for seed in range(3)]
    assert change(runs, "update_scores").mean == pytest.approx(-0.3)
    assert change(runs, "update_scores", first_tokens=True).mean == pytest.approx(-0.3)
    assert change(runs, "size").mean == pytest.approx(0, abs=1e-12)
    assert change(runs, "update_scores", since=0).mean == pytest.approx(-0.33)
    _, values = over_blocks(runs, "update_scores")
    assert values.shape == (3, 10)
    assert values[0, -1] == pytest.approx(0.6 - 0.01 * 3.5)


def test_the_cloud_of_bytes_is_left_out_of_means():
    """h_0 has no dimension; else no mean would have one."""
    steps, values = over_blocks([made.run()], "two_nn")
    assert np.isfinite(values).all()
    assert values[0, -1] == pytest.approx(6 + 0.035)
    assert over_blocks([made.run()], "loss")[1].shape == (1, len(steps))


def test_a_fall_of_the_score_is_put_down_to_what_was_changed():
    """s_Δ from 0.9 to 0.8 at one size: less linear. The same by updates half as large: no less linear."""
    same_size = [made.run(ends={"update": (0.9, 0.8), "size": (0.2, 0.2)})]
    unexplained, size = account(same_size)[:, 0]
    np.testing.assert_allclose(size, 0, atol=1e-12)
    assert unexplained[0] == pytest.approx(math.log(2))
    smaller = [made.run(ends={"update": (0.9, 0.8), "size": (0.4, 0.2)})]
    unexplained, size = account(smaller)[:, 0]
    assert unexplained[0] == pytest.approx(0, abs=1e-12)
    assert size[0] == pytest.approx(-math.log(2))


def test_what_broke_off_has_no_change():
    runs = [made.run(seed=0), made.run(seed=1, stopped_at=1000), made.run(seed=2)]
    found = change(runs, "update_scores")
    assert [math.isnan(value) for value in found.seeds] == [False, True, False]
    assert not found.falls
    assert np.isnan(account(runs)[:, 1]).all()
    assert np.isfinite(account(runs)[:, 0]).all()
