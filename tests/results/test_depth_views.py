"""Two depths side by side: planted changes, the slow twin of the interval, costs by formula, and what is refused."""

import math

import numpy as np
import pytest

from nearlinear.results.depth_specs import shallow_tried
from nearlinear.results.depth_views import (
    changes_at_rates,
    deepened,
    equal_operations,
    short_and_deep,
    step_operations,
    total_operations,
    tried_losses,
)
from nearlinear.results.training_specs import SIZES, size_of
from nearlinear.results.training_studies import DEEP, deep_tried, depth
from nearlinear.results.training_views import loss_after
from tests.results.test_training_views import slow_interval
from tests.show import depth_made as made
from tests.show.depth_made import run
from tests.show.trainings import DOCUMENTS

RUNS = made.depth(spread=0.003)


def test_blocks_come_in_the_books_order_at_both_depths():
    pair = deepened(reversed(RUNS))
    assert pair.depths == (6, 24)
    assert list(pair.shallow) == list(pair.deep) == list(DEEP)
    assert len(pair.runs) == len(RUNS)
    assert all([r.spec.seed for r in each] == [0, 1, 2] for each in pair.deep.values())


def test_changes_are_paired_by_seed():
    pair = deepened(RUNS)
    for block, change in made.CHANGE.items():
        assert pair.change(block).seeds == pytest.approx((change, change + 0.003, change + 0.006))
    beside = pair.beside("sas", "pre-ln")
    assert beside.seeds == pytest.approx((-0.03, -0.03, -0.03))
    assert (beside.low, beside.high) == pytest.approx((-0.03, -0.03))
    assert pair.beside("pre-ln", "pre-ln").seeds == pytest.approx((0, 0, 0))


def files(block, L, seed, ends):
    return run(block, L, seed, document_ends=tuple(ends))


def test_the_interval_of_an_interaction_resamples_documents_and_weighs_them_by_tokens():
    rng = np.random.default_rng(5)
    ends = 1.5 + 0.2 * rng.normal(size=(2, 2, 2, 4))  # seed, block, depth, document
    runs = [
        files(block, L, seed, ends[seed, i, j])
        for seed in (0, 1)
        for i, block in enumerate(("pre-ln", "sas"))
        for j, L in enumerate(made.DEPTHS)
    ]
    found = deepened(runs).beside("sas", "pre-ln")
    each = (ends[:, 1, 1] - ends[:, 1, 0] - ends[:, 0, 1] + ends[:, 0, 0]).mean(0)
    assert (found.low, found.high) == pytest.approx(tuple(slow_interval(each, DOCUMENTS)), abs=1e-5)  # six digits kept
    assert found.low < np.dot(each, DOCUMENTS) / sum(DOCUMENTS) < found.high


def test_what_broke_off_has_no_change():
    runs = [*made.depth(seeds=1)[:-1], run("sas-p", 24, stopped_at=300)]
    pair = deepened(runs)
    assert math.isnan(pair.change("sas-p").mean)
    found = pair.beside("sas-p", "pre-ln")
    assert all(map(math.isnan, (found.mean, found.low, found.high)))
    assert not found.better
    assert not found.worse


@pytest.mark.parametrize("other", [{"steps": 500}, {"d": 32}, {"d_ff": 256}, {"corpus": "tales"}])
def test_trainings_of_other_widths_texts_or_steps_are_refused(other):
    with pytest.raises(ValueError, match="differ in width, text or steps"):
        deepened([run("sas", 6), run("sas", 24, **other)])


def test_what_cannot_stand_side_by_side_is_refused():
    elsewhere = run("sas", 24)
    source = elsewhere.provenance.model_copy(update={"windows_sha256": "6" * 64})
    with pytest.raises(ValueError, match="other windows of text"):
        deepened([run("sas", 6), elsewhere.model_copy(update={"provenance": source})])
    with pytest.raises(ValueError, match="no training to show"):
        deepened([])
    with pytest.raises(ValueError, match="judged by two depths, and here is 24:"):
        deepened([run("sas", 24)])
    with pytest.raises(ValueError, match="here is 6, 12, 24:"):
        deepened([run("sas", L) for L in (6, 12, 24)])
    for lacking in (
        [run("sas", 6), run("sas", 24), run("pre-ln", 24)],
        [run("sas", 6), run("sas", 24, 1)],
        [run("sas", 6), run("sas", 6, 1), run("sas", 24)],
    ):
        with pytest.raises(ValueError, match="lacks a depth or a seed"):
            deepened(lacking)


def test_operations_are_three_times_two_for_every_number_of_a_matrix():
    """Counted again by hand: d = 64, f = 128, 256 logits, and attention to 32.5 tokens on average."""
    matrices = {"pre-ln": 4 * 64**2, "sas": 2 * 64**2}
    for block, of_attention in matrices.items():
        for L in made.DEPTHS:
            first = 64**2 if block == "sas" else 0
            token = 2 * (L * (of_attention + 2 * 64 * 128) + first) + 2 * 256 * 64 + 4 * L * 64 * 32.5
            assert step_operations(run(block, L)) == pytest.approx(3 * token * 16 * 64)
    assert total_operations(run("sas", 6)) == pytest.approx(1500 * step_operations(run("sas", 6)))


def test_in_as_many_operations_a_deep_model_takes_fewer_steps():
    pair = deepened(RUNS)
    steps, changes = equal_operations(pair)["sas"]
    assert steps * step_operations(pair.deep["sas"][0]) == pytest.approx(total_operations(pair.shallow["sas"][0]))
    slow = [loss_after(d, steps) - s.loss for d, s in zip(pair.deep["sas"], pair.shallow["sas"], strict=True)]
    assert changes == pytest.approx(slow)
    assert 1500 / 4 < steps < 1500 / 3


def test_a_short_deep_training_is_that_of_the_screen_at_the_rate_of_the_long_ones():
    found = short_and_deep(made.screen(), deepened(RUNS))
    share, change = found["sas"]
    assert share == pytest.approx(500 * step_operations(run("sas", 24)) / total_operations(run("sas", 6)))
    assert change == pytest.approx(0.5 - 0.002)
    other = deepened(made.depth(rates={"sas": 1e-4}))
    assert set(short_and_deep(made.screen(), other)) == set(DEEP) - {"sas"}


def test_depth_at_one_rate_for_both():
    shallow = made.screen({"sas": 1}, L=6, at=(1 / 6, 1 / 3, 1, 2))
    deep = made.screen(broken=[("sas-p", 1)])
    found = changes_at_rates(shallow, deep)["sas"]
    assert list(found) == pytest.approx([9e-3 / 6, 9e-3 / 3, 9e-3])  # twice the rate was tried at one depth alone
    assert list(found.values()) == pytest.approx([0.1 * math.log(x) for x in (2 / 6, 1 / 3, 3)], abs=1e-4)
    assert math.isnan(tried_losses(deep)["sas-p"][15e-3])
    assert math.isnan(changes_at_rates(shallow, deep)["sas-p"][15e-3])
    with pytest.raises(ValueError, match="differ in width, text or steps"):
        changes_at_rates([run("sas", 6, steps=400)], deep)


@pytest.mark.parametrize("size", SIZES)
def test_the_shallow_screen_differs_from_the_deep_one_in_depth_alone(size):
    """And it holds the rate of the long shallow runs."""
    shallow, deep = list(shallow_tried(size).values()), list(deep_tried(size).values())
    assert {spec.architecture.L for spec in shallow} == {size_of(size).depths[0]}
    without_depth = [spec.model_dump_json(exclude={"architecture": {"L"}}) for spec in shallow]
    assert {spec.model_dump_json(exclude={"architecture": {"L"}}) for spec in deep} < set(without_depth)
    assert len(set(without_depth)) == len(shallow) == 4 * len(DEEP)
    tried = {(spec.architecture.block, spec.recipe.lr) for spec in shallow}
    long = [spec for name, spec in depth(size).items() if f"-depth-{size_of(size).depths[0]}-" in name]
    assert {(spec.architecture.block, spec.recipe.lr) for spec in long} < tried
