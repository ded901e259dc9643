"""Terms beside the loss: their slow twins, what they do to a model, and that a term of nothing changes no bit."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nearlinear.errors import InputError
from nearlinear.measure.residual import watching
from nearlinear.results.drift import Cosine, Squared
from nearlinear.train.batches import Batches
from nearlinear.train.families import family_model
from nearlinear.train.loop import Diverged, train
from nearlinear.train.losses import Loss
from nearlinear.train.regularise import BETWEEN, RegularisedLoss, moved, turned

from .drift_made import drift
from .made import small_texts

V = 256
THREE = ("llama", "gpt-neox", "sas")
BOTH = (Cosine, Squared)


@pytest.fixture(scope="module")
def windows():
    return small_texts().train.windows


def model_of(family="llama", seed=0, **fields):
    return family_model(drift(family, seed=seed, **fields), V)


def go(windows, regulariser=None, *, family="llama", stops=(5, 10, 15, 20), look=None, **fields):
    """(events, model, losses' module) of 20 steps."""
    of, made = drift(family, **fields), []
    model = family_model(of, V)

    def loss_of(m):
        made.append(RegularisedLoss(m, regulariser) if regulariser else Loss(m))
        return made[0]

    seen = look or (lambda step: {"term": made[0].mean_term()} if regulariser else {})
    events = list(train(model, Batches(windows, 4, seed=0), of.recipe, stops, loss_of=loss_of, look=seen))
    return events, model, made[0]


def states_of(model, ids):
    """h_0 … h_L, by the slow way: the last one with the final norm taken out."""
    body = model.base_model
    name = next(n for n in ("norm", "final_layer_norm", "final_norm") if isinstance(getattr(body, n, None), nn.Module))
    norm = getattr(body, name)
    states = list(body(ids, output_hidden_states=True, use_cache=False).hidden_states[:-1])
    setattr(body, name, nn.Identity())
    last = body(ids, use_cache=False).last_hidden_state
    setattr(body, name, norm)
    return [*states, last]


def slow_term(states, kind):
    """Token by token."""
    total = 0
    for x, y in pairwise(states):
        tokens = list(zip(x.flatten(0, 1), y.flatten(0, 1), strict=True))
        if kind is Cosine:
            total = total + sum(1 - F.cosine_similarity(a, b, dim=0) for a, b in tokens) / len(tokens)
        else:
            total = total + sum(((b - a) ** 2).sum() for a, b in tokens) / len(tokens)
    return total


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("family", THREE)
def test_the_gradient_is_that_of_loss_and_term_written_out(windows, family, kind):
    ours, theirs = (model_of(family).double() for _ in range(2))
    batch = Batches(windows, 2, seed=0)[0]
    loss = RegularisedLoss(ours, kind(strength=0.7))
    value = loss(batch)
    value.backward()
    plain = Loss(theirs)(batch)
    term = slow_term(states_of(theirs, batch.ids), kind)
    (plain + 0.7 * term).backward()
    assert value.item() == plain.item()
    assert loss.mean_term() == pytest.approx(term.item(), rel=1e-12)
    for (name, one), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6, msg=name)  # norms in float32
    assert not any(module._forward_hooks for module in ours.modules())


def test_planted_states():
    x = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [1.0, 0.0]]])
    y = torch.tensor([[[3.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]])
    assert turned(x, y).item() == pytest.approx((0 + 1 + 2) / 3)
    assert moved(x, y).item() == pytest.approx((4 + 5 + 4) / 3)
    nought = torch.zeros(1, 1, 2, requires_grad=True)
    turned(nought, x[:, :1]).backward()
    assert nought.grad.isfinite().all()


def test_half_precision_is_widened():
    x = torch.full((1, 1, 64), 300.0, dtype=torch.float16)  # its squared length is no float16
    assert moved(x, -x).item() == 64 * 600.0**2
    assert turned(x, x).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("family", THREE)
def test_a_term_of_nothing_changes_no_bit(windows, family, kind):
    plain, without, _ = go(windows, family=family)
    measured, with_it, _ = go(windows, kind(strength=0.0), family=family)
    assert [(e.loss, e.grad_norm) for e in measured] == [(e.loss, e.grad_norm) for e in plain]
    for one, other in zip(with_it.parameters(), without.parameters(), strict=True):
        assert torch.equal(one, other)
    assert all(event.seen["term"] > 0 for event in measured)


@pytest.mark.parametrize(("kind", "strength"), [(Cosine, 2.0), (Squared, 2.0)])
def test_a_term_brings_states_nearer(windows, kind, strength):
    """The planted answer: a term that is lowered gets lower than where it is only measured."""
    (*_, free), _, _ = go(windows, kind(strength=0.0))
    (*_, pulled), _, _ = go(windows, kind(strength=strength))
    assert pulled.seen["term"] < 0.5 * free.seen["term"]
    assert pulled.loss < 5


def test_a_pull_towards_noise_brings_neighbours_no_nearer(windows, monkeypatch):
    """The control: as strong a term, between each state and a random one."""
    draw = torch.Generator().manual_seed(0)

    def to_noise(_x, y):
        return turned(y, torch.randn(y.shape, generator=draw))

    def angle(model):
        loss = RegularisedLoss(model, Cosine(strength=0.0))
        loss(Batches(windows, 4, seed=0)[0])
        return loss.mean_term()

    free, pulled = (go(windows, Cosine(strength=strength))[1] for strength in (0.0, 2.0))
    with monkeypatch.context() as patch:
        patch.setitem(BETWEEN, Cosine, to_noise)
        astray = go(windows, Cosine(strength=2.0))[1]
    assert angle(pulled) < 0.5 * angle(free)
    assert angle(astray) > 0.8 * angle(free)


def test_loss_and_term_are_written_down_apart(windows):
    """The curve is of the loss alone, whatever λ adds; the term is the mean of Σ over the steps since the last stop."""
    one, _, _ = go(windows, Squared(strength=0.01), stops=(1, 2, 20))
    each, _, _ = go(windows, Squared(strength=0.01), stops=range(1, 21))
    assert [event.loss for event in one[:2]] == [event.loss for event in each[:2]]
    assert one[-1].loss == pytest.approx(sum(event.loss for event in each[2:]) / 18, rel=1e-6)
    assert one[-1].seen["term"] == pytest.approx(sum(event.seen["term"] for event in each[2:]) / 18, rel=1e-6)
    plain, _, _ = go(windows, stops=(1,))
    assert each[0].loss == plain[0].loss  # before the first step nothing has been pulled yet


def test_a_mean_over_nothing_is_no_number(windows):
    loss = RegularisedLoss(model_of(), Cosine(strength=1.0))
    assert math.isnan(loss.mean_term())
    loss(Batches(windows, 4, seed=0)[0])
    assert loss.mean_term() > 0
    assert math.isnan(loss.mean_term())


@pytest.mark.parametrize("kind", BOTH)
def test_a_batch_in_parts_comes_to_the_same(windows, kind):
    whole, in_one, _ = go(windows, kind(strength=0.5), precision="float64")
    parted, in_four, _ = go(windows, kind(strength=0.5), precision="float64", parts=4)
    for a, b in zip(whole, parted, strict=True):
        assert (a.loss, a.grad_norm) == pytest.approx((b.loss, b.grad_norm), rel=1e-4)
        assert a.seen["term"] == pytest.approx(b.seen["term"], rel=1e-4)
    for one, other in zip(in_one.parameters(), in_four.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-3)


def test_a_large_term_does_not_stop_training(windows):
    """A term far above blind guessing is no divergence: the loss that is learnt decides."""
    model = model_of()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3 if weight.ndim == 2 else 1)
    loss = RegularisedLoss(model, Squared(strength=2.0))
    assert loss(Batches(windows, 4, seed=0)[0]).item() < 1.5 * math.log(V) < 2.0 * loss.mean_term()


@pytest.mark.parametrize("where", ["term", "loss"])
def test_what_is_no_number_stops_and_names_the_step(windows, where, monkeypatch):
    """A term that breaks breaks the loss, whose value it otherwise leaves alone."""
    calls = []

    def breaking(x, y):
        calls.append(1)
        return turned(x, y) * (math.nan if len(calls) > 2 * 7 else 1.0)  # two blocks: from the eighth step on

    monkeypatch.setitem(BETWEEN, Cosine, breaking)
    if where == "loss":
        monkeypatch.setitem(BETWEEN, Cosine, turned)
        forward = Loss.forward
        monkeypatch.setattr(Loss, "forward", lambda self, b: calls.append(1) or forward(self, b) * (
            math.nan if len(calls) > 7 else 1.0))  # fmt: skip
    with pytest.raises(Diverged, match=r"^the loss is no longer a number at step 8: take a learning rate below 0\.01$"):
        go(windows, Cosine(strength=0.5))


@pytest.mark.parametrize("strength", [-0.1, -1e-9, math.nan, math.inf])
def test_a_strength_below_zero_or_none_is_refused(strength):
    term = Cosine.model_construct(strength=strength)
    with pytest.raises(InputError, match=r"^a regulariser of strength \S+ has no least value: take zero, or") as caught:
        RegularisedLoss(model_of(), term)
    assert "\n" not in str(caught.value)


def test_the_last_state_is_before_the_final_norm(windows):
    """The final norm's gain changes no term."""
    model, batch = model_of(), Batches(windows, 4, seed=0)[0]
    loss, terms = RegularisedLoss(model, Squared(strength=1.0)), []
    for gain in (1.0, 5.0):
        with torch.no_grad():
            model.model.norm.weight.fill_(gain)
        loss(batch)
        terms.append(loss.mean_term())
    assert terms[0] == terms[1]
    seen = []
    with watching(model, lambda layer, x, y: seen.append(layer)):
        loss(batch)
    assert seen == [0, 1]
