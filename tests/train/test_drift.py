"""A training looked at on its way: its numbers against plain least squares, kills that cost nothing, and bad input."""

import math

import numpy as np
import pytest
import torch

from nearlinear.errors import InputError
from nearlinear.inputs.twin import state_sha256
from nearlinear.inputs.windows import n_tokens
from nearlinear.results import making
from nearlinear.results.drift import Cosine, DriftRun, Squared
from nearlinear.results.store import spec_sha256
from nearlinear.train.drift import Drift, kept, run
from nearlinear.train.drift_looking import look_at, shape_of_states, windows_for
from nearlinear.train.families import family_model
from nearlinear.train.loop import rate_at
from nearlinear.train.losses import window_losses
from nearlinear.train.texts import texts_for

from .drift_made import QUESTIONS, SAMPLES, drift
from .made import T, cache, corpus, pages, reading, same, small_texts


@pytest.fixture(scope="module")
def texts():
    return small_texts()


@pytest.fixture(autouse=True)
def own_cache(tmp_path):
    with cache(tmp_path):
        yield tmp_path


SPEC = drift(regulariser=Cosine(strength=0.5), samples=SAMPLES, questions=QUESTIONS)


@pytest.fixture(scope="module")
def whole(texts, tmp_path_factory):
    """A run that nothing has disturbed."""
    with cache(tmp_path_factory.mktemp("whole")):
        yield run(SPEC, device="cpu", texts=texts)


def states_of(loaded, windows) -> np.ndarray:
    """(L, windows, T, d): what enters each block."""
    ids = torch.tensor([window.input_ids for window in windows])
    with torch.no_grad():
        found = loaded.model.model(ids, output_hidden_states=True).hidden_states[:-1]
    return torch.stack(found).double().numpy()


def flat(states: np.ndarray, first: int) -> np.ndarray:
    return states[:, first:].reshape(-1, states.shape[-1])


@pytest.mark.parametrize(("first", "name"), [(0, "every_token"), (1, "no_first_token")])
def test_both_halves_are_those_of_plain_least_squares(whole, texts, first, name):
    """Fitted twice, once for y and once for Δ: the same error is left, so the identity holds to 1e-12."""
    loaded = kept(SPEC, 20, device="cpu", texts=texts)
    windows = windows_for(SPEC, texts)
    (x, y), (u, v) = ([flat(s, first) for s in states_of(loaded, part)] for part in (windows.fit, windows.test))
    ones, others = np.c_[x, np.ones(len(x))], np.c_[u, np.ones(len(u))]
    of_y, of_d = ((np.linalg.lstsq(ones, target, rcond=None)[0]) for target in (y, y - x))
    errors = [((target - others @ A) ** 2).sum() for target, A in ((v, of_y), (v - u, of_d))]
    update2, state2 = (((v - u - (y - x).mean(0)) ** 2).sum(), ((v - y.mean(0)) ** 2).sum())
    assert errors[0] == pytest.approx(errors[1], rel=1e-12)
    s, s_delta = 1 - errors[0] / state2, 1 - errors[1] / update2
    assert (1 - s_delta) * update2 == pytest.approx((1 - s) * state2, rel=1e-12)

    found = getattr(whole.looks[-1], name)
    assert found.scores[0] == pytest.approx(s, abs=1e-5)
    assert found.update_scores[0] == pytest.approx(s_delta, abs=1e-5)
    assert found.update2[0] == pytest.approx(update2 / len(u), rel=1e-5)
    assert found.state2[0] == pytest.approx(state2 / len(u), rel=1e-5)
    assert found.error2[0] == pytest.approx(errors[0] / len(u), rel=1e-5)


def test_the_identity_holds_in_every_look(whole):
    for look in whole.looks:
        for half in (look.every_token, look.no_first_token):
            left, right = (1 - half.update_scores) * half.update2, (1 - half.scores) * half.state2
            np.testing.assert_allclose(left, right, rtol=1e-12)
            np.testing.assert_allclose(left, half.error2, rtol=1e-12)


def test_the_papers_way_is_in_sample_with_every_token(whole, texts):
    loaded, windows = kept(SPEC, 20, device="cpu", texts=texts), windows_for(SPEC, texts)
    x, y = flat(states_of(loaded, [*windows.fit, *windows.test]), 0).reshape(2, -1, 16)
    ones = np.c_[x, np.ones(len(x))]
    error = ((y - ones @ np.linalg.lstsq(ones, y, rcond=None)[0]) ** 2).sum()
    for name, target in (("scores", y), ("update_scores", y - x)):
        wanted = 1 - error / ((target - target.mean(0)) ** 2).sum()
        assert getattr(whole.looks[-1].in_sample, name)[0] == pytest.approx(wanted, abs=1e-5)


def test_sizes_and_angles_are_those_of_the_states(whole, texts):
    loaded, windows = kept(SPEC, 20, device="cpu", texts=texts), windows_for(SPEC, texts)
    (x, y), (u, v) = ([flat(s, 0) for s in states_of(loaded, part)] for part in (windows.fit, windows.test))
    look, (a, b) = whole.looks[-1], (np.r_[x, u], np.r_[y, v])
    cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert look.cosine[0] == pytest.approx(cosines.mean(), rel=1e-5)
    assert look.norm_ratio[0] == pytest.approx(
        (np.linalg.norm(b - a, axis=1) / np.linalg.norm(b, axis=1)).mean(), rel=1e-5
    )
    later_u, later_v = (flat(s, 1) for s in states_of(loaded, windows.test))
    assert look.norm_ratio_no_first[0] == pytest.approx(
        (np.linalg.norm(later_v - later_u, axis=1) / np.linalg.norm(later_v, axis=1)).mean(), rel=1e-5
    )
    assert look.step2[0] == pytest.approx(((v - u) ** 2).sum(1).mean(), rel=1e-5)
    assert look.cosine_term == pytest.approx(sum(1 - value for value in look.cosine))


def test_the_cloud_is_that_of_the_evaluated_states(whole, texts):
    loaded, windows = kept(SPEC, 20, device="cpu", texts=texts), windows_for(SPEC, texts)
    entering = flat(states_of(loaded, windows.test[: 256 // T])[1], 1)
    values = np.linalg.svd(entering - entering.mean(0), compute_uv=False) ** 2
    shape = whole.looks[-1].shape
    assert shape.anisotropy[1] == pytest.approx(values[0] / values.sum(), rel=1e-5)
    assert len(shape.anisotropy) == len(shape.two_nn) == len(shape.mle) == 3
    assert shape.distinct[0] <= 64 < shape.distinct[1]  # letters are few; what is made of them is not
    assert 0 < shape.mle[2] < 16
    assert shape_of_states(loaded, windows.test[: 256 // T]).distinct == shape.distinct


def test_the_losses_are_held_out_and_plain(whole, texts):
    loaded = kept(SPEC, 20, device="cpu", texts=texts)
    losses = window_losses(loaded.model, texts.evaluate, SPEC.reading)
    assert whole.loss == pytest.approx(losses.mean(), rel=1e-5)
    documents = whole.documents
    assert np.average(documents.losses, weights=documents.windows) == pytest.approx(whole.loss, rel=1e-5)
    assert sum(documents.windows) == len(texts.evaluate.windows)
    assert sum(documents.tokens) == len(texts.evaluate.windows) * (T - 1)
    half = whole.looks[-1].no_first_token
    for name in ("error2", "update2", "state2"):
        rows = np.average(getattr(documents, name), axis=1, weights=documents.tokens)
        np.testing.assert_allclose(rows, getattr(half, name), rtol=1e-5)
    assert whole.chosen_loss == pytest.approx(window_losses(loaded.model, texts.choose, SPEC.reading).mean(), rel=1e-5)


def test_it_says_what_was_run(whole, texts):
    p = whole.provenance
    assert (p.spec_sha256, p.windows_sha256, p.seed) == (spec_sha256(SPEC), texts.sha256, 0)
    assert p.library_sha256 == making.library_sha256(DriftRun.made_by)
    assert p.model.sha256 == state_sha256(family_model(SPEC, 256)) != whole.weights_sha256
    assert p.model.id == "llama, from scratch"
    assert whole.steps == SPEC.stops == (5, 10, 15, 20)
    assert tuple(look.step for look in whole.looks) == SPEC.looks == (0, 5, 10, 20)
    assert len(whole.terms) == 4
    assert whole.terms[-1] < whole.terms[0]
    assert whole.loss < whole.looks[0].loss - 0.3
    assert whole.n_fit == 640 // T * (T - 1)
    assert whole.scoring == "exact"
    assert whole.stopped == ""
    assert [sample.prompt for sample in whole.samples] == list(SAMPLES.prompts)
    assert [(one.kind, len(one.right), one.n_long) for one in whole.asked] == [("endings", 20, 0)]


def test_it_comes_back_from_json_as_it_went_and_is_small(whole):
    assert DriftRun.from_json(whole.to_json()).to_json() == whole.to_json()
    assert whole.to_json().count("\n") == 1
    assert DriftRun.from_json(whole.to_json()).spec == SPEC


def test_nothing_is_fitted_and_evaluated_on_the_same_text(texts):
    """Training, maps and reports each have documents of their own."""
    windows = windows_for(SPEC, texts)
    trained = {tuple(row) for row in texts.train.windows.tolist()}
    fit, test = ({window.input_ids for window in part} for part in (windows.fit, windows.test))
    assert not trained & fit
    assert not trained & test
    assert not fit & test
    assert n_tokens(windows.fit) == 640
    assert n_tokens(windows.test) == texts.evaluate.n_tokens
    with corpus(pages()):
        again = texts_for(reading(seed=1), T)
    assert {window.input_ids for window in windows_for(SPEC, again).test} != test


@pytest.mark.parametrize("killed_at", [(0,), (5,), (10, 20)])
def test_a_run_that_is_killed_goes_on_to_the_same_result(whole, texts, monkeypatch, killed_at):
    keep = Drift.keep
    for step in killed_at:

        def dying(self, at, step=step):
            keep(self, at)
            if at == step:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Drift, "keep", dying)
            with pytest.raises(KeyboardInterrupt):
                run(SPEC, device="cpu", texts=texts)
    same(run(SPEC, device="cpu", texts=texts), whole)


def test_a_run_that_has_ended_is_not_trained_again(whole, texts, monkeypatch):
    run(SPEC, device="cpu", texts=texts)
    monkeypatch.setattr("nearlinear.train.loop.Work.step", lambda *_: pytest.fail("a step was made"))
    same(run(SPEC, device="cpu", texts=texts), whole)


def test_without_strength_the_run_is_the_plain_one(texts):
    plain = run(drift(), device="cpu", texts=texts)
    for term in (Cosine, Squared):
        measured = run(drift(regulariser=term(strength=0.0)), device="cpu", texts=texts)
        assert measured.weights_sha256 == plain.weights_sha256
        assert (measured.losses, measured.grad_norms) == (plain.losses, plain.grad_norms)
        assert list(map(str, measured.looks)) == list(map(str, plain.looks))
        assert len(measured.terms) == 4
    assert plain.terms == ()
    assert run(SPEC.model_copy(update={"samples": None}), device="cpu", texts=texts).losses != plain.losses


@pytest.mark.parametrize("family", ["gpt-neox", "sas"])
def test_other_families_run_the_same_way(texts, family):
    result = run(drift(family, regulariser=Squared(strength=0.5), steps=8, parts=2), device="cpu", texts=texts)
    assert result.loss < result.looks[0].loss
    assert len(result.looks) == 4
    assert np.isfinite(result.looks[-1].no_first_token.update_scores).all()


def test_a_run_that_breaks_is_a_result_and_keeps_its_last_good_weights(texts, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("nearlinear.train.loop.rate_at", lambda r, k: math.nan if k >= 11 else rate_at(r, k))
        broken = run(SPEC, device="cpu", texts=texts)
    assert broken.stopped == "the loss is no longer a number at step 13: take a learning rate below 0.01"
    assert math.isnan(broken.loss)
    assert [look.step for look in broken.looks] == [0, 5, 10]
    assert (broken.steps, broken.samples, broken.asked) == ((5, 10), (), ())
    assert state_sha256(kept(SPEC, 10, device="cpu", texts=texts).model) == broken.weights_sha256
    half = broken.looks[-1].no_first_token
    rows = np.average(broken.documents.error2, axis=1, weights=broken.documents.tokens)
    np.testing.assert_allclose(rows, half.error2, rtol=1e-5)
    whole_again = run(SPEC, device="cpu", texts=texts)  # from the checkpoint that is left
    assert whole_again.stopped == ""


def test_a_kept_model_is_that_of_its_look(whole, texts):
    loaded = kept(SPEC, 5, device="cpu", texts=texts)
    assert not loaded.model.training
    look = look_at(loaded, 5, windows_for(SPEC, texts), texts, SPEC).look
    assert str(look) == str(whole.looks[1])
    assert loaded.source.note == "llama, seed 0, after 5 steps"
    assert loaded.source.sha256 == state_sha256(loaded.model)
    assert kept(SPEC, 0, device="cpu", texts=texts).source.sha256 == whole.provenance.model.sha256
    with pytest.raises(InputError, match=r"^no weights are kept after 7 steps: choose one of 0, 5, 10, 20$"):
        kept(SPEC, 7, device="cpu", texts=texts)
