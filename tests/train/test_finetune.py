"""Finetuning on planted tasks: what must be learnt, what cannot be, and what a kill does."""

import pytest
import torch

from nearlinear.inputs.task_examples import Example
from nearlinear.inputs.tiny import byte_tokenizer
from nearlinear.inputs.twin import state_sha256
from nearlinear.results import making
from nearlinear.results.finetuning import FinetuneRun
from nearlinear.results.store import load_or_run, spec_sha256
from nearlinear.train import finetune
from nearlinear.train.classify import LabelledBatches, labelled_texts
from nearlinear.train.finetune import Finetuning, classifier, finetuned, run, run_folder
from nearlinear.train.kept import kept
from nearlinear.train.models import fresh_model

from .finetune_made import CPU, masked_texts, planted, same, sentences, task, wanted
from .made import BLOCKS


@pytest.fixture(autouse=True)
def own_place(tmp_path):
    with planted(tmp_path):
        yield tmp_path


@pytest.mark.parametrize("block", BLOCKS)
def test_what_can_be_told_apart_is_learnt_by_every_block(block):
    result = run(wanted(block), device="cpu")
    assert result.stopped == ""
    assert result.accuracy == result.train_accuracy == result.chosen_accuracy == 1.0
    assert (result.majority, result.test_broken, result.broken) == (0.5, 0, None)
    assert result.looks[0].loss > 0.5 > 0.1 > result.looks[-1].loss


def many_letters(n):
    """As `sentences`, but 18 letters speak for either label: shuffled labels cannot suit them all by chance."""
    letters = "hijklmnopqrstuvwxyz"
    for k, each in enumerate(sentences(n)):
        letter = letters[k % 18]
        yield Example((each.text.replace("zq"[k % 2] * 2, 2 * letter),), letters.index(letter) % 2, each.group)


def test_shuffled_labels_leave_the_test_at_chance():
    many = task(tuple(many_letters(540)))
    assert run(wanted(steps=150), device="cpu", task=many).accuracy == 1.0
    shuffled = run(wanted(labels="shuffled", steps=150), device="cpu", task=many)
    assert abs(shuffled.accuracy - 0.5) < 0.25
    assert shuffled.train_accuracy > 0.58  # what it learnt are the labels that it was given
    assert shuffled.majority == 0.5


def test_nothing_of_the_choice_and_the_test_is_trained_on(monkeypatch):
    read = []
    whole = LabelledBatches.__getitem__
    monkeypatch.setattr(LabelledBatches, "__getitem__", lambda self, step: read.append(whole(self, step)) or read[-1])
    run(wanted(steps=30), device="cpu")
    assert len(read) == 30
    seen = {tuple(row[mask.bool()].tolist()) for batch in read for row, mask in zip(batch.ids, batch.mask, strict=True)}
    every = task()
    held = labelled_texts(byte_tokenizer(), (*every.choose, *every.test), 48)
    learnt = labelled_texts(byte_tokenizer(), every.train, 48)
    assert seen <= set(learnt.ids)
    assert seen.isdisjoint(held.ids)


@pytest.mark.parametrize("block", ["pre-ln", "sas-p"])
def test_the_pretrained_weights_are_taken_over_and_only_the_head_is_new(block):
    of = wanted(block, pretrained=None)
    work = Finetuning(of, task(), CPU)
    trained = kept(of.model, device="cpu", texts=masked_texts()).model
    assert state_sha256(work.model.base_model) == state_sha256(trained.base_model)
    scratch = Finetuning(wanted(block), task(), CPU).model
    assert state_sha256(scratch.base_model) == state_sha256(fresh_model(of.model, 256).base_model)
    assert state_sha256(scratch.base_model) != state_sha256(trained.base_model)
    assert torch.equal(scratch.score.weight, work.model.score.weight)
    other = classifier(trained, 2, seed=1)
    assert not torch.equal(other.score.weight, work.model.score.weight)


def test_from_scratch_nothing_is_pretrained(monkeypatch):
    monkeypatch.setattr("nearlinear.train.kept.run", lambda *a, **kw: pytest.fail("pretrained"))
    run(wanted(steps=4), device="cpu")


def test_it_says_what_was_run():
    of = wanted(pretrained=None, steps=20, every=7)
    result = run(of, device="cpu")
    p = result.provenance
    assert (p.spec_sha256, p.library_sha256) == (spec_sha256(of), making.library_sha256(FinetuneRun.made_by))
    assert p.corpus == task().source
    assert p.windows_sha256 == Finetuning(of, task(), CPU).parts["train"].sha256
    assert p.windows_sha256 != Finetuning(wanted(labels="shuffled"), task(), CPU).parts["train"].sha256
    assert "after 20 steps" in p.model.note
    assert result.steps == of.stops == (7, 10, 14, 20)
    assert tuple(look.step for look in result.looks) == of.looks == (0, 10, 20)
    every = task()
    assert (result.n_train, result.n_choose, result.n_test) == tuple(map(len, (every.train, every.choose, every.test)))
    assert result.groups == (1,) * result.n_test
    assert result.epochs == pytest.approx(20 * 16 / result.n_train, rel=1e-5)
    assert FinetuneRun.from_json(result.to_json()) == result
    assert state_sha256(finetuned(of, device="cpu").model) == result.weights_sha256


def test_a_finetuned_model_is_finetuned_where_it_lies_nowhere():
    of = wanted(steps=8)
    loaded = finetuned(of, device="cpu")
    assert (run_folder(of) / "last.safetensors").exists()
    assert "finetuned on planted" in loaded.source.note
    assert loaded.source.sha256 == state_sha256(loaded.model)
    assert not loaded.model.training
    assert loaded.context == 48


def test_it_is_found_again_by_its_specification(monkeypatch):
    of = wanted(steps=4)
    first = load_or_run(of, lambda s: [run(s, device="cpu")], FinetuneRun)
    assert load_or_run(of, lambda s: pytest.fail("run again"), FinetuneRun) == first
    seen = {spec_sha256(each) for each in (of, wanted(steps=4, seed=1), wanted(steps=4, labels="shuffled"))}
    assert len(seen) == 3


def test_a_killed_run_goes_on_to_the_same_bits(monkeypatch):
    of = wanted(pretrained=None, steps=30, every=4)
    whole = run(of, device="cpu")
    (run_folder(of) / "checkpoint.safetensors").unlink()
    (run_folder(of) / "last.safetensors").unlink()
    read = LabelledBatches.__getitem__
    for at in (2, 13, 29):
        with monkeypatch.context() as patch:

            def cut_off(self, step, at=at):
                if step == at:
                    raise KeyboardInterrupt
                return read(self, step)

            patch.setattr(LabelledBatches, "__getitem__", cut_off)
            with pytest.raises(KeyboardInterrupt):
                run(of, device="cpu")
    asked = []
    monkeypatch.setattr(LabelledBatches, "__getitem__", lambda self, step: asked.append(step) or read(self, step))
    same(run(of, device="cpu"), whole)
    assert min(asked) == 28  # it went on
    assert whole.weights_sha256 == state_sha256(finetuned(of, device="cpu").model)


def test_a_run_that_has_ended_is_read_and_not_run(monkeypatch):
    of = wanted(steps=8)
    first = run(of, device="cpu")
    monkeypatch.setattr(LabelledBatches, "__getitem__", lambda self, step: pytest.fail("run again"))
    same(run(of, device="cpu"), first)


def test_groups_of_the_test_stand_together():
    """Examples of a group that are far apart in the task come one after the other, each with its own answer."""
    loose = list(sentences(300))
    joined = tuple(Example(each.texts, each.label, str(k % 75)) for k, each in enumerate(loose))
    result = run(wanted(), device="cpu", task=task(joined))
    assert set(result.groups) == {4}
    assert result.accuracy == 1.0


def test_what_was_learnt_is_asked_of_both_labels_where_they_come_in_turn(monkeypatch):
    """Labels 0, 1, 0, 1 …: every second text would have one of them alone."""
    monkeypatch.setattr(finetune, "LEARNT", 100)
    work = Finetuning(wanted(), task(), CPU)
    work.parts["train"] = labelled_texts(byte_tokenizer(), list(sentences(400)), 48)
    assert work.parts["train"].labels.tolist() == [0, 1] * 200
    monkeypatch.setattr(finetune, "answers", lambda model, texts: torch.tensor([[0.0, -9.0]]).expand(len(texts.ids), 2))
    assert 0.35 < work.learnt() < 0.65
