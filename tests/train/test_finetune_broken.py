"""Finetuning that breaks: told in one sentence, counted, and never taken for a model that merely learnt badly."""

import math

import pytest
import torch

from nearlinear.errors import InputError
from nearlinear.inputs.twin import state_sha256
from nearlinear.results.finetuning import FinetuneRun
from nearlinear.train import classify, finetune
from nearlinear.train import kept as kept_module
from nearlinear.train.classify import answers
from nearlinear.train.finetune import Finetuning, finetuned, run, run_folder

from .finetune_made import CPU, masked_texts, planted, same, task, wanted
from .made import small_texts


@pytest.fixture(autouse=True)
def own_place(tmp_path):
    with planted(tmp_path):
        yield tmp_path


def test_a_huge_rate_breaks_the_model_without_norms_and_the_step_is_told():
    result = run(wanted("sas-p-no-norm", lr=1e6, steps=40), device="cpu")
    assert "take a learning rate below 1e+06" in result.stopped
    assert math.isnan(result.accuracy)
    assert math.isnan(result.chosen_accuracy)
    assert result.right == ()
    assert all(math.isfinite(loss) for loss in result.losses)
    assert FinetuneRun.from_json(result.to_json()).stopped == result.stopped
    assert not (run_folder(result.spec) / "last.safetensors").exists()


def test_the_texts_that_break_are_counted_in_the_step_in_which_they_do(monkeypatch):
    """Two of the 16 texts of step 5 have an infinite loss; steps are counted from 1."""
    real = classify.logits_of

    def breaking(model, batch):
        logits = real(model, batch)
        return (
            logits + torch.where(torch.arange(len(logits)) < 2, torch.nan, 0.0)[:, None] if batch.step == 4 else logits
        )

    monkeypatch.setattr(classify, "logits_of", breaking)
    result = run(wanted(parts=2), device="cpu")
    assert result.stopped == "the loss is no longer a number at step 5: take a learning rate below 0.01"
    assert (result.broken.step, result.broken.texts, result.broken.batch) == (5, 4, 16)  # 2 in each of 2 parts


def test_test_examples_without_an_answer_are_wrong_and_counted(monkeypatch):
    monkeypatch.setattr(
        finetune, "answers", lambda model, texts: answers(model, texts).index_fill(0, torch.tensor([3]), torch.nan)
    )
    result = run(wanted(), device="cpu")
    assert result.test_broken == 1
    assert sum(result.right) == result.n_test - 1
    assert not result.right[3]


def test_a_step_at_which_nobody_looked_is_one_sentence():
    with pytest.raises(InputError, match=r"^no weights are kept after 3 steps: choose one of 0, "):
        run(wanted(pretrained=3), device="cpu")


def weights_break(monkeypatch, at: int):
    """After step `at` one weight is infinite, whatever the loss said."""
    real = Finetuning.look

    def breaking(self, step):
        if step == at:
            with torch.no_grad():
                next(self.model.parameters()).view(-1)[0] = torch.inf
        return real(self, step)

    monkeypatch.setattr(Finetuning, "look", breaking)


@pytest.mark.parametrize("at", [20, 60])
def test_weights_that_break_are_told_even_after_the_last_step(monkeypatch, at):
    weights_break(monkeypatch, at)
    result = run(wanted(), device="cpu")
    assert result.stopped == f"weights are no numbers after step {at}: take a rate below 0.01"
    assert max(result.steps, default=0) < at
    assert (result.broken, result.right) == (None, ())
    assert not (run_folder(result.spec) / "last.safetensors").exists()


def test_a_model_that_has_broken_is_told_of_as_it_stood_at_the_last_stop(monkeypatch):
    """The weights, and what they know, are those of the run that was cut there."""
    whole = Finetuning(wanted(), task(), CPU)
    at_stops = [(event.step, state_sha256(whole.model)) for event in whole.events()]
    (run_folder(wanted()) / "checkpoint.safetensors").unlink()
    weights_break(monkeypatch, 60)
    result = run(wanted(), device="cpu")
    assert (result.steps[-1], result.weights_sha256) == at_stops[-2]
    assert result.train_accuracy > 0.9
    assert result.test_broken == 0


def test_a_run_that_broke_breaks_again_from_its_checkpoint(monkeypatch):
    weights_break(monkeypatch, 60)
    same(run(wanted(), device="cpu"), run(wanted(), device="cpu"))


def test_a_model_whose_finetuning_broke_is_one_sentence(monkeypatch):
    weights_break(monkeypatch, 60)
    with pytest.raises(InputError, match=r"^this finetuning broke off before its end: weights are no numbers"):
        finetuned(wanted(), device="cpu")


def test_double_precision_is_what_is_asked_for():
    result = run(wanted(steps=4, precision="float64"), device="cpu")
    assert (result.provenance.dtype, result.provenance.precision) == ("float64", "float64")
    assert finetuned(wanted(steps=4, precision="float64"), device="cpu").model.dtype == torch.float32


def test_weights_that_read_another_text_are_one_sentence(monkeypatch):
    of = wanted(pretrained=None, steps=4)
    run(of, device="cpu")
    other = small_texts(task="masked", seed=1)
    assert other.sha256 != masked_texts().sha256
    monkeypatch.setattr(kept_module, "texts_of", lambda reading, T: other)
    with pytest.raises(InputError, match=r"^the weights in .* were trained on another text: remove that folder"):
        run(of.model_copy(update={"seed": 1}), device="cpu")


def test_learned_positions_that_end_before_the_texts_do_are_one_sentence():
    of = wanted(steps=4)
    short = of.model.model_copy(update={"architecture": of.model.architecture.model_copy(update={"options": ()})})
    with pytest.raises(InputError, match=r"^\S.*32"):
        run(of.model_copy(update={"model": short}), device="cpu")
