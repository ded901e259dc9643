"""Finetuning that is measured: its numbers against plain least squares, its controls, kills that cost nothing."""

import math

import numpy as np
import pytest
import torch

from nearlinear.inputs.twin import state_sha256
from nearlinear.results import making
from nearlinear.results.store import load_or_run, spec_sha256
from nearlinear.results.tuning import MoreText, Preferences, Sentences, TuningRun
from nearlinear.results.tuning_specs import LESSONS, tunings
from nearlinear.study import windows_sha256
from nearlinear.train import tuning, tuning_looking
from nearlinear.train.drift import kept
from nearlinear.train.drift_looking import windows_for
from nearlinear.train.loop import Work, rate_at
from nearlinear.train.tuning import Tuning, lesson_of, run, run_folder
from nearlinear.train.tuning_models import subject_of

from .drift_made import animals
from .made import cache, same, small_texts
from .test_drift import flat, states_of
from .tuning_made import FILM, REWARDS, SHUFFLED, letters, tune

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def texts():
    return small_texts()


@pytest.fixture(scope="module")
def place(tmp_path_factory, texts):
    """A cache in which the model that is finetuned has been trained."""
    with cache(tmp_path_factory.mktemp("own")) as folder:
        kept(tune().model.spec, device="cpu", texts=texts)
    return folder


@pytest.fixture(autouse=True)
def own_cache(place, request):
    """The files of a run are taken away after each test; the trained model and the look before stay."""
    if "fresh" in request.fixturenames:
        yield
        return
    with cache(place):
        yield place
        for file in place.rglob("*.tuning/*"):
            file.unlink()


@pytest.fixture
def fresh(tmp_path):
    with cache(tmp_path):
        yield tmp_path


def ran(spec, texts):
    """Taught what is planted."""
    planted = {"labels": animals, "sentences": animals, "preferences": letters}.get(spec.learns.kind)
    return run(spec, device="cpu", texts=texts, task=planted and planted())


@pytest.fixture(scope="module")
def whole(place, texts):
    """A run that nothing has disturbed."""
    with cache(place):
        yield ran(tune(), texts)


@pytest.mark.parametrize(("first", "name"), [(0, "every_token"), (1, "no_first_token")])
def test_scores_before_are_those_of_plain_least_squares(whole, texts, first, name):
    """Fitted for Δ on one part of the text, tried on another: with the model as it was."""
    spec = whole.spec.model.spec
    loaded, windows = kept(spec, device="cpu", texts=texts), windows_for(spec, texts)
    (x, y), (u, v) = ([flat(s, first) for s in states_of(loaded, part)] for part in (windows.fit, windows.test))
    A = np.linalg.lstsq(np.c_[x, np.ones(len(x))], y - x, rcond=None)[0]
    error = ((v - u - np.c_[u, np.ones(len(u))] @ A) ** 2).sum()
    found = getattr(whole.before, name)
    assert found.update_scores[0] == pytest.approx(1 - error / ((v - u - (y - x).mean(0)) ** 2).sum(), abs=1e-5)
    assert found.scores[0] == pytest.approx(1 - error / ((v - y.mean(0)) ** 2).sum(), abs=1e-5)


def test_the_look_after_is_of_the_finetuned_model_on_the_same_text(whole, texts):
    """Its states by transformers itself, its map by plain least squares."""
    spec = tune()
    tuned = Tuning(spec, subject_of(spec.model, device=CPU, texts=texts), None)
    tuned.lesson = lesson_of(spec, tuned.subject, animals())
    assert tuned.to_the_end() == ""
    assert state_sha256(tuned.learner) == whole.weights_sha256
    loaded, windows = tuned.subject.loaded, tuned.subject.windows
    (x, y), (u, v) = ([flat(s, 1) for s in states_of(loaded, part)] for part in (windows.fit, windows.test))
    A = np.linalg.lstsq(np.c_[x, np.ones(len(x))], y - x, rcond=None)[0]
    error = ((v - u - np.c_[u, np.ones(len(u))] @ A) ** 2).sum()
    score = 1 - error / ((v - u - (y - x).mean(0)) ** 2).sum()
    assert whole.after.no_first_token.update_scores[0] == pytest.approx(score, abs=1e-5)
    ratios = [np.linalg.norm(b - a, axis=1) / np.linalg.norm(b, axis=1) for a, b in ((x, y), (u, v))]
    assert whole.after.norm_ratio_no_first[0] == pytest.approx(ratios[1].mean(), rel=1e-5)
    assert abs(score - whole.before.no_first_token.update_scores[0]) > 1e-3
    nats = []
    for window in (*windows.fit, *windows.test):
        ids = torch.tensor([window.input_ids])
        nats.append(loaded.model(ids, labels=ids).loss.item())
    assert whole.after.loss == pytest.approx(np.mean(nats), rel=1e-4)
    assert whole.provenance.windows_sha256 == windows_sha256(windows)


def test_scores_in_sample_are_the_papers(whole, texts):
    """Of all tokens, first ones too, by the map that the same tokens give."""
    loaded, windows = kept(whole.spec.model.spec, device="cpu", texts=texts), windows_for(whole.spec.model.spec, texts)
    x, y = (flat(states, 0) for states in states_of(loaded, (*windows.fit, *windows.test))[:2])
    for target, found in ((y, whole.before.in_sample.scores), (y - x, whole.before.in_sample.update_scores)):
        error = target - np.c_[x, np.ones(len(x))] @ np.linalg.lstsq(np.c_[x, np.ones(len(x))], target, rcond=None)[0]
        assert found[0] == pytest.approx(1 - (error**2).sum() / ((target - target.mean(0)) ** 2).sum(), abs=1e-5)


def test_documents_are_what_the_look_is_made_of(whole):
    for look in whole.looks:
        for name in ("error2", "update2", "state2"):
            rows = np.average(getattr(look.documents, name), axis=1, weights=look.documents.tokens)
            np.testing.assert_allclose(rows, getattr(look.no_first_token, name), rtol=1e-5)
        half = look.no_first_token
        np.testing.assert_allclose((1 - half.update_scores) * half.update2, (1 - half.scores) * half.state2, rtol=1e-12)
    assert len(whole.before.documents.tokens) > 1


def test_a_task_is_learnt_and_shuffled_labels_are_not(whole, texts):
    assert whole.accuracy == whole.chosen_accuracy == 1.0
    assert whole.after.task_loss < 0.5
    shuffled = ran(tune(SHUFFLED), texts)
    assert shuffled.accuracy < 0.8
    assert shuffled.after.task_loss > 0.6
    assert shuffled.n_read == whole.n_read
    assert shuffled.taught == whole.taught


def test_a_reward_model_is_learnt_and_pairs_that_a_coin_has_turned_are_not(texts):
    learnt = ran(tune(REWARDS), texts)
    assert learnt.accuracy == 1.0
    assert (learnt.majority, learnt.n_train, len(learnt.right)) == (0.5, 80, 40)
    assert learnt.after.task_loss < 0.5
    turned = ran(tune(Preferences(pairs="letters", labels="shuffled")), texts)
    assert turned.after.task_loss > 0.6


@pytest.mark.parametrize("learns", [Sentences(task="animals"), MoreText()])
def test_controls_without_labels_predict_text_and_answer_nothing(whole, texts, learns):
    result = ran(tune(learns), texts)
    assert result.losses[-1] < result.losses[0]
    assert math.isnan(result.accuracy)
    assert math.isnan(result.after.accuracy)
    assert (result.right, result.groups) == ((), ())
    assert result.n_parameters == result.n_trained == whole.n_parameters - 2 * 16
    assert result.before.model_dump_json() == whole.before.model_dump_json()
    if isinstance(learns, MoreText):
        assert result.after.loss < result.before.loss  # more of its own text
        assert result.n_read == 20 * 8 * 32
    else:
        assert result.n_read == whole.n_read


@pytest.mark.parametrize("family", ["gpt-neox", "sas"])
def test_other_families_run_the_same_way(texts, family):
    result = ran(tune(family=family, steps=10, parts=2), texts)
    assert result.losses[-1] < result.losses[0]
    assert np.isfinite(result.after.no_first_token.update_scores).all()


def test_it_says_what_was_run(whole, texts):
    spec, p = tune(), whole.provenance
    assert (p.spec_sha256, p.seed) == (spec_sha256(spec), 0)
    assert p.library_sha256 == making.library_sha256(TuningRun.made_by)
    assert p.model.sha256 == state_sha256(kept(spec.model.spec, device="cpu", texts=texts).model)
    assert p.corpus == texts.source
    assert whole.taught == animals().source
    assert whole.steps == spec.stops == (5, 10, 15, 20)
    assert tuple(look.step for look in whole.looks) == spec.looks == (0, 10, 20)
    assert math.isnan(whole.before.accuracy)
    assert (whole.n_fit, whole.scoring) == (640 // 32 * 31, "exact")
    assert whole.epochs == 2.0
    assert (whole.n_train, whole.majority, sum(whole.groups)) == (80, 0.5, 40)
    assert TuningRun.from_json(whole.to_json()).to_json() == whole.to_json()


@pytest.mark.parametrize("killed_at", [(10,), (5, 20)])
@pytest.mark.parametrize("learns", [FILM, REWARDS])
def test_a_run_that_is_killed_goes_on_to_the_same_result(texts, monkeypatch, learns, killed_at):
    undisturbed = ran(tune(learns), texts)
    save = tuning.Trained.save
    for step in killed_at:

        def dying(self, *args, step=step, **kw):
            save(self, *args, **kw)
            if args[2][-1]["step"] == step:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(tuning.Trained, "save", dying)
            with pytest.raises(KeyboardInterrupt):
                ran(tune(learns), texts)
    made, step = [], Work.step
    monkeypatch.setattr(Work, "step", lambda self, k: made.append(k) or step(self, k))
    same(ran(tune(learns), texts), undisturbed)
    assert made == list(range(killed_at[-1], 20))  # it went on


def test_a_run_that_has_ended_leaves_no_checkpoint_and_is_found_by_its_specification(fresh, texts):
    spec = tune(steps=4)
    first = load_or_run(spec, lambda s: [ran(s, texts)], TuningRun)
    assert not list(run_folder(spec).glob("*"))
    assert load_or_run(spec, lambda s: pytest.fail("run again"), TuningRun).to_json() == first.to_json()


def test_the_look_before_is_taken_once_for_all_runs_of_a_model(fresh, texts, monkeypatch):
    looks, real = [], tuning_looking.look_at
    monkeypatch.setattr(tuning_looking, "look_at", lambda *a, **kw: looks.append(a[1]) or real(*a, **kw))
    one = ran(tune(steps=2), texts)
    other = ran(tune(SHUFFLED, steps=2, seed=1), texts)
    assert looks == [0]
    assert one.before.to_json() == other.before.to_json()
    assert one.weights_sha256 != other.weights_sha256


def test_a_run_that_breaks_is_a_result_that_names_the_step(fresh, texts, monkeypatch):
    monkeypatch.setattr("nearlinear.train.loop.rate_at", lambda r, k: math.nan if k >= 11 else rate_at(r, k))
    broken = ran(tune(), texts)
    assert broken.stopped == "the loss is no longer a number at step 13: take a learning rate below 0.003"
    assert [look.step for look in broken.looks] == [0, 10]
    assert (broken.steps, broken.right) == ((5, 10), ())
    assert math.isnan(broken.accuracy)
    assert math.isnan(broken.chosen_accuracy)
    assert (run_folder(tune()) / "checkpoint.safetensors").exists()  # as it stood after ten steps
    assert TuningRun.from_json(broken.to_json()).to_json() == broken.to_json()


def test_a_model_that_answers_no_numbers_is_not_measured_on(fresh, texts, monkeypatch):
    monkeypatch.setattr("nearlinear.train.loop.rate_at", lambda r, k: math.nan if k == 9 else rate_at(r, k))
    broken = ran(tune(), texts)
    assert broken.stopped.startswith("the model's answers are no longer numbers after step 10: take a learning rate")
    assert [look.step for look in broken.looks] == [0]


def test_what_is_packaged_is_learnt_and_measured(fresh, monkeypatch):
    """The smallest of the book's own runs: its tasks, its pairs and its text are those that travel in packages."""
    monkeypatch.delenv("NEARLINEAR_CACHE")
    monkeypatch.setattr(tuning, "results_cache", lambda: fresh)
    monkeypatch.setattr(tuning_looking, "results_cache", lambda: fresh)
    by_name = tunings("quick")["tuning-quick-tiny-llama-film-0"]
    for learns in (by_name.learns, LESSONS["film-rewards"]):
        result = run(by_name.model_copy(update={"learns": learns}), device="cpu")
        assert (result.stopped, len(result.looks), len(result.right)) == ("", 2, 32)
        assert result.provenance.corpus.id == "tales"
        assert result.taught.id in ("film-sentences", "film-preferences")
