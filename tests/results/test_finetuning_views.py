"""Finetunings side by side: put together by task and start, screened, counted where they broke, and refused."""

import math

import pytest

from nearlinear.results.finetuning_views import (
    best_rates,
    breaks,
    by_task,
    check_alike,
    check_started,
    how_of,
    screened_rates,
)
from nearlinear.results.training_studies import ENCODERS
from tests.show import encoders_made as made

RUNS = made.finetunings()


def test_runs_are_put_together_by_task_start_and_block_in_the_order_of_seeds():
    found = by_task(reversed(RUNS))
    assert set(found) == set(made.TASKS)
    assert {task: set(hows) for task, hows in found.items()} == {
        "film-sentences": {"pretrained", "scratch", "shuffled"},
        "wordnet-contexts": {"pretrained", "scratch"},
    }
    for hows in found.values():
        assert list(hows["pretrained"]) == list(ENCODERS)
        assert all([run.spec.seed for run in each] == [0, 1, 2] for each in hows["pretrained"].values())
    assert sum(len(each) for hows in found.values() for of in hows.values() for each in of.values()) == len(RUNS)


def test_how_a_finetuning_began():
    assert [how_of(made.finetuned(how=how).spec) for how in ("pretrained", "scratch", "shuffled")] == [
        "pretrained",
        "scratch",
        "shuffled",
    ]


@pytest.mark.parametrize("other", [{"steps": 200}, {"d": 32}])
def test_finetunings_of_other_sizes_do_not_stand_side_by_side(other):
    with pytest.raises(ValueError, match="these finetunings differ in steps, batch"):
        check_alike([made.finetuned(), made.finetuned(seed=1, **other)])


def test_nothing_cannot_be_shown():
    with pytest.raises(ValueError, match="there is no finetuning to show"):
        by_task([])


def test_a_finetuning_of_other_weights_is_refused():
    """As when an encoder was trained anew, and its finetunings were not."""
    trained = made.encoders()
    check_started(trained, RUNS)
    check_started(trained[:1], RUNS)  # what is not here cannot be compared
    wrong = made.finetuned("sas", 1, started="0" * 64)
    with pytest.raises(ValueError, match=r"^the finetuning of sas, seed 1, began with other weights than those that"):
        check_started(trained, [*RUNS, wrong])
    check_started(trained, [made.finetuned("sas", 1, how="scratch", started="0" * 64)])


def test_the_best_rate_is_that_which_is_right_most_often():
    runs = made.tried({"sas": 3e-3, "scratch": 3e-4})
    assert best_rates(runs) == {**dict.fromkeys(ENCODERS, 1e-3), "sas": 3e-3, "scratch": 3e-4}
    found = screened_rates(runs)["sas"]
    assert found.rates == (3e-4, 1e-3, 3e-3)
    assert found.losses[2] == pytest.approx(0.3)
    assert found.edge == "highest"


def test_a_rate_at_which_training_broke_off_is_not_the_best():
    found = screened_rates(made.tried({"sas": 3e-3}, broken=[("sas", 3e-3)]))["sas"]
    assert math.isnan(found.losses[2])
    assert found.rate == 1e-3


def test_from_scratch_both_blocks_count():
    """One is best at 3e-3, the other at 1e-3, and the mean at 1e-3."""
    runs = [
        made.finetuned(block, 100, how="scratch", lr=lr, chosen=chosen)
        for block, shares in {"pre-ln": (0.60, 0.62), "sas-p": (0.70, 0.60)}.items()
        for lr, chosen in zip((1e-3, 3e-3), shares, strict=True)
    ]
    assert best_rates(runs) == {"scratch": 1e-3}


def test_breaks_are_counted():
    runs = [
        made.finetuned(),
        made.finetuned(seed=1, stopped_at=100, texts=3),
        made.finetuned(seed=2, stopped_at=50),
        made.finetuned(seed=3, answers=4),
    ]
    found = breaks(runs)
    assert (found.n, found.stopped, found.no_number, found.texts, found.answers) == (4, 2, 1, ((3, 16),), 4)
    assert found.any
    assert not breaks(runs[:1]).any
    assert breaks(runs[3:]).any  # no answer is no number either
