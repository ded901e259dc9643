"""What a lower masked loss is worth on a task: planted pairs, ranks, and what is left out."""

import numpy as np
import pytest

from nearlinear import show
from nearlinear.show.encoder_worth import pairs, rank_correlation
from tests.show import encoders_made as made
from tests.show.test_learning import line, panels

TRAINED, FINETUNED = made.encoders(), made.finetunings()


def test_every_encoder_has_a_mark_on_every_task():
    film, words = panels(show.loss_and_accuracy(TRAINED, FINETUNED))
    for ax in (film, words):
        x, y = line(ax, "SAS")
        assert x == pytest.approx([4.0, 4.01, 4.02])
        assert y == pytest.approx([70, 70.5, 71])
    assert len(pairs(TRAINED, FINETUNED)["film-sentences"]) == 18


def test_the_words_hold_both_correlations():
    """Between blocks more loss means fewer right; between the planted seeds of a block, more."""
    ends = dict(zip(made.RIGHT, (4.0, 4.5, 5.0, 5.5, 6.0, 6.5), strict=True))
    right = dict(zip(made.RIGHT, (0.8, 0.75, 0.7, 0.65, 0.6, 0.55), strict=True))
    said = show.worth_said(made.encoders(ends), made.finetunings(right)).plain
    assert said.startswith("Film sentences: rank correlation of loss and right answers −0.9")
    assert "over 18 encoders (+1.00 between the seeds of a block)" in said
    assert "the one most often right is Pre-LN, 81.0 %." in said
    assert said.replace("\n", " ") in show.loss_and_accuracy(made.encoders(ends), made.finetunings(right)).alt


def test_what_broke_off_is_left_out():
    runs = [run for run in FINETUNED if (run.spec.model.architecture.block, run.spec.seed) != ("sas", 0)]
    runs += [made.finetuned("sas", 0, task=task, stopped_at=100) for task in made.TASKS]
    assert len(pairs(TRAINED, runs)["film-sentences"]) == 17
    assert "over 17 encoders" in show.worth_said(TRAINED, runs).plain
    every = [made.finetuned(b, 0, stopped_at=50) for b in ("pre-ln", "sas")]
    assert "no answer over 0 encoders" in show.worth_said(TRAINED, every).plain


def test_ranks_share_ties():
    assert rank_correlation(np.array([1.0, 2, 3, 4]), np.array([1.0, 8, 27, 64])) == pytest.approx(1)
    assert rank_correlation(np.array([1.0, 2, 3, 4]), np.array([9.0, 5, 5, 1])) == pytest.approx(-0.9486833)
    assert np.isnan(rank_correlation(np.array([1.0, 2, 3]), np.ones(3)))
    assert np.isnan(rank_correlation(np.array([1.0, 2]), np.array([1.0, 2])))
