"""S17 and S26 follow the rule of *no loss*, each on runs of its own."""

import pytest

from nearlinear import show
from nearlinear.show.learning_more import longer_rows, prose_row
from nearlinear.show.learning_verdicts import NEAR
from tests.show import trainings


def longer(ours: float, theirs: float = 1.4, **options):
    usual = trainings.core({"pre-ln": 1.5, "sas-p": 1.53})
    long = trainings.core({"pre-ln": theirs, "sas-p": ours}, steps=3000, **options)
    (row,) = longer_rows(trainings.screen(), usual, long)
    return row


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [(1.3, "reproduced"), (1.4, "reproduced"), (1.4 * (1 + NEAR / 2), "partly"), (1.4 * 1.1, "not at this size")],
)
def test_three_times_the_text(ours, verdict):
    assert longer(ours).verdict == verdict


def test_the_usual_length_stands_beside_it():
    row = longer(1.41)
    assert row.claim == "S17"
    assert "after 3 times the steps" in row.what
    assert "after 1,000 steps it was +0.030" in row.controls
    assert row.number.startswith("+0.010")


def test_longer_trainings_are_drawn_over_the_usual_ones():
    usual = trainings.core({"pre-ln": 1.5, "sas-p": 1.54})
    long = trainings.core({"pre-ln": 1.4, "sas-p": 1.41}, steps=3000)
    shown = show.learning_longer(usual, long)
    left, right = shown.figure.axes[:2]
    assert {float(each.get_xdata()[-1]) for each in left.get_lines()} == {1000.0, 3000.0}
    ticks = [each.get_text() for each in right.get_xticklabels()]
    assert ticks == ["SAS-P, 1,000 steps", "SAS-P, 3,000 steps"]
    said = show.learning_longer_said(usual, long).plain
    assert said.startswith("SAS-P minus Pre-LN: +0.040 at the usual length, and after 3 times the steps +0.010")
    assert "interval over files [+0.010, +0.010]; 25.0 % of it is left." in said
    assert said.endswith("Of the training text 10.0 % was read, no window twice.")
    assert said.partition(" Of the")[0] in shown.alt


def test_without_longer_trainings_a_sentence_says_so():
    assert show.learning_longer([], []).plain == "Longer trainings of this size are not recorded."
    assert show.learning_longer_said([], []).plain == ""
    assert longer_rows([], [], []) == []


def prose(ours: float, **options):
    tried = [r for r in trainings.screen(corpus="tales") if r.spec.architecture.block in ("parallel", "sas")]
    runs = trainings.core({"parallel": 1.5, "sas": ours}, corpus="tales", **options)
    return prose_row(tried, runs)


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [(1.4, "reproduced"), (1.5, "reproduced"), (1.5 * (1 + NEAR / 2), "partly"), (1.5 * 1.1, "not at this size")],
)
def test_prose(ours, verdict):
    assert prose(ours).verdict == verdict


def test_a_rate_that_prose_did_not_choose_leaves_only_part():
    row = prose(1.5, rates={"sas": 9e-3})
    assert row.verdict == "partly"
    assert "not trained with the best rate of the screen: SAS" in row.controls


def test_wide_models_can_contradict():
    assert longer(1.6, d=768).verdict == "contradicted"
    assert prose(1.7, d=768).verdict == "contradicted"
