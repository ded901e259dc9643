"""Finetuning on planted tasks: what must be learnt, what cannot be, and what a kill, padding or a huge rate does."""

import math
import random

import pytest
import torch

from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.inputs.task_examples import Example, parted
from nearlinear.inputs.tasks import Task, TaskCard
from nearlinear.inputs.tiny import byte_tokenizer
from nearlinear.inputs.twin import state_sha256
from nearlinear.results import making
from nearlinear.results.finetuning import FinetuneRun, FinetuneSpec
from nearlinear.results.store import load_or_run, spec_sha256
from nearlinear.results.training import Recipe
from nearlinear.train import classify, finetune
from nearlinear.train import kept as kept_module
from nearlinear.train.classify import ClassifierLoss, LabelledBatch, LabelledBatches, answers, labelled_texts
from nearlinear.train.finetune import Finetuning, classifier, finetuned, run, run_folder
from nearlinear.train.kept import kept
from nearlinear.train.models import fresh_model

from .made import BLOCKS, cache, small_texts, spec

ROPE = (("positions", "rope"),)
CPU = torch.device("cpu")


def sentences(n, *, seed=0):
    """Half of them have a z among their letters, and half a q; nothing else tells them apart."""
    draw = random.Random(seed)
    for k in range(n):
        words = ["".join(draw.choices("abcdefg", k=draw.randrange(2, 7))) for _ in range(draw.randrange(2, 8))]
        words.insert(draw.randrange(len(words)), "zq"[k % 2] * 2)
        yield Example((" ".join(words),), k % 2, f"{seed} {k}")


def task(examples=None, *, labels=("z", "q")) -> Task:
    card = TaskCard("is it z or q?", "ours", "ours", "planted", "", labels, lambda seed: parted(examples, seed))
    return Task("planted", card, *parted(tuple(examples or sentences(300)), 0))


def wanted(
    block="sas-p", *, pretrained=0, labels="true", seed=0, steps=60, lr=1e-2, every=20, **fields
) -> FinetuneSpec:
    model = spec(block, task="masked", options=ROPE)
    recipe = Recipe(steps=steps, batch=16, lr=lr, warm_up=0.1, **fields)
    return FinetuneSpec(
        model=model, pretrained=pretrained, task="planted", labels=labels, T=48, recipe=recipe, seed=seed, every=every
    )


@pytest.fixture(scope="module")
def texts():
    return small_texts(task="masked")


@pytest.fixture(autouse=True)
def own_place(tmp_path, texts, monkeypatch):
    """An empty cache, and one small text and one planted task whatever is asked for."""
    monkeypatch.setattr(kept_module, "texts_of", lambda reading, T: texts)
    monkeypatch.setattr(finetune, "_task", lambda name, seed: task())
    with cache(tmp_path):
        yield tmp_path


def same(a, b):
    """All of two runs but what the clock says."""
    clocks = {"seconds": True, "provenance": {"seconds", "created"}}
    assert a.model_dump_json(exclude=clocks) == b.model_dump_json(exclude=clocks)


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


@pytest.mark.parametrize("block", BLOCKS)
def test_padding_changes_nothing(block, texts):
    """A text alone, beside a longer one, and among many: the same answer."""
    pretrained = kept(wanted(block).model, 0, device="cpu", texts=texts).model
    model = classifier(pretrained, 2, seed=0).double()
    with torch.no_grad():  # away from the start, where some blocks' attention is the identity
        for weight in model.parameters():
            weight.add_(
                0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
            )
    few = labelled_texts(byte_tokenizer(), list(sentences(40)), 48)
    assert len({len(ids) for ids in few.ids}) > 5
    alone = torch.cat([classify.logits_of(model, LabelledBatch.of(few, [k])) for k in range(40)])
    together = classify.logits_of(model, LabelledBatch.of(few, range(40)))
    assert together.sub(alone).abs().max() < 1e-12
    assert together.std() > 0.01
    log = answers(model, few)
    assert log.sub(alone.log_softmax(-1)).abs().max() < 1e-12


def rows_of(batch):
    """(ids, label) of every text of a batch, without padding."""
    pairs = zip(batch.ids, batch.mask, strict=True)
    return list(zip([tuple(row[mask.bool()].tolist()) for row, mask in pairs], batch.labels.tolist(), strict=True))


@pytest.mark.parametrize("pool", [1, 3, 32])
def test_batches_hold_each_text_with_its_label_once_an_epoch(monkeypatch, pool):
    monkeypatch.setattr(classify, "POOL", pool)
    every = labelled_texts(byte_tokenizer(), list(sentences(70)), 48)
    batches = LabelledBatches(every, 8, seed=3)
    known = set(zip(every.ids, every.labels.tolist(), strict=True))
    epochs = [[rows_of(batches[step]) for step in range(8 * epoch, 8 * epoch + 8)] for epoch in (0, 1)]
    for epoch in epochs:
        found = [row for rows in epoch for row in rows]
        assert len(found) == len(set(found)) == 64
        assert known.issuperset(found)
    assert epochs[0] != epochs[1]
    assert rows_of(LabelledBatches(every, 8, seed=3)[11]) == epochs[1][3]
    assert rows_of(LabelledBatches(every, 8, seed=4)[0]) != epochs[0][0]


def test_texts_of_like_length_stand_together():
    every = labelled_texts(byte_tokenizer(), list(sentences(512)), 48)
    batches = LabelledBatches(every, 8, seed=0)
    padding = sum((1 - batches[step].mask).sum().item() for step in range(64))
    assert 0 < padding < 0.05 * every.n_tokens
    lengths = [batches[step].ids.shape[1] for step in range(64)]
    assert lengths != sorted(lengths)


def test_a_part_of_a_batch_is_some_of_its_rows():
    batch = LabelledBatches(labelled_texts(byte_tokenizer(), list(sentences(64)), 48), 16, seed=0)[2]
    assert rows_of(batch)[4:8] == rows_of(batch.rows(4, 8))
    assert (batch.step, batch.rows(4, 8).step, batch.to(CPU).step) == (2, 2, 2)


def test_too_few_examples_for_a_batch_is_one_sentence():
    few = labelled_texts(byte_tokenizer(), list(sentences(8)), 48)
    with pytest.raises(
        NotEnoughTokens, match=r"^the task has 8 examples to train on, and a batch has 16: take a smaller"
    ):
        LabelledBatches(few, 16, seed=0)


def test_long_texts_are_cut_and_counted():
    found = labelled_texts(byte_tokenizer(), [Example(("abcdef", "gh"), 1, "a"), Example(("ab",), 0, "b")], 7)
    assert (found.n_cut, found.n_tokens, found.labels.tolist()) == (1, 9, [1, 0])
    assert byte_tokenizer().decode(found.ids[0]) == "abcdef\n"


def test_parts_of_a_batch_give_the_gradient_of_the_whole(texts):
    model = classifier(kept(wanted().model, 0, device="cpu", texts=texts).model, 2, seed=0).double()
    batch = LabelledBatch.of(labelled_texts(byte_tokenizer(), list(sentences(16)), 48), range(16))
    loss = ClassifierLoss(model)
    loss(batch).backward()
    whole = [weight.grad.clone() for weight in model.parameters()]
    model.zero_grad()
    for k in range(4):
        (loss(batch.rows(4 * k, 4 * k + 4)) / 4).backward()
    for one, parts in zip(whole, model.parameters(), strict=True):
        assert torch.allclose(one, parts.grad, atol=1e-12)


@pytest.mark.parametrize("block", ["pre-ln", "sas-p"])
def test_the_pretrained_weights_are_taken_over_and_only_the_head_is_new(block, texts):
    of = wanted(block, pretrained=None)
    work = Finetuning(of, task(), CPU)
    trained = kept(of.model, device="cpu", texts=texts).model
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


def test_it_says_what_was_run(own_place):
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


def test_a_killed_run_goes_on_to_the_same_bits(own_place, monkeypatch):
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


def test_groups_of_the_test_stand_together():
    """Examples of a group that are far apart in the task come one after the other, each with its own answer."""
    loose = list(sentences(300))
    joined = tuple(Example(each.texts, each.label, str(k % 75)) for k, each in enumerate(loose))
    result = run(wanted(), device="cpu", task=task(joined))
    assert set(result.groups) == {4}
    assert result.accuracy == 1.0


def test_a_step_at_which_nobody_looked_is_one_sentence():
    with pytest.raises(InputError, match=r"^no weights are kept after 3 steps: choose one of 0, "):
        run(wanted(pretrained=3), device="cpu")
