"""Figures and tables of finetuning: they draw what was planted, say what was run, and follow the runs in words."""

import re

import numpy as np
import pytest

from nearlinear import show
from nearlinear.show.finetuning import loss_curves
from tests.show import encoders_made as made
from tests.show.test_learning import line, panels
from tests.show.test_learning_tables import rows as cells
from tests.show.test_signal import texts

FINETUNED, TRIED = made.finetunings(), made.tried()

TASKS = {"accuracy": show.finetuned_accuracy, "curves": show.finetuning_curves}


@pytest.mark.parametrize("name", TASKS)
def test_a_figure_of_finetuning_says_what_was_run(name):
    shown = TASKS[name](FINETUNED)
    for said in (texts(shown), shown.alt, shown.caption):
        for part in ("6 blocks", "d = 64", "pretrained 2,000 steps", "400 steps of 16 texts", "3 seeds"):
            assert part in said, part
    for part in ("film sentences", "words in context"):
        assert part in shown.alt


def test_accuracies_are_drawn_a_dot_a_seed_beside_their_controls():
    shown = show.finetuned_accuracy(FINETUNED)
    film, word = panels(shown)
    names = [tick.get_text() for tick in film.get_xticklabels()]
    assert len(names) == 6 + 2 + 2
    assert names[-4:] == ["Pre-LN, from scratch", "SAS-P, from scratch", "Pre-LN, shuffled labels",
                          "SAS-P, shuffled labels"]  # fmt: skip
    assert len(word.get_xticklabels()) == 6 + 2
    dots = [np.asarray(each.get_ydata()) for each in film.get_lines() if len(each.get_ydata()) == 3]
    assert dots[0] == pytest.approx([70.0, 70.5, 71.0])
    assert "film sentences, Pre-LN: 70.5 % (± 0.5 over seeds, test items [" in shown.alt
    assert "film sentences, the commonest label: 50.0 %." in shown.alt


def test_finetunings_that_broke_off_are_drawn_and_told():
    runs = [*FINETUNED[:-1], made.finetuned("sas-p", 2, how="shuffled", stopped_at=100)]
    shown = show.finetuned_accuracy(runs)
    assert "1 broke\noff" in [each.get_text() for each in panels(shown)[0].texts]
    assert "SAS-P, shuffled labels: 50.2 % (± 0.4 over seeds, test items [47" in shown.alt
    assert "; 1 broke off)" in shown.alt
    every = [made.finetuned(b, 0, task=t, stopped_at=50) for t in made.TASKS for b in made.ENDS]
    assert "film sentences, SAS: broke off." in show.finetuned_accuracy(every).alt
    show.finetuning_curves(every)


def test_curves_of_finetuning_are_means_over_the_seeds_that_are_left():
    runs = [made.finetuned("sas", 0), made.finetuned("sas", 1, stopped_at=200)]
    steps, values = loss_curves(runs)
    assert (steps[-1], values.shape) == (400, (2, len(steps)))
    assert np.isnan(values[1, steps > 200]).all()
    above = panels(show.finetuning_curves([*runs, made.finetuned("pre-ln"), made.finetuned("pre-ln", 1)]))[0]
    assert line(above, "SAS")[1][-1] == pytest.approx(0.5)


def test_the_table_of_accuracies_pairs_blocks_with_the_base_and_controls_with_themselves():
    found = {re.sub("<[^>]+>", "", first): rest for first, rest in cells(show.accuracy_table(FINETUNED)).items()}
    assert found["film sentences: Pre-LN"][1] == ""
    assert found["film sentences: SAS-P"][1].startswith("−1.0 points (± 0.0 over seeds, test items [")
    assert found["film sentences: SAS-P, from scratch"][1].startswith("−9.0 points")
    assert found["film sentences: SAS-P, from scratch"][1].endswith("from SAS-P pretrained")
    assert found["words in context: SAS"][2:] == ["80.5 %", "0.001"]
    assert found["words in context: the commonest label"][0] == "50.0 %"


def test_the_paper_stands_beside_ours_and_is_not_compared():
    found = cells(show.beside_glue(FINETUNED))
    assert found["SAS"][:2] == ["78.4 ± 0.8", "90.3"]
    assert found["SAS-P, no norm"][:2] == ["not printed", "not printed"]
    assert found["SAS"][2].startswith("70.5 %")


def test_what_broke_is_counted_by_block_and_rate():
    tried = made.tried(broken=[("sas-p-no-norm", 3e-3)])
    found = cells(show.broken_table(tried, FINETUNED))
    assert found["SAS-P, no norm"] == ["0 of 1", "0 of 1", "1 of 1 (no number for 3 of 16 texts)", "0 of 6"]
    assert found["Pre-LN"] == ["0 of 1", "0 of 1", "0 of 1", "0 of 6"]  # those with shuffled labels are not among them


def test_tasks_in_words_follow_the_runs():
    said = show.finetuned_said(FINETUNED).plain
    assert "Film sentences: from 66.5 % (SAS-P, no norm) to 76.5 % (parallel) right" in said
    assert "All are above that. Of what they learnt from, 76.0 % to 87.0 %." in said
    assert "Pretraining beside fresh weights: +10.0 points for Pre-LN and +9.0 points for SAS-P." in said
    assert "Pre-LN, shuffled labels: 50.5 % of the test, 60.5 % of what it learnt from." in said
    assert "where the interval over test items leaves zero out: parallel +6.0" in said
    guess = show.finetuned_said(made.finetunings(dict.fromkeys(made.RIGHT, 0.5), scratch=0.5)).plain
    assert "Not clearly above that: Pre-LN, parallel, V-SkipInit, SAS, SAS-P and SAS-P, no norm." in guess
    assert "No block is away from Pre-LN by more than other test items could do." in guess
    every = [made.finetuned(b, 0, stopped_at=50) for b in ("pre-ln", "sas")]
    assert show.finetuned_said(every).plain == "Film sentences: every finetuning broke off."


def test_breaks_in_words_follow_the_runs():
    none = show.broken_said(TRIED, FINETUNED).plain
    assert none == (
        "At the chosen rates, SAS-P, no norm: 0 of 6 broke off. No finetuning of any block broke. In the screen "
        "nothing broke, up to 0.003. Of the rates that both were tried with, they are furthest apart at 0.0003: there "
        "SAS-P is right on 64.0 % of the examples for choices, SAS-P, no norm on 64.0 %."
    )
    own = [made.finetuned("sas-p-no-norm", k, stopped_at=100, texts=2) for k in (0, 1)]
    said = show.broken_said(made.tried(broken=[("sas-p-no-norm", 3e-3)]), [*FINETUNED, *own]).plain
    assert (
        "2 of 8 (no number for 2 of 16 texts, 2 of 16 texts) broke off. No other finetuning of any block broke." in said
    )
    assert "In the screen broke: SAS-P, no norm at 0.003. Of the rates" in said
    other = show.broken_said(TRIED, [*FINETUNED, made.finetuned("sas", 0, stopped_at=100)]).plain
    assert "Of the others: SAS 1 of 7." in other


def test_a_model_need_not_break_to_fail():
    tried = [made.finetuned(b, 100, lr=lr, chosen=chosen) for b, lr, chosen in (
        ("sas-p", 3e-3, 0.70), ("sas-p", 1e-2, 0.67), ("sas-p-no-norm", 3e-3, 0.69), ("sas-p-no-norm", 1e-2, 0.54),
        ("sas-p-no-norm", 3e-2, 0.5))]  # fmt: skip
    said = show.broken_said(tried, FINETUNED).plain
    assert said.endswith("furthest apart at 0.01: there SAS-P is right on 67.0 % of the examples for choices, SAS-P, "
                         "no norm on 54.0 %.")  # fmt: skip
    assert "furthest" not in show.broken_said(tried[:2], FINETUNED).plain
