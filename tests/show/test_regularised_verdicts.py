"""Verdicts on L9 to L13 and the answer to B4 follow the rules that stand above them: for each a case on either side."""

import json

import pytest

from nearlinear import show
from nearlinear.results.stories import to_judge
from nearlinear.show.drift_verdicts import WIDTH
from tests.show import regularised_made as made

NONE, COSINE = ("none", 0.0), ("cosine", 0.5)
HALF, DOUBLE = ("squared", 0.5), ("squared", 2.0)
SOME = (NONE, COSINE, HALF, DOUBLE)
LESS = {"update": 0.4, "size": 0.2}
SMALLER = {"update": 0.4, "size": 0.05}


def rows(of=None, marks=None, **options) -> dict:
    """Claim → its row."""
    found = show.regularised_rows(made.grid(of, settings=SOME, **options), marks=marks)
    assert [row.claim for row in found] == ["L9", "L10", "L11", "L13"]
    return {row.claim: row for row in found}


def verdict(claim: str, of=None, **options) -> str:
    return rows(of, **options)[claim].verdict


def test_less_linear_in_every_layer_is_reproduced():
    assert verdict("L9", {COSINE: LESS}) == "reproduced"


def test_a_smaller_update_alone_is_part():
    assert verdict("L9", {COSINE: SMALLER}) == "partly"


def test_one_block_that_does_not_fall_leaves_part():
    runs = made.grid({COSINE: LESS}, settings=SOME)
    broken = [run if run.spec.strength != 0.5 else _block_up(run) for run in runs]
    (row, *_) = show.regularised_rows(broken)
    assert row.verdict == "partly"
    assert "lower with every seed in 7 of 8 blocks" in row.controls


def _block_up(run):
    """The same, but that block 3 has hardly any error."""
    half = run.looks[-1].no_first_token
    error2 = tuple(1e-3 if block == 3 else e for block, e in enumerate(half.error2))
    last = run.looks[-1].model_copy(update={"no_first_token": half.model_copy(update={"error2": error2})})
    return run.model_copy(update={"looks": (*run.looks[:-1], last)})


def test_the_papers_way_must_fall_too():
    runs = made.grid({COSINE: LESS}, settings=SOME)
    plain = {run.spec.seed: run for run in runs if run.spec.regulariser is None}
    same = [
        run.model_copy(
            update={
                "looks": (
                    *run.looks[:-1],
                    run.looks[-1].model_copy(update={"in_sample": plain[run.spec.seed].looks[-1].in_sample}),
                )
            }
        )
        for run in runs
    ]
    assert show.regularised_rows(same)[0].verdict == "partly"


@pytest.mark.parametrize(("d", "wanted"), [(64, "not at this size"), (WIDTH, "contradicted")])
def test_only_models_as_wide_as_the_narrowest_contradict(d, wanted):
    assert verdict("L9", {COSINE: {"update": 0.8}}, d=d) == wanted
    worse = {s: {"right": {"endings": 0.6}} for s in SOME} | {COSINE: {"right": {"endings": 0.4}}}
    assert verdict("L10", worse, d=d) == wanted
    assert verdict("L13", worse, d=d) == wanted


def test_few_steps_one_seed_and_no_such_run_say_nothing():
    assert verdict("L9", {COSINE: LESS}, steps=600) == "not at this size"
    assert verdict("L9", {COSINE: LESS}, seeds=1) == "not at this size"
    found = show.regularised_rows(made.grid(settings=(NONE, HALF)))
    assert {row.claim: row.verdict for row in found}["L9"] == "not at this size"
    assert found[0].number == "not trained"


def test_better_answers_are_part_at_most():
    better = {s: {"right": {"words": 0.5, "endings": 0.4}} for s in SOME}
    assert verdict("L10", better) == "not at this size"
    better[COSINE] = {"right": {"words": 0.5, "endings": 0.6}}
    assert verdict("L10", better) == "partly"
    assert rows(better)["L10"].number.startswith("words +0.0 [+0.0, +0.0]; endings +20.0 [+1")


def test_one_kind_that_is_worse_leaves_nothing():
    mixed = {s: {"right": {"words": 0.5, "endings": 0.4}} for s in SOME}
    mixed[COSINE] = {"right": {"words": 0.3, "endings": 0.6}}
    assert verdict("L10", mixed, d=WIDTH) == "not at this size"


def test_questions_answered_by_chance_do_not_count():
    guessed = {s: {"right": {"words": 0.25}} for s in SOME} | {COSINE: {"right": {"words": 0.6}}}
    row = rows(guessed)["L10"]
    assert row.verdict == "not at this size"
    assert "better than chance without a term: none" in row.controls


def test_the_cosine_term_must_beat_both_squared_ones():
    of = {s: {"right": {"words": 0.4}} for s in SOME} | {COSINE: {"right": {"words": 0.6}}}
    assert verdict("L13", of) == "partly"
    assert verdict("L13", of | {DOUBLE: {"right": {"words": 0.6}}}) == "not at this size"
    assert show.regularised_rows(made.grid(of, settings=SOME[:3]))[-1].verdict == "not at this size"


@pytest.mark.parametrize(("mark", "wanted"), [(8.0, "reproduced"), (2.0, "not at this size")])
def test_stories_need_a_judge(mark, wanted):
    runs = made.grid(settings=SOME)
    assert verdict("L11") == "untestable here"
    pulled = [run for run in runs if run.spec.strength == 0.5 and run.spec.regulariser.kind == "cosine"]
    marks = dict.fromkeys(_ids(pulled), mark) | dict.fromkeys(_ids([r for r in runs if r not in pulled]), 5.0)
    assert show.regularised_rows(runs, marks=marks)[2].verdict == wanted


def _ids(runs) -> list[str]:
    return [json.loads(line)["id"] for line in to_judge(runs).splitlines()]


def test_a_row_says_its_numbers_controls_and_command():
    runs = made.grid({COSINE: SMALLER, DOUBLE: {"stopped_at": 500}}, settings=SOME)
    lower, _, stories, _ = show.regularised_rows(runs, made.stories(runs, {COSINE: 1.25}))
    assert lower.number == "−0.200 [−0.200, −0.200]"
    assert "the paper's way, in sample and with first tokens: −0.200" in lower.controls
    assert "and the smaller update +1.0" in lower.controls
    assert "3 of the trainings broke off" in lower.controls
    assert lower.command == "nearlinear results --only drift-laptop"
    assert "nats a byte of drawn texts against no term: −0.250" in stories.controls
    quick = show.regularised_rows(made.grid(settings=SOME, steps=40))
    assert quick[0].command == "nearlinear results --only drift-quick"


def answer(of_llama, of_sas, **options):
    both = [
        made.grid({COSINE: of}, settings=(NONE, COSINE), family=family, **options)
        for family, of in (("llama", of_llama), ("sas", of_sas))
    ]
    (found,) = show.regularised_answers(*both)
    return found


def test_the_same_on_sas_or_the_opposite():
    same = {**SMALLER, "loss": 2.6}
    found = answer(same, same)
    assert found.question == "B4"
    assert found.said.startswith(
        "The same in all: s_Δ (lower), ‖E‖² / ‖Y‖² (lower), ‖Δ‖² / ‖Y‖² (lower), held-out loss (h"
    )
    other = answer(same, {**SMALLER, "update": 0.8, "loss": 2.6}).said
    assert other.endswith("; the opposite in s_Δ.")
    nothing = answer(same, {}).said
    assert nothing.startswith("The same in nothing; not certain in s_Δ, ")
    assert "SAS: s_Δ neither for certain (+0.000 [+0.000, +0.000])" in answer(same, {}).ours


def test_few_steps_and_one_seed_do_not_answer():
    assert answer(SMALLER, SMALLER, steps=600).said == "not answered by 600 steps"
    assert answer(SMALLER, SMALLER, seeds=1).said == "not answered without two seeds of each"
