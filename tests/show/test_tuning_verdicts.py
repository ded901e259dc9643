"""Verdicts on L7 and L8 follow the rule that stands above them: for each a case on either side."""

import pytest

from nearlinear import show
from nearlinear.results.tuning_specs import LESSONS
from nearlinear.show.tuning_verdicts import ENOUGH, SMALLEST
from nearlinear.show.tuning_words import SHUFFLED, is_control, is_reward, is_task
from tests.show import tunings_made as made

FALLS = {"rise": -0.1}


def verdict(ends=None, **options) -> str:
    (row,) = show.tuning_rows(made.tunings(ends, **options))
    assert row.claim == "L7"
    return row.verdict


def of_rewards(ends=None, **options) -> str:
    _, row = show.tuning_rows(made.tunings(seeds=1), made.rewards(ends, **options))
    assert row.claim == "L8"
    return row.verdict


def test_where_it_rises_everywhere_and_beyond_shuffled_labels_it_is_reproduced():
    assert verdict() == "reproduced"
    assert of_rewards() == "reproduced"


def test_a_rise_with_shuffled_labels_too_is_not_the_lesson():
    assert verdict({"shuffled": {"rise": 0.2}}) == "partly"
    assert verdict({("llama", "shuffled"): {"rise": 0.1}}) == "partly"
    assert of_rewards({"shuffled-rewards": {"rise": 0.07}}) == "partly"


def test_other_controls_are_told_and_do_not_judge():
    assert verdict({"sentences": {"rise": 0.3}, "more-text": {"rise": 0.3}}) == "reproduced"


def test_one_lesson_that_falls_leaves_part():
    assert verdict({("gpt-neox", "contexts"): FALLS}) == "partly"
    assert of_rewards({"rewards": FALLS}) == "partly"


def test_the_papers_way_must_rise_too():
    assert verdict({"film": {"way": -1.0}}) == "partly"


def test_what_is_not_learnt_does_not_count():
    assert verdict({("gpt-neox", "contexts"): FALLS | {"right": 0.53}}) == "reproduced"
    ends = {key: {"right": 0.5} for key in ("film", "contexts")}
    (row,) = show.tuning_rows(made.tunings(ends))
    assert row.verdict == "not at this size"
    assert row.number == "nothing was learnt"
    assert row.controls.startswith("not learnt, so not counted: SmolLM2-135M on film sentences and words in context, ")


def test_only_models_as_large_as_the_papers_contradict():
    falls = dict.fromkeys(("film", "contexts"), FALLS)
    assert verdict(falls) == "contradicted"
    assert verdict(falls, n_parameters=SMALLEST - 1) == "not at this size"
    assert of_rewards(dict.fromkeys(("rewards", "film-rewards"), FALLS)) == "not at this size"
    flat = falls | {("smollm2-135m", "contexts"): {"rise": -0.001}}
    assert verdict(flat) == "not at this size"


@pytest.mark.parametrize("options", [{"steps": ENOUGH - 1}, {"seeds": 1}])
def test_a_few_steps_and_one_seed_say_nothing(options):
    assert verdict(**options) == "not at this size"


def test_what_broke_off_is_left_out_and_counted():
    runs = [*made.tunings(), made.run("boolq"), made.run("boolq", seed=1), made.run("boolq", seed=2, stopped_at=100)]
    (row,) = show.tuning_rows(runs)
    assert "1 of the finetunings broke off" in row.controls
    (none,) = show.tuning_rows(made.lessons("film", "shuffled", stopped_at=100))
    assert (none.verdict, none.number) == ("not at this size", "nothing was learnt")


def test_a_row_says_its_numbers_controls_and_command():
    (row,) = show.tuning_rows(made.tunings({("gpt-neox", "contexts"): FALLS}))
    assert row.number == "rises in 5 of 6, falls in 1"
    assert "SmolLM2-135M on film sentences +0.101 [+0.099, +0.103]" in row.controls
    assert "the paper's way, in sample and with first tokens: +0.101, +0.061, +0.101, +0.061, +0.101, " in row.controls
    assert "of the rise of −log(1 − s_Δ), less unexplained and larger updates: +0.2" in row.controls
    assert "Llama type on film sentences less more text: +0.090 [+0.090, +0.090]" in row.controls
    assert "right on the test: SmolLM2-135M on film sentences 90.0 %" in row.controls
    assert row.command == "nearlinear results --only tuning-laptop"
    assert show.tuning_rows(made.tunings(steps=8))[0].command == "nearlinear results --only tuning-quick"


def test_reward_models_among_the_first_runs_are_judged_and_adapters_are_not():
    runs = [*made.tunings(), *made.lessons("rewards", models=("smollm2-135m",), steps=100, halvings=1)]
    rows = show.tuning_rows([*runs, *made.lessons("film", adapters=True, rise=-0.5)])
    assert [(row.claim, row.verdict) for row in rows] == [("L7", "reproduced"), ("L8", "reproduced")]
    assert "by adapters" not in rows[0].controls


def test_every_lesson_is_a_task_a_reward_or_a_control():
    for lesson in LESSONS:
        assert is_task(lesson) + is_reward(lesson) + is_control(lesson) == 1
    for lesson, control in SHUFFLED.items():
        assert not is_control(lesson)
        assert is_control(control)
        learns = LESSONS[lesson].model_copy(update={"labels": "shuffled"})
        assert learns == LESSONS[control]
