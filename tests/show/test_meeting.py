"""Figures, tables, answers and the picker of the meeting: they say what the study says, and how it was made."""

import math

import ipywidgets as widgets
import numpy as np
import pytest

from nearlinear import show
from nearlinear.errors import InputError
from nearlinear.results.meeting import MeetingStudy
from nearlinear.show.meeting_answers import NOBODY, SINK, Answer, compared
from nearlinear.show.meeting_attention import first_token_gain
from nearlinear.show.meeting_picker import look_frame, unexplained_scale
from nearlinear.show.meeting_pruning import SMALLEST, alone, ordered
from nearlinear.show.meeting_tables import foresight
from nearlinear.show.picker import BUDGET, weight
from tests.show.meeting_made import BLOCKS, STEPS, study

WHOLE = study()
FIGURES = {
    "by block": show.meeting_by_block,
    "through": show.meeting_through_training,
    "loss": show.linearity_and_loss,
    "pruned": show.meeting_pruned,
    "attention": show.meeting_attention,
    "first": show.meeting_first_token,
}
TABLES = {
    "linearity": show.meeting_table,
    "pruning": show.meeting_pruning_table,
    "foresight": show.meeting_foresight_table,
    "orders": show.meeting_orders_table,
    "attention": show.meeting_attention_table,
}
SAID = ("6 blocks", "d = 64", "16,384 held-out tokens of wikipedia-sample", "T = 64", "n/d = 251")


def changed(result: MeetingStudy, block: str, change) -> MeetingStudy:
    """The study with every run of a block changed: `change` is of a run, and gives another."""
    runs = [change(run) if run.block == block else run for run in result.runs]
    return result.model_copy(update={"runs": tuple(runs)})


def with_stage(run, at: int, **update):
    stages = list(run.stages)
    stages[at] = stages[at].model_copy(update=update)
    return run.model_copy(update={"stages": tuple(stages)})


def texts(shown) -> str:
    return " ".join(t.get_text() for t in shown.figure.findobj(lambda a: hasattr(a, "get_text"))).replace("\xa0", " ")


def panels(shown) -> list:
    return [ax for ax in shown.figure.findobj(lambda a: hasattr(a, "get_ylim")) if ax.get_lines()]


def curve(shown, label: str, panel: int = 0) -> np.ndarray:
    (line,) = [li for li in panels(shown)[panel].get_lines() if li.get_label() == label]
    return np.asarray(line.get_ydata(), float)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_what_was_measured_and_how(name):
    shown = FIGURES[name](WHOLE)
    for said in (texts(shown), shown.alt, shown.caption):
        for part in (*SAID, "3 seeds", "recorded 2026-11-22"):
            assert part in said, part
    assert "computed for this page" in texts(FIGURES[name](study(command="nearlinear score")))
    assert "1 seed" in texts(FIGURES[name](study(seeds=(4,)))).replace("1 seed of weights", "")


@pytest.mark.parametrize("name", TABLES)
def test_every_table_says_what_was_measured_and_has_a_line_a_block(name):
    table = TABLES[name](WHOLE).html
    assert all(part in table for part in (*SAID, "3 seeds", "after 1,000 steps"))
    assert table.count("<th scope='row'") == len(BLOCKS)


def test_lines_are_means_over_seeds_before_training_and_after_it():
    shown = show.meeting_by_block(WHOLE)
    measures = [("update_scores", False), ("scores", True), ("even_scores", True)]
    for panel, (at, (measure, rest)) in enumerate((at, each) for at in (0, -1) for each in measures):
        values = WHOLE.values("sas", measure, at=at).mean(0)
        assert np.allclose(curve(shown, "SAS", panel), 1 - values if rest else values)
    limits = [ax.get_ylim() for ax in panels(shown)]
    assert limits[:3] == limits[3:]  # before and after can be compared by eye
    assert [ax.get_yscale() for ax in panels(shown)] == ["linear", "log", "log"] * 2


def test_what_is_drawn_through_training_is_the_median_over_blocks():
    shown = show.meeting_through_training(WHOLE)
    for panel, measure in ((0, "update_scores"), (3, "top_share")):
        assert np.allclose(curve(shown, "SAS-P", panel), np.median(WHOLE.through("sas-p", measure), 2).mean(0))
    assert np.allclose(curve(shown, "SAS", 2), 1 - np.median(WHOLE.through("sas", "even_scores"), 2).mean(0))
    assert [t.get_text() for t in panels(shown)[3].get_xticklabels()] == ["0", "100", "1,000"]
    assert f"{np.median(WHOLE.through('sas-p', 'update_scores'), 2).mean(0)[-1]:.3f}" in shown.alt


def test_every_model_at_every_look_stands_beside_its_loss():
    left, right = panels(show.linearity_and_loss(WHOLE))
    assert len(left.get_lines()) == len(right.get_lines()) == 9
    assert all(len(line.get_xdata()) == len(STEPS) for line in left.get_lines())
    assert left.xaxis_inverted()


def test_costs_are_drawn_from_the_unchanged_model_on():
    shown = show.meeting_pruned(WHOLE, "score")
    for panel, how in ((2, "remove"), (3, "replace")):
        drawn = curve(shown, "SAS", panel)
        assert drawn[0] == 0
        assert np.allclose(drawn[1:], ordered(WHOLE, "sas", "score", how).mean(0))


def test_a_gain_is_put_on_the_floor_of_the_logarithmic_axis():
    def better(run):
        first = run.alone["replace"][0].model_copy(update={"difference": -0.5})
        return run.model_copy(update={"alone": run.alone | {"replace": (first, *run.alone["replace"][1:])}})

    drawn = curve(show.meeting_pruned(changed(WHOLE, "sas", better)), "SAS", 1)
    assert drawn[0] == SMALLEST
    assert np.allclose(drawn[1:], alone(WHOLE, "sas", "replace").mean(0)[1:])


def test_even_attention_is_ruled_where_it_has_a_meaning():
    shown = show.meeting_attention(WHOLE)
    ruled = [any(np.allclose(li.get_ydata(), WHOLE.even_mass) for li in ax.get_lines()) for ax in panels(shown)]
    assert ruled == [True, True, False, False]
    assert "Even attention would put 0.0214 on the first token" in shown.alt


def test_the_first_token_shows_in_the_score():
    gain = first_token_gain(WHOLE, "sas")
    assert gain == pytest.approx(np.full((3, 6), -0.002), abs=1e-5)
    drawn = curve(show.meeting_first_token(WHOLE), "SAS", 3)
    assert np.allclose(drawn, gain.mean(0))


# Answers


def said(result: MeetingStudy, question: str) -> str:
    return next(a.said for a in show.meeting_answers(result) if a.question == question)


def test_more_and_less_need_every_seed():
    words = {"more": "more", "less": "less", "neither": "neither"}
    assert compared([2, 3], [1, 2], **words) == "more"
    assert compared([0, 1], [1, 2], **words) == "less"
    assert compared([2, 1], [1, 2], **words) == "neither"
    assert compared([2, math.nan], [1, 2], **words) == "neither"


def test_the_planted_study_is_answered():
    more = "more by s_Δ, more by s, more by s with coordinates alike."
    assert said(WHOLE, "B1") == f"SAS: {more} SAS-P: {more}"
    assert said(WHOLE, "B2") == (
        "SAS: better replaced by lines, worse removed. SAS-P: better replaced by lines, worse removed."
    )
    assert said(WHOLE, "B3").startswith("No sink on the first token to move, in any of them")


def test_a_less_linear_block_is_said_to_be_less_linear():
    other = changed(WHOLE, "sas", lambda run: with_stage(run, -1, update_scores=(0.1,) * 6))
    assert said(other, "B1").startswith("SAS: less by s_Δ, more by s, more by s with coordinates alike. SAS-P: more")
    ours = next(a.ours for a in show.meeting_answers(other) if a.question == "B1")
    assert "SAS, median s_Δ 0.100 (0.100 to 0.100)" in ours
    assert "above it with every seed in 0 of 6 blocks. SAS, median s " in ours

    def one_seed(run):
        return with_stage(run, -1, update_scores=(0.1,) * 6) if run.seed == 1 else run

    assert said(changed(WHOLE, "sas", one_seed), "B1").startswith("SAS: neither more nor less by s_Δ, more by s,")


def test_dear_lines_are_said_to_be_worse():
    def dear(run):
        orders = [
            one.model_copy(update={"steps": (*one.steps[:-1], one.steps[-1].model_copy(update={"difference": 9.0}))})
            for one in run.orders
        ]
        return run.model_copy(update={"orders": tuple(orders)})

    assert said(changed(WHOLE, "sas-p", dear), "B2").endswith("SAS-P: worse replaced by lines, worse removed.")
    assert said(changed(WHOLE, "pre-ln", dear), "B2").startswith("SAS: better replaced by lines, better removed.")


def sinking(run):
    attention = run.stages[-1].attention.model_copy(update={"top_first_mass": (*(0.02,) * 5, SINK + 0.1)})
    return with_stage(run, -1, attention=attention)


def test_sinks_are_found_where_they_are():
    one = changed(WHOLE, "pre-ln", sinking)
    assert said(one, "B3").startswith("A sink on the first token in Pre-LN, none with every seed in SAS and SAS-P;")
    every = changed(changed(one, "sas", sinking), "sas-p", sinking)
    assert said(every, "B3").startswith("All of them have a sink on the first token;")
    some = changed(WHOLE, "pre-ln", lambda run: sinking(run) if run.seed else run)
    assert said(some, "B3").startswith("No sink on the first token to move")


def test_a_short_training_answers_nothing():
    short = WHOLE.model_copy(update={"runs": tuple(with_stage(run, -1, step=20) for run in WHOLE.runs)})
    assert {a.said for a in show.meeting_answers(short)} == {"not answered by 20 steps"}
    assert {row.verdict for row in show.meeting_rows(short)} == {"not at this size"}
    assert {row.command for row in show.meeting_rows(short)} == {"nearlinear results --only train-quick-meeting"}


def test_without_sas_the_question_is_asked_of_sas_p():
    assert said(study(blocks=("pre-ln", "sas-p")), "B1").startswith("SAS-P: more by s_Δ, more by s,")


def test_huge_coordinates_can_change_the_answer():
    other = changed(WHOLE, "sas", lambda run: with_stage(run, -1, even_scores=(0.5,) * 6))
    assert said(other, "B1").startswith("SAS: more by s_Δ, more by s, less by s with coordinates alike.")


def test_questions_stand_in_a_table_of_their_own():
    html = show.our_questions(show.meeting_answers(WHOLE)).html
    for id in ("B1", "B2", "B3"):
        assert f"<b>{id}</b>" in html
    assert html.count(NOBODY) == 3
    assert html.count("nearlinear results --only train-laptop-meeting") == 3
    with pytest.raises(InputError, match="there is no question 'B9': choose one of B1, B2, B3, B4"):
        Answer("B9", "yes", "", "", "")
    hostile = Answer("B1", "<script>", "<script>", "<script>", "<script>")
    assert "<script>" not in show.our_questions([hostile]).html


# Verdicts on the first paper's claims


def row(result: MeetingStudy, claim: str):
    return next(r for r in show.meeting_rows(result) if r.claim == claim)


def test_linearity_falls_where_it_falls():
    assert row(WHOLE, "L6").verdict == "reproduced"
    assert row(WHOLE, "L6").what.endswith("after 100 steps and after 1,000")
    high = changed(WHOLE, "pre-ln", lambda run: with_stage(run, -1, scores=(0.999,) * 6))
    assert row(high, "L6").verdict == "partly"
    rising = changed(WHOLE, "pre-ln", lambda run: with_stage(run, -1, update_scores=(0.9,) * 6))
    assert row(rising, "L6").verdict == "not at this size"


def test_replacement_is_judged_by_the_papers_own_block_first():
    assert row(WHOLE, "L15").verdict == "reproduced"
    assert "54 of 54 blocks" in row(WHOLE, "L15").controls

    def worse(run):
        first = run.alone["replace"][0].model_copy(update={"difference": 5.0})
        return run.model_copy(update={"alone": run.alone | {"replace": (first, *run.alone["replace"][1:])}})

    assert row(changed(WHOLE, "sas", worse), "L15").verdict == "partly"
    assert row(changed(WHOLE, "pre-ln", worse), "L15").verdict == "contradicted"


def test_a_measure_that_foresees_every_cost_has_the_correlation_one():
    def foreseen(run):
        costs = [cost.difference for cost in run.alone["remove"]]
        return with_stage(run, -1, scores=tuple(1 - cost for cost in costs))

    assert foresight(changed(WHOLE, "sas", foreseen), "sas", "1 − s", "remove") == pytest.approx(1)
    backwards = changed(WHOLE, "sas", lambda run: with_stage(foreseen(run), -1, update_scores=(*range(6),)))
    assert foresight(backwards, "sas", "1 − s_Δ", "remove") == pytest.approx(-1)


def test_every_order_ends_in_the_table_at_its_last_step():
    html = show.meeting_orders_table(WHOLE).html
    for head in ("greedy, removed", "highest score first, replaced", "deepest first, replaced"):
        assert head in html
    costs = ordered(WHOLE, "sas", "last", "replace")[:, -1]
    assert f"{costs.mean():.4f} ({costs.min():.4f} to {costs.max():.4f})" in html
    assert "by 3 blocks in each order" in html


def test_the_place_of_the_sink_is_that_of_the_block_with_most():
    def sink(run):
        attention = run.stages[-1].attention
        more = {"sink_mass": (0.1, 0.9, *[0.1] * 4), "sink_place": (30.0, 7.0, *[30.0] * 4)}
        return with_stage(run, -1, attention=attention.model_copy(update=more))

    html = show.meeting_attention_table(changed(WHOLE, "sas", sink)).html
    assert ">7.0</td>" in html
    assert ">30.0</td>" not in html


def test_findings_have_names_of_their_own():
    found = show.meeting_findings(WHOLE)
    assert len({one.name for one in found}) == len(found)
    by_name = {one.name: one.value for one in found}
    assert by_name["replace-sas"] == pytest.approx(ordered(WHOLE, "sas", "greedy", "replace")[:, -1].mean())
    assert by_name["update-start-pre-ln"] > by_name["update-pre-ln"]


# Explore


def test_the_picker_holds_every_block_at_every_look():
    picker = show.meeting_picker(WHOLE)
    pages = picker.children[-1]
    assert picker.children[0].options == ("Pre-LN", "SAS", "SAS-P")
    assert [len(page.children) for page in pages.children] == [len(STEPS)] * 3
    slider = picker.children[1].children[0]
    assert (slider.min, slider.value, slider.max) == (0, 3, 3)
    assert all(isinstance(page, widgets.Stack) and page.selected_index == 3 for page in pages.children)
    assert weight(picker) < BUDGET


def test_a_frame_says_its_numbers():
    scale = unexplained_scale(WHOLE)
    frame = look_frame(WHOLE, "sas", 2, scale)
    update = np.median(WHOLE.values("sas", "update_scores", at=2), 1)
    assert f"median s_Δ {update.mean():.3f} ({update.min():.3f} to {update.max():.3f})" in frame.alt
    assert "SAS after 100 steps" in frame.alt
    assert ", ".join(f"{v:.2f}" for v in WHOLE.values("sas", "update_scores", at=2).mean(0)) in frame.alt
    assert "Grey: Pre-LN at the same look" in frame.html
    assert "Grey" not in look_frame(WHOLE, "pre-ln", 2, scale).html
    assert "before training" in look_frame(WHOLE, "sas", 0, scale).alt
    assert all(part in frame.html for part in SAID)


def test_the_scale_of_what_is_left_holds_every_look():
    scale = unexplained_scale(WHOLE)
    rest = np.concatenate([1 - WHOLE.through(block, "scores").ravel() for block in BLOCKS])
    assert scale.low <= rest.min() < 10 * scale.low
    exact = changed(WHOLE, "sas", lambda run: with_stage(run, 0, scores=(1.0,) * 6))
    assert unexplained_scale(exact).low == 1e-6
