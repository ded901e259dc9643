"""Trainings side by side: planted ends, slow twins, and what cannot be compared."""

import math

import numpy as np
import pytest

from nearlinear.results.training_specs import SIX
from nearlinear.results.training_views import (
    N_RESAMPLES,
    Screened,
    by_block,
    difference,
    equal_time,
    held_out_curves,
    loss_after,
    losses,
    paired,
    screened,
    step_reaching,
    training_curves,
)
from tests.show import trainings
from tests.show.trainings import DOCUMENTS, loss_at, run


def test_blocks_come_in_the_books_order_and_seeds_from_low_to_high():
    blocks = by_block(reversed(trainings.core()))
    assert tuple(blocks) == SIX
    assert all([r.spec.seed for r in each] == [0, 1, 2] for each in blocks.values())
    assert losses(blocks["sas"]) == pytest.approx([1.53, 1.532, 1.534])


@pytest.mark.parametrize("other", [{"steps": 500}, {"d": 32}, {"L": 6}, {"corpus": "tales"}])
def test_trainings_of_other_sizes_texts_or_steps_are_refused(other):
    with pytest.raises(ValueError, match="differ in size, text or steps"):
        by_block([run(), run("sas", **other)])


def test_other_windows_and_no_runs_are_refused_and_a_wider_mlp_is_not():
    elsewhere = run("sas")
    made = elsewhere.provenance.model_copy(update={"windows_sha256": "6" * 64})
    with pytest.raises(ValueError, match="other windows of text"):
        by_block([run(), elsewhere.model_copy(update={"provenance": made})])
    with pytest.raises(ValueError, match="no training to show"):
        by_block([])
    assert list(by_block([run(), run("sas", d_ff=320)])) == ["pre-ln", "sas"]


def test_a_pair_has_one_seed():
    ours, theirs = ([run(b, k, end=e + k * k) for k in (0, 1, 2)] for b, e in (("sas", 2.0), ("pre-ln", 1.5)))
    assert paired(ours, theirs) == pytest.approx([0.5, 0.5, 0.5])
    with pytest.raises(ValueError, match="different seeds"):
        paired(ours, theirs[1:])


def slow_interval(each, tokens, seed=0):
    """The same resamples, document by document."""
    counts = np.random.default_rng(seed).multinomial(len(each), [1 / len(each)] * len(each), size=N_RESAMPLES)
    means = []
    for drawn in counts:
        documents = [k for k, times in enumerate(drawn) for _ in range(times)]
        total = sum(tokens[k] for k in documents)
        means.append(sum(tokens[k] * each[k] for k in documents) / total)
    return np.percentile(means, [2.5, 97.5])


def test_the_interval_resamples_documents_and_weighs_them_by_tokens():
    ours = [run("sas", k, files=[1.9 + 0.01 * k, 1.4, 1.6, 2.5]) for k in (0, 1)]
    theirs = [run("pre-ln", k, files=[1.5, 1.5, 1.5, 1.5]) for k in (0, 1)]
    found = difference(ours, theirs)
    each = np.array([0.405, -0.1, 0.1, 1.0])
    assert (found.low, found.high) == pytest.approx(tuple(slow_interval(each, DOCUMENTS)))
    whole = np.dot(each, DOCUMENTS) / sum(DOCUMENTS)
    assert found.low < whole < found.high


def test_a_difference_that_every_document_shows_has_no_width():
    found = difference([run("sas", end=1.6)], [run(end=1.5)])
    assert (found.mean, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    assert found.worse
    assert not found.better
    assert difference([run(end=1.5)], [run("sas", end=1.6)]).better


def test_one_seed_that_disagrees_or_an_interval_over_zero_is_no_difference():
    base = [run(seed=0, end=1.5), run(seed=1, end=1.5)]
    mixed = difference([run("sas", 0, end=1.6), run("sas", 1, end=1.49)], base)
    assert not mixed.worse
    assert not mixed.better
    files = [1.1, 1.4, 2.1, 1.9]  # some easier than for the other, some harder
    wide = difference([run("sas", k, end=1.55, files=files) for k in (0, 1)], base)
    assert wide.low < 0 < min(wide.seeds)
    assert not wide.worse


def test_a_training_that_broke_off_has_no_difference():
    found = difference([run("sas", stopped_at=100)], [run()])
    assert math.isnan(found.mean)
    assert math.isnan(found.low)
    assert not found.worse
    assert not found.better


def test_held_out_curves_end_where_a_training_broke_off():
    steps, values = held_out_curves([run(end=1.5), run("sas", end=1.6, stopped_at=300)])
    assert tuple(steps) == run().spec.looks
    assert values[0] == pytest.approx([loss_at(k, 1.5, 1000) for k in steps], abs=1e-4)
    assert (np.isnan(values[1]) == (steps > 300)).all()


@pytest.mark.parametrize("span", [None, 100])
def test_training_curves_are_the_means_of_the_steps(span):
    each = np.random.default_rng(0).normal(size=1000)  # the loss of every step
    made = run()
    ends = np.array(made.steps)
    means = [each[a:b].mean() for a, b in zip((0, *ends[:-1]), ends, strict=True)]
    steps, (values,) = training_curves([made.model_copy(update={"losses": tuple(means)})], span)
    width = span or 50
    assert steps.tolist() == list(range(width, 1001, width))
    assert values == pytest.approx(each.reshape(-1, width).mean(1))


def test_training_curves_end_where_a_training_broke_off():
    steps, (values,) = training_curves([run(stopped_at=300)])
    assert (np.isnan(values) == (steps > 300)).all()


def test_a_loss_is_read_between_looks_and_found_again():
    made = run(end=1.5)
    assert loss_after(made, 1000) == pytest.approx(1.5)
    assert loss_after(made, 850) == pytest.approx((loss_at(800, 1.5, 1000) + loss_at(900, 1.5, 1000)) / 2, abs=1e-5)
    assert math.isnan(loss_after(made, 1001))
    for step in (0, 16, 130, 500, 777, 1000):
        assert step_reaching(made, loss_after(made, step)) == pytest.approx(step, abs=0.01)
    assert step_reaching(made, 9.0) == 0
    assert math.isnan(step_reaching(made, 1.4))


def test_in_equal_time_slower_blocks_have_made_fewer_steps():
    blocks = by_block([run(), run("sas"), run("sas-p")])
    found = equal_time(blocks, {"pre-ln": 0.05, "sas": 0.0625, "sas-p": 0.1})
    assert {block: steps for block, (steps, _) in found.items()} == pytest.approx(
        {"pre-ln": 1000, "sas": 800, "sas-p": 500}
    )
    assert found["pre-ln"][1] == pytest.approx([1.5])
    assert found["sas"][1] == pytest.approx([loss_at(800, 1.5, 1000)], abs=1e-4)


def test_the_best_rate_and_whether_a_better_one_may_lie_beyond():
    found = screened(trainings.screen({"sas": 9e-3, "sas-p": 1e-3}))
    assert (found["pre-ln"].rate, found["pre-ln"].edge) == (3e-3, "")
    assert (found["sas"].rate, found["sas"].edge) == (9e-3, "highest")
    assert (found["sas-p"].rate, found["sas-p"].edge) == (1e-3, "lowest")
    assert found["sas"].rates == (1e-3, 3e-3, 9e-3)


def test_a_rate_at_which_training_breaks_off_is_never_best_and_closes_the_edge():
    found = screened(trainings.screen({"sas": 3e-3}, broken=[("sas", 9e-3)]))["sas"]
    assert math.isnan(found.losses[2])
    assert (found.rate, found.edge) == (3e-3, "")
    with pytest.raises(ValueError, match="All-NaN"):
        _ = Screened((1e-3,), (math.nan,)).best


def test_the_choice_is_made_on_the_text_for_choices():
    runs = [run(lr=1e-3, end=1.2, chosen=2.0), run(lr=3e-3, end=1.9, chosen=1.8)]
    assert screened(runs)["pre-ln"].rate == 3e-3
