"""Batches of labelled texts, their loss and answers: padding, order and parts change nothing."""

import pytest
import torch

from nearlinear.errors import NotEnoughTokens
from nearlinear.inputs.task_examples import Example
from nearlinear.inputs.tiny import byte_tokenizer
from nearlinear.train import classify
from nearlinear.train.classify import ClassifierLoss, LabelledBatch, LabelledBatches, answers, labelled_texts, right
from nearlinear.train.finetune import classifier
from nearlinear.train.kept import kept

from .finetune_made import CPU, masked_texts, sentences, wanted
from .made import BLOCKS


def rows_of(batch):
    """(ids, label) of every text of a batch, without padding."""
    pairs = zip(batch.ids, batch.mask, strict=True)
    return list(zip([tuple(row[mask.bool()].tolist()) for row, mask in pairs], batch.labels.tolist(), strict=True))


@pytest.mark.parametrize("block", BLOCKS)
def test_padding_changes_nothing(block):
    """A text alone, beside a longer one, and among many: the same answer."""
    pretrained = kept(wanted(block).model, 0, device="cpu", texts=masked_texts()).model
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


def test_parts_of_a_batch_give_the_gradient_of_the_whole():
    model = classifier(kept(wanted().model, 0, device="cpu", texts=masked_texts()).model, 2, seed=0).double()
    batch = LabelledBatch.of(labelled_texts(byte_tokenizer(), list(sentences(16)), 48), range(16))
    loss = ClassifierLoss(model)
    loss(batch).backward()
    whole = [weight.grad.clone() for weight in model.parameters()]
    model.zero_grad()
    for k in range(4):
        (loss(batch.rows(4 * k, 4 * k + 4)) / 4).backward()
    for one, parts in zip(whole, model.parameters(), strict=True):
        assert torch.allclose(one, parts.grad, atol=1e-12)


def test_an_answer_that_is_no_number_is_never_right():
    few = labelled_texts(byte_tokenizer(), list(sentences(4)), 48)  # labels 0, 1, 0, 1
    found = torch.tensor([[-0.1, -2.0], [-0.1, -2.0], [torch.nan, torch.nan], [-2.0, -0.1]])
    assert right(found, few).tolist() == [True, False, False, True]


def test_a_text_without_tokens_is_read_beside_others():
    few = labelled_texts(byte_tokenizer(), [Example(("",), 0, "a"), Example(("ab",), 1, "b")], 8)
    model = classifier(kept(wanted().model, 0, device="cpu", texts=masked_texts()).model, 2, seed=0)
    assert answers(model, few).isfinite().all()
