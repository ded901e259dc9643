"""The study where the papers meet, as data: what it asks for, what it refuses, and how it is read."""

import numpy as np
import pytest

from nearlinear.errors import InputError
from nearlinear.results.meeting import MeetingSpec, MeetingStudy, joined
from nearlinear.results.meeting_specs import meeting, meetings
from nearlinear.results.training import Architecture, Recipe, TrainSpec
from nearlinear.results.training_specs import SIZES, core, size_of
from tests.show.meeting_made import run, study


def test_a_model_is_looked_at_before_its_first_step_and_after_halvings():
    spec = TrainSpec(recipe=Recipe(steps=4000))
    steps = MeetingSpec(runs=(spec,)).steps(spec)
    assert steps == (0, 31, 62, 125, 250, 500, 1000, 2000, 4000)
    assert set(steps) <= set(spec.looks)
    assert MeetingSpec(runs=(spec,), halvings=1).steps(spec) == (0, 4000)


def test_a_study_is_of_the_trainings_of_its_size():
    assert meetings("laptop") == {"train-laptop-meeting": meeting("laptop")}
    assert meeting("laptop").runs == tuple(core("laptop").values())
    assert {run.architecture.block for run in meeting("quick").runs} == {"pre-ln", "sas-p"}


@pytest.mark.parametrize("size", SIZES)
def test_every_size_has_text_enough_for_its_maps(size):
    spec, at = meeting(size), size_of(size)
    assert spec.n_fit >= 20 * at.architecture.d
    assert spec.n_fit + spec.n_choose <= at.reading.n_evaluate
    assert spec.n_attend <= spec.n_test <= at.reading.n_evaluate


def test_an_unknown_size_is_refused():
    with pytest.raises(InputError, match="no size 'huge': choose one of quick, laptop"):
        meeting("huge")


def test_trainings_of_other_texts_or_depths_are_refused():
    with pytest.raises(ValueError, match="need the same text, windows and number of blocks"):
        MeetingSpec(runs=(TrainSpec(), TrainSpec(architecture=Architecture(L=4))))
    with pytest.raises(ValueError, match="at least 1"):
        MeetingSpec(runs=())


def test_a_study_survives_its_file_and_is_one_line(tmp_path):
    made = study()
    made.save(tmp_path / "study.json")
    assert MeetingStudy.load(tmp_path / "study.json") == made
    assert (tmp_path / "study.json").read_text().count("\n") == 1


def test_numbers_keep_six_digits():
    (first, *_) = study().runs
    stage = first.stages[0].model_dump() | {"loss": 1.23456789}
    assert type(first.stages[0]).model_validate(stage).loss == 1.23457


def test_a_training_stands_in_a_study_once():
    made = study()
    with pytest.raises(ValueError, match="stands here twice"):
        MeetingStudy.model_validate(made.model_dump() | {"runs": (*made.runs, made.runs[0])})


def test_a_training_of_another_depth_is_refused():
    made = study()
    with pytest.raises(ValueError, match="one entry for each of the 6 blocks"):
        MeetingStudy.model_validate(made.model_dump() | {"runs": (run("sas", 0, L=4),)})


def test_measures_are_read_by_block_and_stage():
    made = study()
    assert made.blocks == ("pre-ln", "sas", "sas-p")
    assert made.seeds == (0, 1, 2)
    scores = made.through("sas", "update_scores")
    assert scores.shape == (3, 4, 6)
    assert np.array_equal(scores[:, -1], made.values("sas", "update_scores"))
    assert np.array_equal(scores[:, 0], made.values("sas", "update_scores", at=0))
    assert made.through("sas", "loss").shape == (3, 4)
    assert np.array_equal(made.values("sas", "peak")[1], made.of("sas")[1].stages[-1].attention.peak)
    with pytest.raises(KeyError):
        made.of("post-ln")


def test_even_attention_is_a_mean_of_reciprocals():
    assert study().even_mass == pytest.approx(np.mean([1 / k for k in range(33, 65)]))


def test_studies_are_joined_run_by_run():
    made = study()
    alone = [made.model_copy(update={"runs": (one,)}) for one in made.runs]
    assert joined(alone, made.provenance) == made
