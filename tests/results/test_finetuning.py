"""Finetunings as specifications and as results: what is stored, what is refused, and means with planted answers."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from nearlinear.errors import InputError
from nearlinear.recorded import KINDS
from nearlinear.results.finetuning import (
    Broken,
    FinetuneLook,
    FinetuneRun,
    FinetuneSpec,
    accuracy_of,
    difference,
)
from nearlinear.results.finetuning_specs import (
    CONTROLS,
    FINETUNE_SIZES,
    FINETUNED,
    finetune_size,
    finetunings,
    rate_screen,
)
from nearlinear.results.provenance import CorpusSource, ModelSource, Provenance
from nearlinear.results.store import spec_sha256
from nearlinear.results.training import Reading, Recipe, TrainSpec, VariantSpec
from nearlinear.results.training_studies import ENCODERS, encoders

SIZES = tuple(FINETUNE_SIZES)


def spec(**fields) -> FinetuneSpec:
    return FinetuneSpec(**({"model": TrainSpec(), "recipe": Recipe(steps=20)} | fields))


def made(right, *, groups=None, task="film-sentences", sha256="abc", stopped="", **fields) -> FinetuneRun:
    """A run that was right where it says."""
    n = len(right)
    model = ModelSource(id="m", sha256="", architecture="", n_parameters=1, L=1, d=1)
    corpus = CorpusSource(id=task, sha256=sha256, n_documents=n)
    words = dict.fromkeys(
        ("device", "dtype", "precision", "commit", "command", "library_sha256", "spec_sha256", "created"), ""
    )
    provenance = Provenance(
        model=model, corpus=corpus, n_tokens=1, n_windows=1, seed=0, versions={}, seconds=1.0, clean=True, **words
    )
    return FinetuneRun(
        **{
            "spec": spec(task=task),
            "labels": ("a", "b"),
            "n_parameters": 1,
            "n_train": 5,
            "n_choose": 5,
            "n_test": n,
            "n_cut": 0,
            "majority": 0.5,
            "epochs": 1.0,
            "steps": (10, 20),
            "losses": (0.7, 0.5),
            "grad_norms": (1.0, 1.0),
            "seconds": (1.0, 2.0),
            "looks": (FinetuneLook(step=0, accuracy=0.5, loss=0.7), FinetuneLook(step=20, accuracy=0.8, loss=0.4)),
            "train_accuracy": 0.9,
            "right": () if stopped else tuple(bool(each) for each in right),
            "groups": groups or (1,) * n,
            "test_broken": 0,
            "broken": None,
            "stopped": stopped,
            "weights_sha256": "",
            "provenance": provenance,
        }
        | fields
    )


def test_a_specification_is_hashable_and_says_when_the_model_is_looked_at():
    of = spec(every=6)
    assert hash(of) == hash(FinetuneSpec.model_validate_json(of.model_dump_json()))
    assert of.looks == (0, 10, 20)
    assert of.stops == (6, 10, 12, 18, 20)
    assert spec(n_looks=3).looks == (0, 7, 13, 20)
    assert (of.start, spec(pretrained=0).start, spec(pretrained=10).start) == ("pretrained", "scratch", "pretrained")


def test_a_masked_model_comes_back_from_json_as_the_kind_that_it_is():
    """Its weights lie in a folder that is named after its kind."""
    masked = spec(model=TrainSpec(reading=Reading(task="masked")))
    assert type(masked.model) is VariantSpec
    assert FinetuneSpec.model_validate_json(masked.model_dump_json()) == masked
    assert type(FinetuneSpec.model_validate_json(spec().model_dump_json()).model) is TrainSpec


@pytest.mark.parametrize(
    "wrong", [{"labels": "none"}, {"pretrained": -1}, {"T": 1}, {"recipe": {"lr": 0}}, {"epochs": 3}, {"n_looks": 0}]
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        spec(**wrong)


def test_it_is_known_how_a_run_is_made():
    assert KINDS[FinetuneSpec] == (FinetuneRun, "nearlinear.train.finetune:run")
    assert {"train/hiding.py", "train/finetune.py", "train/classify.py", "train/loop.py", "blocks/model.py"} <= set(
        FinetuneRun.made_by
    )


def test_json_keeps_one_digit_an_answer():
    run = made([1, 0, 1, 1], broken=Broken(step=3, texts=2, batch=16))
    text = run.to_json()
    assert '"right":"1011"' in text
    assert FinetuneRun.from_json(text) == run
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    "wrong", [{"right": (True,)}, {"groups": (3,)}, {"losses": (0.7,)}, {"stopped": "it broke"}, {"seconds": ()}]
)
def test_results_that_do_not_fit_together_are_refused(wrong):
    run = made([1, 0, 1, 1])
    with pytest.raises(ValidationError):
        FinetuneRun.model_validate(dict(run) | wrong)


def test_accuracy_is_the_share_of_right_answers():
    run = made([1, 0, 1, 1])
    assert (run.accuracy, run.chosen_accuracy) == (0.75, 0.8)


def test_a_run_that_broke_off_has_no_accuracy():
    run = made([1, 0, 1, 1], stopped="it broke")
    assert math.isnan(run.accuracy)
    assert math.isnan(run.chosen_accuracy)
    found = accuracy_of([run])
    assert (found.n_runs, found.n_broken) == (0, 1)
    assert math.isnan(found.mean)
    both = accuracy_of([run, made([1, 1, 1, 0])])
    assert (both.mean, both.n_runs, both.n_broken) == (0.75, 1, 1)
    assert math.isnan(both.spread)


def test_the_interval_is_that_of_a_share():
    """Of 400 single examples: 1.96 √(p (1 − p) / n) on either side."""
    right = np.arange(400) % 4 > 0
    low, high = made(right).interval
    half = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert (low, high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.006)
    assert made(right).interval == (low, high)


def test_examples_of_a_group_count_as_one():
    """Where the four examples of a group are right or wrong together, the interval is twice as wide."""
    right = np.repeat(np.arange(1000) % 4 > 0, 4)
    apart, together = made(right), made(right, groups=(4,) * 1000)
    assert apart.accuracy == together.accuracy
    width = np.ptp(together.interval) / np.ptp(apart.interval)
    assert width == pytest.approx(2, abs=0.15)


def test_groups_weigh_as_many_examples_as_they_have():
    found = accuracy_of([made([1, 0, 0, 0], groups=(1, 3))])
    assert found.mean == 0.25
    assert found.interval == (0.0, 1.0)


def test_the_spread_is_that_of_the_runs():
    found = accuracy_of([made([1, 1, 1, 1]), made([1, 1, 1, 0]), made([1, 1, 0, 0])])
    assert (found.mean, found.n_runs) == (0.75, 3)
    assert found.spread == pytest.approx(0.25)


def test_a_difference_is_paired():
    """Both are right three times of four, on the same examples: no doubt is left. On others, much is."""
    right = np.arange(400) % 4 > 0
    same = difference([made(right)], [made(right)])
    assert (same.mean, same.interval) == (0.0, (0.0, 0.0))
    other = difference([made(right)], [made(np.roll(right, 1))])
    assert other.mean == 0.0
    assert other.interval[0] < -0.05 < 0.05 < other.interval[1]
    better = difference([made(np.ones(400))], [made(right)])
    assert better.mean == 0.25
    assert better.interval[0] > 0.2
    flipped = difference([made(right)], [made(np.ones(400))])
    assert flipped.mean == -0.25


def test_a_pair_in_which_one_broke_off_is_left_out():
    whole, broken = made([1, 1, 0, 0]), made([1, 1, 1, 1], stopped="it broke")
    found = difference([whole, whole], [broken, made([1, 0, 0, 0])])
    assert (found.mean, found.n_runs, found.n_broken) == (0.25, 1, 1)
    assert difference([whole], [broken]).n_runs == 0


@pytest.mark.parametrize("other", [{"task": "wordnet-contexts"}, {"sha256": "def"}])
def test_runs_of_different_tests_are_not_put_together(other):
    with pytest.raises(ValueError, match="only runs of one task can be put together"):
        accuracy_of([made([1, 0]), made([1, 0], **other)])
    with pytest.raises(ValueError, match="only runs of one task can be put together"):
        difference([made([1, 0])], [made([1, 0], **other)])


@pytest.mark.parametrize("size", SIZES)
def test_the_study_has_every_encoder_seed_and_task_and_its_controls(size):
    specs, at = finetunings(size), finetune_size(size)
    kinds = [(of.task, of.start, of.labels, of.model.architecture.block, of.seed) for of in specs.values()]
    assert len(set(kinds)) == len(kinds)
    both = [(task, seed) for task in FINETUNED for seed in at.seeds]
    assert set(kinds) == {
        *((task, "pretrained", "true", block, seed) for task, seed in both for block in ENCODERS),
        *((task, "scratch", "true", block, seed) for task, seed in both for block in CONTROLS),
        *((FINETUNED[0], "pretrained", "shuffled", block, seed) for seed in at.seeds for block in CONTROLS),
    }
    assert {of.model for of in specs.values()} <= set(encoders(size).values())
    assert all(of.model.seed == of.seed and of.model.reading.task == "masked" for of in specs.values())


@pytest.mark.parametrize("size", SIZES)
def test_rates_are_chosen_at_a_seed_that_reports_nothing(size):
    screen, at = rate_screen(size), finetune_size(size)
    assert {of.seed for of in screen.values()}.isdisjoint(at.seeds)
    assert {of.task for of in screen.values()} == {FINETUNED[0]}
    for block in ENCODERS:
        tried = {
            of.recipe.lr for of in screen.values() if of.model.architecture.block == block and of.pretrained is None
        }
        assert at.chosen[block] in tried
    assert at.chosen["scratch"] in {of.recipe.lr for of in screen.values() if of.start == "scratch"}
    names = {*screen, *finetunings(size)}
    assert (
        len(names)
        == len(screen) + len(finetunings(size))
        == len({spec_sha256(of) for of in (*screen.values(), *finetunings(size).values())})
    )


def test_a_size_that_is_not_known():
    with pytest.raises(InputError, match=r"^no size 'huge': choose one of quick, laptop, gpu$"):
        finetunings("huge")
