"""Figures of finetuning: they say what the runs say, what was measured on what, and what broke off."""

import numpy as np
import pytest

from nearlinear import show
from nearlinear.show.tuning_account import parts, verdict_of_parts
from nearlinear.show.tuning_words import heading
from tests.show import tunings_made as made
from tests.show.test_learning_tables import rows
from tests.show.test_meeting import panels, texts

RUNS = made.tunings()
FIGURES = {
    "by block": show.tuning_by_block,
    "rises": show.tuning_rises,
    "road": show.tuning_road,
    "account": show.tuning_account,
}
SAID = ("SmolLM2-135M: 3 blocks, d = 16", "100 steps of 16, T ≤ 128, n/d = 39", "GPT-NeoX type: 3 blocks", "3 seeds")


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_names_size_text_and_every_lesson(name):
    shown = FIGURES[name](RUNS)
    for said in (*SAID, "tokens of 8 documents of pages", "recorded 2026-11-23"):
        assert said in texts(shown)
        assert said in shown.alt
        assert said in shown.caption
    for model in ("SmolLM2-135M", "Llama type", "GPT-NeoX type"):
        for lesson in ("film sentences", "words in context"):
            assert f"{model} on {lesson}" in shown.alt
        assert (f"{model} on film (shuffled labels)" in shown.alt) == (name != "account")
    assert "nan" not in shown.alt
    assert shown.svg() == FIGURES[name](RUNS).svg()


@pytest.mark.parametrize("name", FIGURES)
def test_a_run_that_broke_off_is_left_out_and_named(name):
    runs = [made.run("film"), made.run("film", seed=1, stopped_at=100), made.run("contexts", stopped_at=100)]
    shown = FIGURES[name](runs)
    assert (
        "Broke off, and not drawn: Llama type on film sentences, seed 1; Llama type on words in context, seed 0."
        in (texts(shown).replace("\n", " "))
    )
    assert "nan" not in shown.alt
    assert "words in context" not in shown.alt


def test_the_rise_is_drawn_by_block_and_seed():
    runs = made.lessons("film", "more-text")
    upper, _, lower = panels(show.tuning_by_block(runs))
    before, after, *_ = upper.get_lines()
    assert np.asarray(after.get_ydata()) - before.get_ydata() == pytest.approx(0.101, abs=1e-5)
    assert np.asarray(lower.get_lines()[0].get_ydata()) == pytest.approx(0.101, abs=1e-5)
    (rises,) = panels(show.tuning_rises(runs))
    assert sorted(rises.get_lines()[0].get_ydata()) == pytest.approx([0.1, 0.101, 0.102], abs=1e-5)
    assert rises.get_lines()[1].get_markerfacecolor() == "none"  # a control
    assert "Llama type on film sentences: +0.101 [+0.099, +0.103]." in show.tuning_rises(runs).alt


def test_the_road_begins_at_nothing_and_says_what_is_forgotten():
    shown = show.tuning_road(made.lessons("film"))
    for panel in panels(shown):
        assert panel.get_lines()[0].get_ydata()[0] == 0
    assert "after 75, 150, 300 steps: s_Δ +0.025, +0.050, +0.101;" in shown.alt
    assert "loss +0.025, +0.050, +0.100." in shown.alt


def test_the_legend_names_what_one_model_alone_is_taught():
    (legend,) = show.tuning_road(RUNS).figure.findobj(lambda a: hasattr(a, "legend_handles"))
    names = [text.get_text() for text in legend.get_texts()]
    assert names == [
        "film sentences", "words in context", "film (shuffled labels)", "film (no labels)", "more text",
    ]  # fmt: skip


def test_the_account_adds_up_and_tells_growth_from_linearity():
    grown = [made.run("film", seed=seed, size=(0.2, 0.4), rise=0.0) for seed in range(2)]
    explained, larger = parts(grown)
    assert larger == pytest.approx(np.log(2))
    for k, run in enumerate(grown):
        before, after = (np.asarray(look.no_first_token.update_scores) for look in (run.before, run.after))
        assert explained[k] + larger[k] == pytest.approx(np.log((1 - before) / (1 - after)))
    (panel,) = panels(show.tuning_account(grown))
    heights = [bar.get_height() for bar in panel.patches]
    assert max(heights[:3]) < 0  # what is unexplained of the state grew
    assert min(heights[3:]) > 0.6
    table = rows(show.tuning_account_table(grown))
    (cells,) = table.values()
    assert cells[1] == "+0.693"
    assert cells[3] == "rises by larger updates alone"


@pytest.mark.parametrize(
    ("both", "said"),
    [
        ((0.4, 0.0), "rises by a smaller unexplained part alone"),
        ((0.4, 0.1), "rises mostly by a smaller unexplained part"),
        ((0.1, 0.4), "rises mostly by larger updates"),
        ((0.2, 0.2), "rises by a smaller unexplained part and by larger updates"),
        ((-0.1, 0.3), "rises by larger updates alone"),
        ((0.1, -0.3), "falls by smaller updates alone"),
        ((-0.3, 0.1), "falls by a larger unexplained part alone"),
        ((-0.2, -0.1), "falls by a larger unexplained part and by smaller updates"),
        ((0.2, -0.2), "hardly changes"),
    ],
)
def test_which_part_it_is(both, said):
    assert verdict_of_parts(*both) == said


def test_sentences_of_the_account_go_by_their_way():
    ends = {"contexts": {"size": (0.2, 0.4), "rise": 0.0}}
    said = show.tuning_account_said(made.lessons("film", "contexts", "shuffled", ends=ends)).plain
    assert said == (
        "Of Llama type on film sentences: the mean of −log(1 − s_Δ) rises by a smaller unexplained part alone. Of "
        "Llama type on words in context: the mean of −log(1 − s_Δ) rises by larger updates alone."
    )
    assert "Nothing here was taught" in show.tuning_account_said(made.lessons("shuffled")).plain


def test_a_short_run_is_drawn_block_by_block():
    shown = show.tuning_short(made.run())
    assert "block 0 0.300 to 0.400, block 1 0.450 to 0.550, block 2 0.600 to 0.700." in shown.alt
    assert len(panels(shown)[0].get_lines()) == 3


def test_nothing_to_show_is_refused():
    with pytest.raises(ValueError, match=r"^there is no finetuning to show"):
        show.tuning_rises([])
    with pytest.raises(ValueError, match="different models, steps or measured text"):
        show.tuning_rises([made.run("film"), made.run("contexts", steps=200)])


@pytest.mark.parametrize("name", FIGURES)
def test_where_all_broke_off_a_figure_says_what_to_do(name):
    with pytest.raises(ValueError, match=r"^none of these finetunings came to its end: take a lower rate$"):
        FIGURES[name]([made.run(stopped_at=100)])


@pytest.mark.parametrize("name", FIGURES)
def test_a_model_all_of_whose_runs_broke_off_has_an_empty_panel(name):
    runs = [*made.lessons("film", "shuffled"), *made.lessons("film", models=("gpt-neox",), stopped_at=100)]
    shown = FIGURES[name](runs)
    assert "Llama type on film sentences" in shown.alt
    assert "Broke off, and not drawn: GPT-NeoX type on film sentences, seed 0" in texts(shown).replace("\n", " ")
    shown.svg()


def test_a_run_made_now_is_not_taken_for_a_recorded_one():
    assert "computed for this page" in heading([made.run(command="")])
    assert "computed for this page" not in heading([made.run()])
