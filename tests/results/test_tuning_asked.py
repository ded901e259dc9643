"""What a page asks for beside the studies: a short finetuning, and one of any model of the hub."""

import pytest

from nearlinear.errors import InputError
from nearlinear.recorded import RECORDED, TO_COME
from nearlinear.results.tuning_hub import elsewhere
from nearlinear.results.tuning_live import LESSONS, short
from nearlinear.results.tuning_specs import (
    adapter_tunings,
    hub_tunings,
    reward_tunings,
    tuning_rates,
    tunings,
    tunings_here,
)
from nearlinear.results.tuning_views import lesson_of


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_short_finetuning_is_of_the_smallest_model(lesson):
    spec = short(lesson, 40)
    assert lesson_of(spec) == lesson
    assert spec.model == tunings_here("quick")["tuning-quick-llama-film-0"].model
    assert spec.looks == (0, 5, 10, 20, 40)
    assert spec.every == 4


def test_few_steps_are_enough():
    assert short(steps=1).stops == (1,)


def test_another_lesson_is_refused():
    with pytest.raises(InputError, match=r"^no short finetuning on 'helpful': choose one of film, contexts, shuffled"):
        short("helpful")


def test_a_model_of_the_hub_is_finetuned_where_one_is_named():
    assert elsewhere("  ") == {}
    assert elsewhere("org/model ", size="laptop") == hub_tunings("org/model", size="laptop")


def test_the_names_of_these_studies_are_in_no_others():
    """So that `nearlinear results --only tuning-laptop` makes these alone."""
    studies = (tuning_rates, tunings, tunings_here, adapter_tunings, reward_tunings)
    for size in ("quick", "laptop"):
        ours = {name for study in studies for name in study(size)}
        assert {name for name in RECORDED | TO_COME if f"tuning-{size}" in name} == ours
