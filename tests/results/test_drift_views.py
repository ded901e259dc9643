"""Drifts side by side: an exact account of a lower score, intervals with known answers, and counts of words."""

import math

import numpy as np
import pytest

from nearlinear.results.drift import Squared
from nearlinear.results.drift_looks import Documents, Sample
from nearlinear.results.drift_views import (
    OF_HALVES,
    accuracy_interval,
    by_term,
    difference,
    distinct,
    distinct_of,
    interval,
    loss_interval,
    measure,
    screened,
    split,
    split_of,
    through,
)

from .drift_made import HALF, halves, run


def test_runs_are_put_together_by_term_and_strength():
    runs = [run(seed, regulariser=term) for seed in (1, 0) for term in (Squared(strength=2.0), None, HALF)]
    found = by_term(runs)
    assert list(found) == [("none", 0.0), ("cosine", 0.5), ("squared", 2.0)]
    assert [one.spec.seed for one in found["cosine", 0.5]] == [0, 1]


def test_a_screen_says_which_rate_is_best_and_whether_it_is_at_an_edge():
    def at(lr, loss, stopped=""):
        made = run()
        spec = made.spec.model_copy(update={"recipe": made.spec.recipe.model_copy(update={"lr": lr})})
        return made.model_copy(update={"spec": spec, "chosen_loss": loss, "stopped": stopped})

    found = screened([at(3e-3, 1.9), at(1e-3, 2.0), at(9e-3, 1.0, "it broke")])
    assert list(found) == ["llama"]
    assert (found["llama"].rate, found["llama"].edge) == (3e-3, "")
    assert found["llama"].rates == (1e-3, 3e-3, 9e-3)
    assert math.isnan(found["llama"].losses[2])


def test_a_measure_is_read_through_training():
    runs = [run(seed) for seed in range(3)]
    steps, scores = through(runs, "update_scores")
    assert steps == (0, 5, 10, 20)
    assert scores.shape == (3, 4, 2)
    np.testing.assert_array_equal(scores[1, 2], runs[1].looks[2].no_first_token.update_scores)
    assert through(runs, "two_nn")[1].shape == (3, 4, 3)
    assert through(runs, "loss")[1].shape == (3, 4)
    assert through(runs, "cosine_term")[1][0, 0] == pytest.approx(sum(1 - c for c in runs[0].looks[0].cosine))
    look = runs[0].looks[0]
    other = look.model_copy(update={"every_token": halves((1, 1), (2, 4), (8, 8))})
    np.testing.assert_allclose(measure(other, "update_scores", first_tokens=True), (0.5, 0.75))


def test_a_ratio_of_norms_is_known_with_first_tokens_and_without():
    look = run().looks[1]
    assert tuple(measure(look, "norm_ratio", first_tokens=True)) == look.norm_ratio
    assert tuple(measure(look, "norm_ratio")) == look.norm_ratio_no_first != look.norm_ratio


def test_after_a_break_there_is_nothing():
    broken = run(1).model_copy(update={"looks": run(1).looks[:2]})
    _, values = through([run(0), broken], "loss")
    assert np.isnan(values[1, 2:]).all()
    assert np.isfinite(values[:, :2]).all()
    with pytest.raises(ValueError, match="give one run or more"):
        through([], "loss")


def test_a_smaller_update_and_a_less_linear_one_are_told_apart():
    """Both take s_Δ from 0.8 to 0.6: one halves ‖Δ‖² at the same error, the other doubles the error."""
    before = halves((1.0, 1.0), (5.0, 5.0), (20.0, 20.0))
    after = halves((1.0, 2.0), (2.5, 5.0), (20.0, 20.0))
    found = split(before, after)
    np.testing.assert_allclose(after.update_scores, (0.6, 0.6))
    np.testing.assert_allclose(found.unexplained, (0, math.log(2)), atol=1e-12)
    np.testing.assert_allclose(found.size, (-math.log(2), 0), atol=1e-12)
    np.testing.assert_allclose(found.change, math.log(2))


def test_a_larger_scale_of_everything_is_no_change():
    before, after = halves((1.0,), (5.0,), (20.0,)), halves((100.0,), (500.0,), (2000.0,))
    found = split(before, after)
    np.testing.assert_allclose([found.unexplained, found.size, found.change], 0, atol=1e-12)


def test_the_account_is_exact_whatever_the_values():
    runs, others = [run(seed) for seed in (0, 1)], [run(seed, regulariser=None) for seed in (0, 1)]
    others = [one.model_copy(update={"looks": run(one.spec.seed + 7).looks}) for one in others]
    for one, other, found in zip(runs, others, split_of(runs, others), strict=True):
        a, b = (r.looks[-1].no_first_token.update_scores for r in (one, other))
        np.testing.assert_allclose(found.change, np.log((1 - a) / (1 - b)), rtol=1e-12)
    with pytest.raises(ValueError, match="have different seeds"):
        split_of(runs, others[::-1])


def slow_interval(documents: Documents, block: int, seed: int) -> tuple[float, float]:
    """Of s_Δ, resample by resample."""
    n = len(documents.tokens)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=2000)
    values = []
    for count in counts:
        error = sum(c * t * e for c, t, e in zip(count, documents.tokens, documents.error2[block], strict=True))
        update = sum(c * t * u for c, t, u in zip(count, documents.tokens, documents.update2[block], strict=True))
        values.append(1 - error / update)
    return tuple(np.percentile(values, [2.5, 97.5]))


def test_an_interval_is_that_of_documents_drawn_with_their_tokens():
    made = run(3)
    found = interval(made, "update_scores", seed=5)
    for block in range(2):
        np.testing.assert_allclose(found[block], slow_interval(made.documents, block, 5), rtol=1e-9)
    for name in OF_HALVES:
        low, high = interval(made, name).T
        assert (low < high).all()
    with pytest.raises(ValueError, match="no interval of 'mle'"):
        interval(made, "mle")


def test_one_document_has_no_interval():
    made = run()
    one = {name: tuple(row[:1] for row in getattr(made.documents, name)) for name in ("error2", "update2", "state2")}
    alone = made.documents.model_copy(update={"tokens": (31,), "windows": (1,), "losses": (2.0,), **one})
    assert np.isnan(interval(made.model_copy(update={"documents": alone}), "scores")).all()


def test_runs_are_compared_on_the_same_documents():
    """Against itself there is no difference at all, however wide the interval of each is."""
    made = run(4)
    np.testing.assert_array_equal(difference(made, made, "update_scores"), 0)
    doubled = tuple(tuple(2 * value for value in row) for row in made.documents.error2)
    other = made.model_copy(update={"documents": made.documents.model_copy(update={"error2": doubled})})
    assert (difference(made, other, "update_scores") > 0).all()
    elsewhere = made.model_copy(update={"provenance": made.provenance.model_copy(update={"windows_sha256": "7" * 64})})
    with pytest.raises(ValueError, match="measured on different text"):
        difference(made, elsewhere, "update_scores")


def test_intervals_of_loss_and_accuracy_hold_their_means():
    made = run(probes=1)
    documents = made.documents
    mean = np.average(documents.losses, weights=documents.windows)
    low, high = loss_interval(made)
    assert low < mean < high
    (probed,) = made.probed
    ends = accuracy_interval(probed)
    assert ends.shape == (3, 2)
    assert ((ends[:, 0] <= probed.accuracy) & (probed.accuracy <= ends[:, 1])).all()
    width = 2 * 1.96 * np.sqrt(probed.accuracy * (1 - probed.accuracy) / 40)
    np.testing.assert_allclose(ends[:, 1] - ends[:, 0], width, rtol=0.15)


def test_words_are_counted():
    assert distinct(["the cat", "The cat the dog"], 1) == 3 / 6
    assert distinct(["the cat", "The cat the dog"], 2) == 3 / 4  # no run goes over from one text to the next
    assert distinct(["a b c d"], 3) == 1.0
    assert math.isnan(distinct(["one two"], 3))
    sample = Sample(prompt="x", greedy="so so so", drawn=("a b", "a b"))
    assert distinct_of([sample], 1) == (1 / 3, 0.5)
