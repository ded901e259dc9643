"""Verdicts on L6 follow the rule that stands above them: for each a case on either side."""

import pytest

from nearlinear import show
from nearlinear.show.drift_verdicts import WIDTH
from tests.show import drifts_made as made

RISES = {"update": (0.6, 0.9), "size": (0.2, 0.2)}
ALL = [(family, corpus) for corpus in made.STEPS for family in made.FAMILIES]


def verdicts(ends=None, **options) -> list[str]:
    """Of s_Δ, and of s."""
    rows = show.drift_rows(made.drifts(ends, **options))
    assert [row.claim for row in rows] == ["L6", "L6"]
    return [row.verdict for row in rows]


def test_where_both_readings_fall_everywhere_they_are_reproduced():
    assert verdicts() == ["reproduced", "reproduced"]


def test_one_group_that_rises_leaves_part():
    assert verdicts({("gpt-neox", "tales"): RISES}) == ["partly", "partly"]


def test_the_two_readings_may_disagree():
    """s_Δ falls, and updates become so small that s rises all the same."""
    smaller = {"update": (0.9, 0.8), "size": (0.4, 0.05)}
    assert verdicts(dict.fromkeys(ALL, smaller)) == ["reproduced", "not at this size"]
    larger = {"update": (0.8, 0.85), "size": (0.05, 0.4)}
    assert verdicts(dict.fromkeys(ALL, larger)) == ["not at this size", "reproduced"]


@pytest.mark.parametrize(("d", "wanted"), [(64, "not at this size"), (WIDTH, "contradicted")])
def test_only_models_as_wide_as_the_papers_contradict(d, wanted):
    assert verdicts(dict.fromkeys(ALL, RISES), d=d) == [wanted, wanted]


def test_the_papers_way_must_fall_too():
    runs = made.drifts()
    flat = [
        run.model_copy(update={"looks": tuple(
            each.model_copy(update={"in_sample": run.looks[0].in_sample}) for each in run.looks)})
        for run in runs
    ]  # fmt: skip
    assert [row.verdict for row in show.drift_rows(flat)] == ["partly", "partly"]


def test_a_few_steps_one_seed_and_broken_runs_say_nothing():
    assert verdicts(steps=600) == ["not at this size"] * 2
    assert verdicts(seeds=1) == ["not at this size"] * 2
    broken = made.drifts(stopped_at=500, texts=("wikipedia-sample",))
    rows = show.drift_rows(broken)
    assert [row.verdict for row in rows] == ["not at this size"] * 2
    assert "6 of the trainings broke off" in rows[0].controls


def test_a_row_says_its_numbers_controls_and_command():
    first, second = show.drift_rows(made.drifts({("gpt-neox", "tales"): RISES}))
    assert first.number == "falls in 5 of 6, rises in 1"
    assert "the title of Fig. 2" in first.what
    assert "the text" in second.what
    assert "Llama type on prose −0.300 [−0.300, −0.300]; GPT-NeoX type on prose" in first.controls
    assert "GPT-NeoX type on tales +0.300 [+0.300, +0.300]" in first.controls
    assert "in sample and with first tokens: −0.300, −0.300, −0.300, +0.300, " in first.controls
    assert "early look after 125 or 188 steps (the figure begins at 100)" in first.controls
    assert "the unexplained share of the state and the size of the update: +1." in first.controls
    assert "unexplained share" not in second.controls
    assert first.command == second.command == "nearlinear results --only drift-laptop"
    assert show.drift_rows(made.drifts(steps=40))[0].command == "nearlinear results --only drift-quick"
