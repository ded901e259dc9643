"""Finetunings side by side: rises that were planted, intervals that must hold them, and pairs that are refused."""

import math
import subprocess
import sys

import numpy as np
import pytest

from nearlinear.results.drift import DriftSpec, FamilyArchitecture
from nearlinear.results.training import Recipe
from nearlinear.results.tuning import Labels, MoreText, Sentences, TrainedHere
from nearlinear.results.tuning_specs import LESSONS, tunings, tunings_here
from nearlinear.results.tuning_views import (
    OverSeeds,
    accuracies,
    accuracy_interval,
    against,
    by_lesson,
    by_model,
    lesson_of,
    measure,
    model_of,
    over_documents,
    rise,
    risen,
    through,
    why,
)
from tests.results.tuning_made import L, look, run

BROKEN = {"stopped": "the loss is no longer a number at step 3", "right": ()}
SEEDS = (0, 1, 2)


def test_what_was_planted_has_risen_and_by_so_much():
    made = run((0.1, -0.2, 0.05))
    assert risen(made) == pytest.approx([0.1, -0.2, 0.05], abs=1e-5)
    assert risen(made, "scores") == pytest.approx([0.05, -0.1, 0.025], abs=1e-5)  # updates are half as large as states
    assert risen(made, "in_sample_update_scores") == pytest.approx([0.1, -0.2, 0.05], abs=1e-4)
    assert risen(made, "loss") == pytest.approx(1.0)
    assert np.isnan(risen(run(0.1, **BROKEN))).all()


def test_measures_are_read_with_and_without_first_tokens():
    made = look(0, (0.3, 0.4, 0.5))
    assert measure(made, "norm_ratio", first_tokens=True) - measure(made, "norm_ratio") == pytest.approx(0.1, abs=1e-5)
    assert measure(made, "in_sample_scores") - measure(made, "scores") == pytest.approx(0.01, abs=1e-5)
    other = made.model_copy(update={"every_token": look(0, (0.1, 0.1, 0.1)).every_token})
    assert measure(other, "update_scores", first_tokens=True) == pytest.approx([0.1] * 3, abs=1e-5)
    assert measure(other, "update_scores") == pytest.approx([0.3, 0.4, 0.5], abs=1e-5)


def test_a_measure_is_followed_through_all_looks():
    steps, values = through([run(0.2), run(0.4, seed=1)], "update_scores")
    assert steps == (0, 4, 8)
    assert values.shape == (2, 3, L)
    assert values[:, :, 0] == pytest.approx(np.array([[0.3, 0.4, 0.5], [0.3, 0.5, 0.7]]), abs=1e-5)
    broken = run(0.2, **BROKEN)
    broken = broken.model_copy(update={"looks": broken.looks[:2]})
    assert np.isnan(through([broken], "update_scores")[1][0, 2]).all()
    with pytest.raises(ValueError, match="all looked at after the same steps"):
        through([run(0.2), run(0.2, recipe=Recipe(steps=6), steps=(4, 6))], "loss")


def test_the_interval_over_seeds_is_students():
    """Of 1, 2, 3: mean 2, standard deviation 1; t(2) = 4.303."""
    found = OverSeeds(np.array([1.0, 2.0, 3.0]))
    assert (found.mean, found.spread) == (2.0, 1.0)
    assert found.high - found.mean == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)
    assert found.mean - found.low == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)
    assert not found.above  # every seed is above 0, but three say little
    assert OverSeeds(np.array([1.0, 1.01, 0.99])).above
    assert OverSeeds(-np.array([1.0, 1.01, 0.99])).below
    one = OverSeeds(np.array([[1.0, 2.0]]))
    assert np.isnan(one.low).all()
    assert not one.above.any()
    many = OverSeeds(np.arange(31.0))
    assert (many.high - many.mean) / many.spread * math.sqrt(31) == pytest.approx(2.042, abs=0.02)


def test_nineteen_of_twenty_intervals_hold_the_truth():
    draw = np.random.default_rng(0)
    held = [found.low <= 5 <= found.high for found in map(OverSeeds, draw.normal(5, 2, (2000, 3)))]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


def test_rises_stand_by_seed_and_block_and_those_that_broke_are_left_out():
    runs = [run(change, seed=seed) for seed, change in enumerate((0.1, 0.2, 0.3))]
    assert rise(runs).values == pytest.approx(np.repeat([[0.1], [0.2], [0.3]], L, axis=1), abs=1e-5)
    assert rise(runs).over_blocks.mean == pytest.approx(0.2, abs=1e-5)
    assert len(rise([*runs, run(0.9, seed=3, **BROKEN)]).values) == 3
    with pytest.raises(ValueError, match="none of these finetunings came to its end: take a lower rate"):
        rise([run(0.1, **BROKEN)])


def test_a_rise_is_held_against_the_control_of_its_own_seed():
    """Both vary widely from seed to seed; the difference does not."""
    runs = [run(0.1 * seed + 0.05, seed=seed) for seed in SEEDS]
    controls = [run(0.1 * seed, seed=seed, learns=Sentences()) for seed in SEEDS]
    found = against(runs, controls)
    assert found.values == pytest.approx(np.full((3, L), 0.05), abs=1e-5)
    assert found.above.all()
    assert not rise(runs).over_blocks.above
    assert against(runs, controls).over_blocks.above
    assert against(controls, runs).below.all()
    broken = [*controls[:2], run(0.2, seed=2, learns=Sentences(), **BROKEN)]
    assert len(against(runs, broken).values) == 2


def test_pairs_that_are_none_are_refused():
    with pytest.raises(ValueError, match="different seeds: pair each with one of its own seed"):
        against([run(0.1)], [run(0.1, seed=1)])
    other = run(0.1)
    model = other.provenance.model.model_copy(update={"sha256": "9" * 64})
    other = other.model_copy(update={"provenance": other.provenance.model_copy(update={"model": model})})
    with pytest.raises(ValueError, match="began with different models"):
        against([run(0.1)], [other])


def test_runs_are_sorted_by_what_they_learn():
    runs = [run(0.1, seed=seed, learns=LESSONS[name]) for seed in (1, 0) for name in ("more-text", "shuffled", "film")]
    found = by_lesson([*runs, run(0.1, rank=4)])
    assert list(found) == ["film", "shuffled", "more-text", "film-adapters"]
    assert [each.spec.seed for each in found["film"]] == [0, 1]
    with pytest.raises(ValueError, match="there is no finetuning to show"):
        by_lesson([])
    provenance = run(0.1).provenance.model_copy(update={"windows_sha256": "9" * 64})
    with pytest.raises(ValueError, match="of different models, steps or measured text"):
        by_lesson([run(0.1), run(0.1).model_copy(update={"provenance": provenance})])


def test_runs_of_several_models_are_told_apart():
    other = TrainedHere(spec=DriftSpec(architecture=FamilyArchitecture(family="gpt-neox", L=L, d=16, h=2, T=32)))
    runs = [run(0.1), run(0.2, model=other), run(0.3, seed=1)]
    assert by_model(runs) == {"llama": [runs[0], runs[2]], "gpt-neox": [runs[1]]}
    with pytest.raises(ValueError, match="of different models"):
        by_lesson(runs)


def test_lessons_and_models_have_their_names():
    for study in (tunings, tunings_here):
        for name, spec in study().items():
            assert name == f"tuning-laptop-{model_of(spec)}-{lesson_of(spec)}-{spec.seed}"
    with pytest.raises(ValueError, match="has no name"):
        lesson_of(run(0.1, learns=Labels(task="poems")).spec)


def test_why_is_an_exact_account():
    """Twice the update at the same unexplained part: s_Δ rises by the size of the update alone."""
    made = run(0.0)
    longer = look(8, 1 - 0.5 * (1 - made.before.no_first_token.update_scores), size=1.0)
    made = made.model_copy(update={"looks": (made.before, longer)})
    assert risen(made).min() > 0.1
    assert why(made).unexplained == pytest.approx(np.zeros(L), abs=1e-5)
    assert why(made).size == pytest.approx(np.full(L, math.log(2)), abs=1e-5)


def test_the_interval_over_documents_holds_what_was_planted():
    found = over_documents(run((0.1, 0.2, 0.3)))
    assert found.shape == (L + 1, 2)
    for (low, high), truth in zip(found, (0.1, 0.2, 0.3, 0.2), strict=True):
        assert low < truth < high
        assert high - low < 0.1
    assert over_documents(run(0.1)).tolist() == over_documents(run(0.1)).tolist()
    with pytest.raises(ValueError, match="no interval of 'loss': choose one of"):
        over_documents(run(0.1), "loss")
    one = run(0.1)
    names = ("error2", "update2", "state2")
    sums = {name: tuple(row[:1] for row in getattr(one.before.documents, name)) for name in names}
    alone = one.before.documents.model_copy(update={"tokens": (20,), **sums})
    looks = tuple(each.model_copy(update={"documents": alone}) for each in one.looks)
    assert np.isnan(over_documents(one.model_copy(update={"looks": looks}))).all()


def test_documents_are_drawn_together_before_and_after():
    """Where nothing has changed the interval is nothing, however much the documents differ."""
    assert over_documents(run(0.0)) == pytest.approx(np.zeros((L + 1, 2)))
    shuffled = run(0.0)
    other = look(8, np.linspace(0.3, 0.6, L), seed=5)
    assert np.ptp(over_documents(shuffled.model_copy(update={"looks": (shuffled.before, other)})), axis=1).min() > 1e-3


def test_accuracies_are_of_the_test():
    runs = [run(0.1, seed=0, right=(True,) * 3 + (False,)), run(0.1, seed=1, right=(True, False) * 2)]
    assert accuracies(runs).values.tolist() == [0.75, 0.5]
    with pytest.raises(ValueError, match="these finetunings answer nothing"):
        accuracies([run(0.1, learns=MoreText(), right=())])
    right = tuple(bool(k % 4) for k in range(400))
    low, high = accuracy_interval(run(0.1, right=right))
    half = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert (low, high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.006)
    four = tuple(tick for tick in right for _ in range(4))
    wide = accuracy_interval(run(0.1, right=four, groups=(4,) * 400))
    assert np.ptp(wide) == pytest.approx(high - low, abs=0.006)
    assert np.isnan(accuracy_interval(run(0.1, right=()))).all()


def test_torch_is_not_needed():
    code = "import nearlinear.results.tuning_views, sys; sys.exit(int('torch' in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
