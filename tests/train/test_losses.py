"""The loss against a plain forward pass, and held-out losses that do not depend on how they were computed."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nearlinear.train import losses
from nearlinear.train.batches import Batches, asked_next, hidden
from nearlinear.train.losses import Loss, window_losses
from nearlinear.train.models import fresh_model
from nearlinear.train.texts import Part

from .made import reading, small_texts, spec

V = 256


@pytest.fixture(scope="module")
def texts():
    return small_texts()


def model_of(task="causal", *, seed=0):
    """Weights far from where they start, so that a wrong place or answer shows."""
    model = fresh_model(spec("pre-ln", task=task, seed=seed, std=0.5), V).double()
    return model


def log_losses(model, read, asked):
    """−log p of the tokens that are asked for, (B, n), by a plain pass over all: `asked[b]` is {place: answer}."""
    log_p = model(read).logits.log_softmax(-1)
    return torch.stack([torch.stack([-log_p[b, i, a] for i, a in row.items()]) for b, row in enumerate(asked)])


def next_tokens(ids):
    return [{i: row[i + 1].item() for i in range(len(row) - 1)} for row in ids]


def hidden_tokens(read, ids):
    return [{i: ids[b, i].item() for i in range(ids.shape[1]) if read[b, i] == V} for b in range(len(ids))]


def test_the_causal_loss_is_that_of_every_next_token(texts):
    model, batch = model_of(), Batches(texts.train.windows, 4, seed=0)[0]
    plain = log_losses(model, batch.ids, next_tokens(batch.ids))
    assert plain.shape == (4, 31)
    torch.testing.assert_close(Loss(model)(batch), plain.mean(), rtol=1e-12, atol=0)
    theirs = model(batch.ids, labels=batch.ids).loss  # in float32
    torch.testing.assert_close(Loss(model)(batch).float(), theirs.float(), rtol=1e-6, atol=0)


def test_the_masked_loss_is_that_of_the_hidden_tokens(texts):
    model, ids = model_of("masked"), texts.train.windows[:4].long()
    batch = hidden(ids, V, 0.25, seed=3)
    plain = log_losses(model, batch.ids, hidden_tokens(batch.ids, ids))
    assert plain.shape == (4, 8)
    torch.testing.assert_close(Loss(model)(batch), plain.mean(), rtol=1e-12, atol=0)


def test_an_untrained_model_knows_no_more_than_chance_and_the_right_answer_costs_nothing(texts):
    model = fresh_model(spec(std=1e-6), V)
    assert window_losses(model, texts.evaluate, reading()).mean() == pytest.approx(np.log(V), abs=1e-3)

    class Oracle(Loss):
        def logits(self, batch):
            return 40.0 * F.one_hot(batch.answers, V)

    assert float(Oracle(model)(asked_next(texts.train.windows[:4].long()))) < 1e-9


@torch.no_grad()
@pytest.mark.parametrize("task", ["causal", "masked"])
def test_the_loss_of_a_window_is_its_own(texts, task):
    model, ids = model_of(task), texts.evaluate.windows.long()
    found = window_losses(model, texts.evaluate, reading(task=task))
    assert found.shape == (len(ids),)
    assert found.dtype == np.float64
    read = ids if task == "causal" else hidden(ids, V, 0.25, seed=0).ids
    plain = log_losses(model, read, next_tokens(ids) if task == "causal" else hidden_tokens(read, ids))
    np.testing.assert_allclose(found, plain.mean(1).numpy(), rtol=1e-11)


def test_how_many_windows_are_evaluated_at_once_changes_nothing(texts, monkeypatch):
    model = model_of()
    whole = window_losses(model, texts.evaluate, reading())
    for at_once in (1, 100, 200):
        monkeypatch.setattr(losses, "EVALUATED_AT_ONCE", at_once)
        np.testing.assert_allclose(window_losses(model, texts.evaluate, reading()), whole, rtol=1e-11)


def test_the_same_tokens_are_hidden_at_every_evaluation_and_the_model_is_left_as_it_was(texts):
    model, masked = model_of("masked"), reading(task="masked")
    state = torch.get_rng_state()
    for mode in (True, False):
        model.train(mode)
        first = window_losses(model, texts.evaluate, masked)
        torch.manual_seed(11 + mode)
        np.testing.assert_array_equal(window_losses(model, texts.evaluate, masked), first)
        assert model.training is mode
    torch.set_rng_state(state)
    assert all(weight.grad is None for weight in model.parameters())


def test_more_hidden_tokens_are_other_losses(texts):
    model = model_of("masked")
    few, many = (window_losses(model, texts.evaluate, reading(task="masked", mask_share=share)) for share in (0.1, 0.5))
    assert not np.allclose(few, many)


def test_parts_of_several_batches_stand_in_order(texts, monkeypatch):
    monkeypatch.setattr(losses, "EVALUATED_AT_ONCE", 160)  # 5 windows
    model, n = model_of(), len(texts.evaluate.windows)
    assert n % 5
    backwards = Part(texts.evaluate.windows.flip(0), texts.evaluate.documents.flip(0))
    np.testing.assert_allclose(
        window_losses(model, backwards, reading())[::-1], window_losses(model, texts.evaluate, reading()), rtol=1e-11
    )
