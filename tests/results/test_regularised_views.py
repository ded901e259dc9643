"""Trainings with a term beside those without: paired by seed, split exactly, and compared at equal loss and size."""

import numpy as np
import pytest

from nearlinear.results import regularised_views as views
from nearlinear.results.drift_views import split_of
from tests.show import regularised_made as made

COSINE, SQUARED = views.PAPERS, ("squared", 2.0)
SOME = (views.NONE, COSINE, SQUARED)


def smaller(strength: float) -> dict:
    """Updates that shrink with λ, at the same unexplained share."""
    return {"size": 0.2 / (1 + strength), "update": 1 - 0.4 * (1 + strength)}


def test_settings_stand_in_order_and_seeds_beside_each_other():
    grid = views.grid_of(reversed(made.grid()))
    assert list(grid) == list(made.SETTINGS)
    assert all(views.seeds_of(each) == [0, 1, 2] for each in grid.values())
    assert views.terms_of(grid) == ["cosine", "squared"]


def test_what_cannot_be_compared_is_refused():
    runs = made.grid(settings=SOME)
    with pytest.raises(ValueError, match="no training without a term"):
        views.grid_of(runs[3:])
    with pytest.raises(ValueError, match=r"cosine term at λ = 0\.5 has other seeds"):
        views.grid_of(runs[:-1] + made.grid(settings=SOME[1:2], seeds=4)[3:])
    with pytest.raises(ValueError, match="differ in more than their term and their seeds"):
        views.grid_of([*runs, made.run(COSINE, 3, lr=1e-3)])
    with pytest.raises(ValueError, match="different seeds"):
        views.gaps(runs[:2], runs[4:6], "update_scores")


def test_a_gap_is_against_the_same_seed():
    grid = views.grid_of(made.grid({COSINE: {"update": 0.5}}, settings=SOME))
    found = views.gap(grid[COSINE], grid[views.NONE], "update_scores")
    assert found.seeds == pytest.approx((-0.1,) * 3)
    assert found.falls
    assert not views.gap(grid[SQUARED], grid[views.NONE], "update_scores").falls
    assert views.gap(grid[COSINE], grid[views.NONE], "loss").mean == 0


def test_both_parts_add_up_and_are_those_of_the_split():
    grid = views.grid_of(made.grid({COSINE: {"update": 0.5, "size": 0.1}}, settings=SOME))
    unexplained, size = views.account(grid[COSINE], grid[views.NONE])
    slow = split_of(grid[COSINE], grid[views.NONE])
    np.testing.assert_allclose(unexplained, [each.unexplained for each in slow])
    np.testing.assert_allclose(size, [each.size for each in slow])
    s = [1 - views.at_end(grid[setting], "update_scores") for setting in (COSINE, views.NONE)]
    np.testing.assert_allclose(unexplained - size, np.log(s[0]) - np.log(s[1]), atol=1e-12)
    more, less = views.parts(grid[COSINE], grid[views.NONE])
    assert more.mean + less.mean == pytest.approx(np.mean(unexplained - size))
    assert less.rises


def test_a_training_that_broke_off_has_no_answer():
    runs = [made.run(views.NONE, 0), made.run(COSINE, 0, stopped_at=500)]
    grid = views.grid_of(runs)
    assert np.isnan(views.at_end(grid[COSINE], "update_scores")).all()
    assert np.isnan(views.gap(grid[COSINE], grid[views.NONE], "loss").mean)
    assert views.common_loss(grid) == 2.5
    assert views.read_out(grid[COSINE]) == {}


def test_a_path_is_crossed_where_it_first_comes_by():
    assert views.crossing([4, 3, 2], [0, 10, 30], 2.5) == 20
    assert views.crossing([4, 2, 3, 1], [0, 1, 2, 3], 2.5) == 0.75
    assert views.crossing([2, 2], [5, 9], 2) == 5
    assert np.isnan(views.crossing([4, 3], [0, 1], 2.9))


def test_at_equal_loss_a_look_on_the_way_is_read():
    grid = views.grid_of([made.run(views.NONE, 0, loss=2.0), made.run(COSINE, 0, loss=2.4)])
    level = views.common_loss(grid)
    assert level == 2.4
    ends = views.at_end(grid[views.NONE], "update_scores").mean(1)
    (there,) = views.at_loss(grid[views.NONE], "update_scores", level)
    assert there > ends[0]
    (own,) = views.at_loss(grid[COSINE], "update_scores", level)
    assert own == pytest.approx(views.at_end(grid[COSINE], "update_scores").mean())
    assert np.isnan(views.at_loss(grid[COSINE], "update_scores", 1.0)).all()


def test_terms_that_do_the_same_are_alike_at_equal_size():
    of = {setting: smaller(setting[1]) for setting in made.SETTINGS}
    grid = views.grid_of(made.grid(of))
    assert views.at_equal_size(grid, "update_scores").mean == pytest.approx(0, abs=1e-12)
    less = views.grid_of(made.grid(of | {COSINE: smaller(0.5) | {"update": 0.3}}))
    assert views.at_equal_size(less, "update_scores").mean == pytest.approx(-0.1, abs=1e-5)
    beyond = views.grid_of(made.grid(of | {COSINE: {"size": 0.001}}))
    assert np.isnan(views.at_equal_size(beyond, "update_scores").mean)


def test_gains_are_paired_item_by_item():
    ours, plain = ({seed: np.array(row, float) for seed, row in rows.items()} for rows in (
        {0: [1, 1, 0], 1: [1, 0, 0], 2: [0, 0, 0]}, {0: [1, 0, 0], 1: [1, 0, 1]}))  # fmt: skip
    np.testing.assert_array_equal(views.gained(ours, plain), [[0, 1, 0], [0, 0, -1]])
    with pytest.raises(ValueError, match="different items"):
        views.gained({0: np.zeros(3)}, {0: np.zeros(4)})
    assert len(views.gained({0: np.zeros(3)}, {1: np.zeros(3)})) == 0


def test_intervals_over_items_are_those_of_a_slow_bootstrap():
    values = np.random.default_rng(0).normal(size=(2, 3, 50))
    found = views.over_items(values, seed=4)
    assert found.shape == (3, 2)
    rng, means = np.random.default_rng(1), []
    for _ in range(2000):
        drawn = rng.integers(0, 50, 50)
        means.append(values[:, 1, drawn].mean())
    np.testing.assert_allclose(found[1], np.percentile(means, [2.5, 97.5]), atol=0.03)
    assert np.isnan(views.over_items(np.empty((0, 5)))).all()
