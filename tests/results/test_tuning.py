"""Finetunings as data: what a specification asks for, what a result refuses, and which runs a study has."""

import math
import subprocess
import sys

import pytest
from pydantic import ValidationError

from nearlinear.errors import InputError
from nearlinear.results.drift_specs import drifts
from nearlinear.results.store import spec_sha256
from nearlinear.results.training import Recipe
from nearlinear.results.tuning import (
    ByName,
    Labels,
    MoreText,
    Preferences,
    Sentences,
    TrainedHere,
    TuneSpec,
    TuningRun,
)
from nearlinear.results.tuning_specs import (
    FAMILIES,
    LESSONS,
    TAUGHT,
    TUNE_SIZES,
    adapter_tunings,
    hub_tunings,
    reward_tunings,
    tune_size,
    tuning_rates,
    tunings,
    tunings_here,
)
from tests.results.tuning_made import DOCUMENTS, L, run

STUDIES = (tunings, tunings_here, adapter_tunings, reward_tunings, tuning_rates)


def spec(**fields) -> TuneSpec:
    return TuneSpec(**{"model": ByName(), "learns": Labels(), "recipe": Recipe(steps=100)} | fields)


def test_a_model_is_looked_at_before_its_first_step_and_after_halvings():
    assert spec().looks == (0, 12, 25, 50, 100)
    assert spec(halvings=1).looks == (0, 100)
    assert spec(every=40).stops == (12, 25, 40, 50, 80, 100)
    assert spec(recipe=Recipe(steps=3), halvings=9).looks == (0, 1, 2, 3)


def test_a_specification_survives_json_with_its_model_and_lesson():
    lessons = (Labels(), Labels(labels="shuffled"), Preferences(), Sentences(), MoreText())
    specs = [
        spec(model=model, learns=learns, rank=rank)
        for model in (ByName(), TrainedHere(spec=next(iter(drifts().values()))))
        for learns in lessons
        for rank in (None, 8)
    ]
    for each in specs:
        again = TuneSpec.model_validate_json(each.model_dump_json())
        assert (again, hash(again), type(again.learns)) == (each, hash(each), type(each.learns))
    assert len({spec_sha256(each) for each in specs}) == len(specs)


@pytest.mark.parametrize(
    "wrong",
    [
        {"learns": {"kind": "poetry"}},
        {"learns": {"kind": "labels", "labels": "none"}},
        {"model": {"kind": "by-name", "revision": "x"}},
        {"rank": 0},
        {"T": 1},
        {"recipe": {"lr": 0}},
        {"n_test": 0},
        {"scoring": "best"},
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        spec(**wrong)


def test_a_result_survives_its_file_and_is_one_line(tmp_path):
    made = run(0.1)
    made.save(tmp_path / "tuning.json")
    text = (tmp_path / "tuning.json").read_text()
    assert TuningRun.load(tmp_path / "tuning.json").to_json() == made.to_json() == text
    assert text.count("\n") == 1
    assert '"right":"1101"' in text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"losses": (1.0,)}, "losses needs one entry for each of the 2 stops"),
        ({"looks": run(0.1).looks[1:]}, "the first look is taken before the first step"),
        ({"looks": ()}, "the first look is taken before the first step"),
        ({"groups": (3,)}, "the groups hold 3 examples, and 4 are answered"),
        (
            {
                "provenance": run(0.1).provenance.model_copy(
                    update={"model": run(0.1).provenance.model.model_copy(update={"L": L + 1})}
                )
            },
            f"every look needs one entry for each of the {L + 1} blocks",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        TuningRun.model_validate(run(0.1).model_copy(update=changes).model_dump())


@pytest.mark.parametrize("where", [(), ("spec",), ("spec", "learns"), ("looks", 0), ("looks", 0, "documents")])
def test_unknown_keys_are_refused(where):
    told = run(0.1).model_dump()
    inner = told
    for key in where:
        if isinstance(inner[key], tuple):
            inner[key] = list(inner[key])
        inner = inner[key]
    inner["extra"] = 1
    with pytest.raises(ValueError, match=r"extra\n  Extra inputs are not permitted"):
        TuningRun.model_validate(told)


def test_what_is_read_from_a_result():
    made = run(0.1)
    assert (made.before.step, made.after.step, made.accuracy, made.chosen_accuracy) == (0, 8, 0.75, 0.5)
    assert made.n_over_d == 620 / 16
    assert made.after.no_first_token.update_scores == pytest.approx([0.4, 0.55, 0.7], abs=1e-5)
    assert len(made.after.documents.tokens) == DOCUMENTS
    broken = run(0.1, right=(), stopped="it broke")
    assert math.isnan(broken.accuracy)
    assert math.isnan(broken.chosen_accuracy)


@pytest.mark.parametrize("size", TUNE_SIZES)
def test_a_name_is_one_specification_and_no_two_names_share_one(size):
    named: dict[str, TuneSpec] = {}
    for study in STUDIES:
        for name, each in study(size).items():
            assert name not in named
            assert name.startswith(f"tuning-{size}-")
            named[name] = each
    assert len({spec_sha256(each) for each in named.values()}) == len(named)


@pytest.mark.parametrize("size", TUNE_SIZES)
def test_a_lesson_and_its_controls_differ_in_nothing_else(size):
    """Same model, texts, seed and recipe; and the measured text is the same for all."""
    for study in (tunings, tunings_here, adapter_tunings, reward_tunings):
        by_model: dict[str, set[str]] = {}
        for each in study(size).values():
            key = f"{each.model.model_dump_json()} {each.rank} {each.seed}"
            rest = each.model_dump_json(exclude={"learns"})
            by_model.setdefault(key, set()).add(rest)
        assert all(len(rests) == 1 for rests in by_model.values())
    film, shuffled, sentences = (LESSONS[name] for name in ("film", "shuffled", "sentences"))
    assert (film.task, film.task_seed) == (shuffled.task, shuffled.task_seed) == (sentences.task, sentences.task_seed)


def test_the_laptop_is_what_the_chapter_asks_for():
    found = tunings("laptop").values()
    assert {(each.learns, each.seed) for each in found} == {(LESSONS[k], s) for k in TAUGHT for s in (0, 1, 2)}
    (shape,) = {(each.recipe.steps, each.recipe.batch, each.T, each.model, each.rank, each.looks) for each in found}
    assert shape[:3] == (100, 8, 48)
    assert (shape[3].name, shape[4], shape[5]) == ("smollm2-135m", None, (0, 100))
    windows = shape[3].windows
    assert (windows.n_tokens, windows.n_tokens * windows.test_fraction) == (18_432, 6144)
    assert len(tunings("gpu")) == 30


@pytest.mark.parametrize("size", TUNE_SIZES)
def test_every_size_has_text_enough_for_its_maps_and_no_text_is_too_long(size):
    d = {"smollm2-135m": 576, "tiny-llama": 32}
    for study in STUDIES:
        for each in study(size).values():
            if isinstance(each.model, ByName):
                windows = each.model.windows
                n = round(windows.n_tokens * (1 - windows.test_fraction)) * (1 - 1 / windows.context)
                assert n >= 20 * d[each.model.name]
            else:
                assert each.T <= each.model.spec.architecture.T
                assert each.model.spec.n_fit >= 20 * each.model.spec.architecture.d


@pytest.mark.parametrize("size", ["quick", "laptop"])
def test_models_trained_here_are_those_of_the_drift(size):
    known = set(drifts(size).values())
    for study in STUDIES:
        for each in study(size).values():
            if isinstance(each.model, TrainedHere):
                assert each.model.spec in known
                assert each.seed in (each.model.spec.seed, 100)


@pytest.mark.parametrize("size", TUNE_SIZES)
def test_rates_are_tried_at_a_seed_that_reports_nothing_and_those_taken_are_among_them(size):
    at, screen = tune_size(size), tuning_rates(size).values()
    assert {each.seed for each in screen} == {100}
    assert 100 not in at.seeds
    assert {each.halvings for each in screen} == {1}
    for adapted, rate in ((False, at.small.lr), (True, at.small.adapter_lr)):
        assert rate in {each.recipe.lr for each in screen if (each.rank is not None) == adapted}


def test_reward_models_have_their_control():
    kinds = {(each.learns.pairs, each.learns.labels) for each in reward_tunings().values()}
    assert kinds == {("wordnet-preferences", "true"), ("film-preferences", "true"), ("film-preferences", "shuffled")}
    assert {each.rank for each in adapter_tunings().values()} == {8}
    assert FAMILIES[0] == "llama"


def test_the_papers_own_tasks_are_there_for_those_with_a_network():
    found = hub_tunings("facebook/opt-125m")
    assert {each.learns.task for each in found.values() if each.learns.kind == "labels"} == {
        f"hf:super_glue:{name}" for name in ("multirc", "boolq", "cb")
    }
    assert {each.model.name for each in found.values()} == {"facebook/opt-125m"}
    assert all("/" not in name for name in found)
    assert "tuning-gpu-opt-125m-helpful-4" in found


def test_an_unknown_size_is_refused():
    with pytest.raises(InputError, match=r"^no size 'huge': choose one of quick, laptop, gpu$"):
        tunings("huge")


def test_made_by_names_files_that_are_there():
    from nearlinear.results.making import PACKAGE

    for pattern in TuningRun.made_by:
        assert list(PACKAGE.glob(pattern)), pattern


def test_torch_is_not_needed():
    code = "import nearlinear.results.tuning_specs, sys; sys.exit(int('torch' in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
