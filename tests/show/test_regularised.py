"""Figures and tables of trainings with a term: they say what the runs say, how much was run, and what broke off."""

import numpy as np
import pytest

from nearlinear import show
from tests.show import regularised_made as made
from tests.show.test_learning_tables import rows
from tests.show.test_meeting import panels, texts

COSINE, SQUARED, NONE = ("cosine", 0.5), ("squared", 0.5), ("none", 0.0)
OF = {
    (term, strength): {
        "update": 0.6 - 0.1 * strength,
        "size": 0.2 / (1 + strength),
        "loss": 2.5 + 0.1 * strength,
        "right": {"words": 0.3, "endings": 0.5 + 0.1 * strength},
    }
    for term, strength in made.SETTINGS
}
RUNS = made.grid(OF)
SAS = made.grid(OF, family="sas", settings=made.SETTINGS[:4])
FIGURES = {
    "scores": show.regularised_scores,
    "losses": show.regularised_losses,
    "account": show.regularised_account,
    "equal": show.regularised_at_equal,
}
SAID = ("Llama type", "8 blocks, d = 64", "3,000 steps of wikipedia-sample", "n/d = 254", "3 seeds")


@pytest.fixture(scope="module")
def drawn() -> dict:
    """Every figure once: they take time."""
    return {name: figure(RUNS) for name, figure in FIGURES.items()}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_names_size_text_and_every_term(drawn, name):
    shown = drawn[name]
    for said in SAID:
        assert said in texts(shown)
        assert said in shown.alt
        assert said in shown.caption
    for term in ("cosine term", "squared term"):
        assert term in shown.alt
    assert "nan" not in shown.alt
    assert "no answer" not in shown.alt


@pytest.mark.parametrize("name", FIGURES)
def test_one_term_with_one_seed_and_a_run_that_broke_off_can_be_drawn(name):
    runs = [made.run(NONE, 0), made.run(NONE, 1), made.run(COSINE, 0), made.run(COSINE, 1, stopped_at=500)]
    shown = FIGURES[name](runs)
    assert "Broke off, and not drawn: cosine term, λ = 0.5, seed 1." in texts(shown).replace("\n", " ")
    alone = FIGURES[name]([made.run(NONE, 0, L=2), made.run(COSINE, 0, L=2)])
    assert "nan" not in alone.alt


def test_a_setting_of_which_nothing_is_left_has_no_answer_and_stops_no_page():
    runs = [made.run(setting, seed, stopped_at=500 if setting == SQUARED else None)
            for setting in (NONE, COSINE, SQUARED) for seed in range(2)]  # fmt: skip
    for figure in FIGURES.values():
        assert "Broke off, and not drawn: squared term, λ = 0.5, seed 0; squared" in texts(figure(runs)).replace(
            "\n", " "
        )
    assert "broke off" in show.regularised_table(runs).html
    assert "s_Δ is neither lower nor higher for certain (no answer)." in show.regularised_cause(runs).plain
    assert "so they cannot be compared there" in show.regularised_equal_said(runs).plain
    assert {row.verdict for row in show.regularised_rows(runs)} == {"not at this size", "untestable here"}
    for shown in (show.regularised_ways, show.story_table, show.question_gains, show.regularised_samples):
        assert "nan" not in shown(runs).html
    assert np.isnan({f.name: f.value for f in show.regularised_findings(runs)}["reg-loss-llama-squared-05"])


def test_both_scores_are_drawn_by_block(drawn):
    upper, _, lower, _ = panels(drawn["scores"])
    plain, weakest, *_ = upper.get_lines()
    assert plain.get_ydata()[0] == pytest.approx(0.598)
    assert weakest.get_ydata()[0] == pytest.approx(0.588)
    assert lower.get_yscale() == "log"
    assert lower.get_lines()[0].get_ydata()[0] == pytest.approx(0.402 * 0.202, rel=0.01)
    assert "s_Δ, cosine term, λ = 2, by block: 0.398, " in drawn["scores"].alt


def test_the_losses_are_against_every_strength(drawn):
    assert (
        "held-out loss, squared term, by λ: 2.500 at 0, 2.510 at 0.1, 2.550 at 0.5, 2.700 at 2." in drawn["losses"].alt
    )


def test_the_account_adds_up_and_stands_under_its_setting(drawn):
    (_, _, half, *_) = panels(drawn["account"])
    assert half.get_title(loc="left") == "cosine term, λ = 0.5"
    heights = np.array([bar.get_height() for bar in half.patches])
    marks = half.get_lines()[0].get_ydata()
    np.testing.assert_allclose(heights[:8] + heights[8:], marks, atol=1e-12)
    assert (heights[8:] > 0).all()


CAUSES = {
    "only smaller": ({"update": 0.2, "size": 0.1}, "The update is only smaller"),
    "less linear": ({"update": 0.2, "size": 0.2}, "More of the state is unexplained: the blocks are less linear."),
    "both": ({"update": 0.1, "size": 0.15}, "Both: more of the state is unexplained, and the update is smaller."),
    "more linear": ({"update": 0.5, "size": 0.05}, "of the state less is unexplained than before"),
    "nothing": ({}, "Neither part is certain over seeds."),
}


@pytest.mark.parametrize("name", CAUSES)
def test_which_part_it_is_follows_the_runs(name):
    of, told = CAUSES[name]
    runs = [
        made.run(setting, seed, L=1, **({} if setting == NONE else of))
        for setting in (NONE, COSINE)
        for seed in range(3)
    ]
    if name == "only smaller":  # (1 − 0.6 ) · 0.2 = (1 − 0.2) · 0.1, but for seeds
        runs = [*runs[:3], *(made.run(COSINE, seed, L=1, update=0.2 - 0.002 * seed, size=0.1) for seed in range(3))]
    assert told in show.regularised_cause(runs).plain


def test_a_score_that_rises_is_not_explained_away():
    said = show.regularised_cause(made.grid({COSINE: {"update": 0.8}}, settings=(NONE, COSINE))).plain
    assert "s_Δ is higher (+0.200" in said
    assert "smaller:" not in said


def test_what_is_left_at_equal_loss_and_size_is_said():
    said = show.regularised_equal_said(RUNS).plain
    assert said.startswith("At a held-out loss of 2.700, s_Δ against no term: cosine term, λ = 0.1 ")
    assert "At equal update size the s_Δ of the cosine term, λ = 0.5, less that of the squared term, is +0.000" in said
    beyond = made.grid(OF | {COSINE: {"size": 0.001}})
    assert "so they cannot be compared there" in show.regularised_equal_said(beyond).plain
    assert "At equal update size" not in show.regularised_equal_said(SAS).plain


def test_the_tables_hold_planted_numbers():
    table = rows(show.regularised_table([*RUNS, *SAS]))
    cells = next(each for name, each in table.items() if "SAS, cosine term, λ = 0.5" in name)
    assert "0.513" in cells[0]
    assert "−0.050 [−0.050, −0.050]" in cells[0]
    assert "+0.050 [+0.050, +0.050]" in cells[-1]
    ways = show.regularised_ways(RUNS).html
    assert "in sample, first tokens in (the paper" in ways
    assert ways.count("−0.050 [−0.050, −0.050]") == 6  # two terms, three ways


def test_findings_are_the_runs():
    every = show.regularised_findings([*RUNS, *SAS])
    found = {finding.name: finding.value for finding in every}
    assert len(found) == len(every) == 2 * 2 + 4 * (6 + 3)
    assert found["reg-update-llama-cosine-05"] == pytest.approx(0.513, abs=1e-4)
    assert found["reg-loss-sas-cosine-2"] == pytest.approx(2.7)
    log = found["reg-unexplained-llama-squared-2"] + found["reg-smaller-llama-squared-2"]
    assert log == pytest.approx(np.log(0.6 / 0.4), abs=0.06)


def test_samples_stand_side_by_side_and_are_escaped():
    html = show.regularised_samples(RUNS).html
    assert "<script>" not in html
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; □ ran" in html
    assert html.count("<i>greedy</i>") == len(made.SETTINGS)
    assert "shown: seed 0." in html
    nothing = [run.model_copy(update={"samples": ()}) for run in RUNS]
    assert show.regularised_samples(nothing).plain.startswith("These trainings wrote nothing")


def test_stories_are_measured_or_said_not_to_be():
    read = made.stories(RUNS, {COSINE: 1.25})
    table = rows(show.story_table(RUNS, read))
    cells = next(each for name, each in table.items() if "cosine term, λ = 0.5" in name)
    assert cells[1] == "1.25 (0.500)"
    assert cells[2] == "−0.250 [−0.250, −0.250]"
    assert cells[-1] == "not measured"
    without = rows(show.story_table(RUNS))
    assert next(iter(without.values()))[:3] == ["not measured"] * 3


def test_questions_stand_beside_chance_and_no_term():
    table = show.question_gains(RUNS).html
    assert "a quarter right by chance" in table
    lines = [row for row in table.split("<tr>") if "squared term, λ = 2" in row]
    words, endings = lines
    assert "+0.0 points" in words
    assert "+20.0 points" in endings
    assert "70.0 %" in endings
    assert "no question" not in table
