"""The loop against a bare one, written out; its rate; batches in parts; and what stops it."""

import math
import random
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from nearlinear.errors import InputError
from nearlinear.train.batches import Batches
from nearlinear.train.loop import Diverged, check_losses, rate_at, train
from nearlinear.train.losses import Loss
from nearlinear.train.models import fresh_model
from nearlinear.train.parallel import Processes

from .made import BLOCKS, small_texts, spec

V = 256


@pytest.fixture(scope="module")
def windows():
    return small_texts().train.windows


def trained(windows, of, *, stops=(20,), dtype=torch.float32, **how):
    """(events, model) of a specification."""
    model = fresh_model(of, V).to(dtype)
    masked = {"mask_id": V, "mask_share": of.reading.mask_share} if of.reading.task == "masked" else {}
    batches = Batches(windows, of.recipe.batch, seed=of.order_seed, **masked)
    return list(train(model, batches, of.recipe, stops, **how)), model


def bare(windows, of, optimiser_of):
    """Twenty steps as anyone would write them: no batches of ours, no rate of ours, no groups of ours."""
    model, r = fresh_model(of, V).train(), of.recipe
    order = list(range(len(windows)))
    random.Random(f"order {of.order_seed} 0").shuffle(order)
    matrices = [p for p in model.parameters() if p.ndim == 2]
    rest = [p for p in model.parameters() if p.ndim != 2]
    optimiser, losses, norms = optimiser_of(matrices, rest, r), [], []
    for step in range(r.steps):
        ids = windows[order[step * r.batch : (step + 1) * r.batch]].long()
        states = model.model(ids, use_cache=False).last_hidden_state[:, :-1]
        loss = F.cross_entropy(F.linear(states, model.model.embed.weight).flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(matrices + rest, r.clip).item())
        for group in optimiser.param_groups:
            group["lr"] = r.lr if step == 0 else r.lr * (20 - step) / 20  # warm_up=0.05: one step
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    return losses, norms, model


def fused(matrices, rest, r):
    groups = [{"params": matrices, "weight_decay": r.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=r.lr, betas=r.betas, eps=r.eps, fused=True)


class Plain:
    """AdamW from its equations (Loshchilov & Hutter, arXiv 1711.05101, algorithm 2)."""

    def __init__(self, matrices, rest, r):
        self.param_groups = [{"params": matrices, "decay": r.weight_decay}, {"params": rest, "decay": 0.0}]
        self.r, self.t, self.moments = r, 0, {}

    @torch.no_grad()
    def step(self):
        self.t += 1
        b1, b2 = self.r.betas
        for group in self.param_groups:
            for p in group["params"]:
                m, v = self.moments.get(p, (0, 0))
                m, v = b1 * m + (1 - b1) * p.grad, b2 * v + (1 - b2) * p.grad**2
                self.moments[p] = m, v
                p -= group["lr"] * group["decay"] * p
                p -= group["lr"] * (m / (1 - b1**self.t)) / ((v / (1 - b2**self.t)).sqrt() + self.r.eps)

    def zero_grad(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None


@pytest.mark.parametrize("block", BLOCKS)
def test_it_is_a_bare_loop_to_the_last_bit(windows, block):
    of = spec(block, clip=0.98, weight_decay=0.3, betas=(0.85, 0.97), eps=1e-7)
    events, model = trained(windows, of, stops=range(1, 21))
    losses, norms, expected = bare(windows, of, fused)
    assert [event.step for event in events] == list(range(1, 21))
    assert [event.loss for event in events] == losses
    assert [event.grad_norm for event in events] == norms
    assert min(norms) < of.recipe.clip < max(norms)  # it clips, and not always
    for (name, weight), other in zip(model.named_parameters(), expected.parameters(), strict=True):
        assert torch.equal(weight, other), name


def test_its_optimiser_is_the_one_of_the_equations(windows):
    of = spec("sas", clip=0.7, weight_decay=0.3, betas=(0.85, 0.97), eps=1e-7)
    events, _ = trained(windows, of, stops=range(1, 21))
    assert [event.loss for event in events] == pytest.approx(bare(windows, of, Plain)[0], rel=2e-6)


def test_an_event_is_the_mean_since_the_one_before_and_asks_the_caller(windows):
    each, _ = trained(windows, spec(), stops=range(1, 21))
    asked = []
    some, _ = trained(windows, spec(), stops=(3, 10, 20), look=lambda step: asked.append(step) or {"at": step})
    assert [event.step for event in some] == asked == [3, 10, 20]
    assert [dict(event.seen) for event in some] == [{"at": 3}, {"at": 10}, {"at": 20}]
    for event, rows in zip(some, (each[:3], each[3:10], each[10:]), strict=True):
        assert event.loss == pytest.approx(sum(row.loss for row in rows) / len(rows), rel=1e-12)
        assert event.grad_norm == pytest.approx(sum(row.grad_norm for row in rows) / len(rows), rel=1e-12)
    assert 0 < some[0].seconds < some[1].seconds < some[2].seconds


def test_looking_changes_nothing(windows):
    """Not even a look that leaves the model in eval mode and draws random numbers."""
    plain, model = trained(windows, spec())

    def look(_step):
        torch.rand(3)
        return {}

    looked_at, other = trained(windows, spec(), stops=range(1, 21), look=look)
    assert sum(event.loss for event in looked_at) / 20 == pytest.approx(plain[0].loss, rel=1e-12)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize(("steps", "warm_up", "warm"), [(100, 0.05, 5), (20, 0.05, 1), (10, 0.0, 1), (40, 0.5, 20)])
def test_the_rate_rises_in_a_straight_line_to_its_peak_and_falls_to_nothing(schedule, steps, warm_up, warm):
    r = spec(lr=0.4, steps=steps, warm_up=warm_up, schedule=schedule).recipe
    rates = [rate_at(r, k) for k in range(steps + 1)]
    assert rates[:warm] == pytest.approx([0.4 * (k + 1) / warm for k in range(warm)], rel=1e-12)
    assert rates[warm - 1] == max(rates) == 0.4
    assert rates[steps] == pytest.approx(0, abs=1e-15)  # there is no such step
    falling = rates[warm - 1 :]
    assert all(a > b > -1e-15 for a, b in pairwise(falling))
    n = len(falling) - 1
    shape = [1 - k / n if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * k / n)) for k in range(n + 1)]
    assert falling == pytest.approx([0.4 * each for each in shape], abs=1e-12)
    assert rates[steps - 1] > 0


def test_a_run_that_is_all_warm_up_ends_at_its_peak():
    r = spec(steps=4, warm_up=0.99, lr=0.4).recipe
    assert [rate_at(r, k) for k in range(4)] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert rate_at(spec(steps=1, lr=0.4).recipe, 0) == 0.4


def test_the_rate_of_every_group_is_set_at_every_step(windows, monkeypatch):
    rates, step = [], torch.optim.AdamW.step
    monkeypatch.setattr(
        torch.optim.AdamW, "step", lambda self: rates.append([g["lr"] for g in self.param_groups]) or step(self)
    )
    of = spec("v-skipinit", value_rate=0.25)
    trained(windows, of)
    assert [max(row) for row in rates] == [rate_at(of.recipe, k) for k in range(20)]
    assert all(sorted(row)[0] == pytest.approx(0.25 * max(row)) for row in rates)


@pytest.mark.parametrize("task", ["causal", "masked"])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_a_batch_in_parts_is_the_batch(windows, task, dtype, close):
    of = {parts: spec("sas", task=task, parts=parts, lr=1e-3) for parts in (1, 2, 4)}
    (whole, model), *others = (trained(windows, of[n], stops=range(1, 21), dtype=dtype) for n in of)
    for events, other in others:
        for name in ("loss", "grad_norm"):
            expected = [getattr(event, name) for event in whole]
            assert [getattr(event, name) for event in events] == pytest.approx(expected, rel=close)
        for a, b in zip(model.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=max(close, 1e-12) * 10)


class Two(Processes):
    """What one of two processes would know."""

    n, rank = 2, 0

    def __init__(self):
        pass


@pytest.mark.parametrize(("batch", "parts", "processes"), [(4, 3, 1), (6, 4, 1), (6, 2, 2), (3, 1, 2), (1, 2, 1)])
def test_a_batch_that_cannot_be_cut_is_one_sentence(windows, batch, parts, processes):
    with pytest.raises(InputError) as caught:
        trained(windows, spec(batch=batch, parts=parts), processes=Two() if processes == 2 else None)
    assert str(caught.value) == (
        f"a batch of {batch} windows cannot be cut into {parts} parts on each of {processes} processes: "
        "choose numbers that divide it"
    )


class Breaking(Loss):
    """A loss that is multiplied by something from its `at`-th call on."""

    def __init__(self, model, at, factor):
        super().__init__(model)
        self.at, self.factor, self.calls = at, factor, 0

    def forward(self, batch):
        self.calls += 1
        return super().forward(batch) * (self.factor if self.calls >= self.at else 1.0)


@pytest.mark.parametrize(
    ("factor", "says"),
    [
        (math.nan, "is no longer a number"),
        (math.inf, "is no longer a number"),
        (3.0, r"is \d+(\.\d+)?, far above blind guessing,"),
    ],
)
def test_a_loss_that_breaks_stops_the_run_and_names_the_step(windows, factor, says):
    with pytest.raises(Diverged, match=rf"^the loss {says} at step 8: take a learning rate below 0.003$"):
        trained(windows, spec(lr=0.003), stops=(5, 10, 20), loss_of=lambda model: Breaking(model, 8, factor))
    trained(windows, spec(lr=0.003), stops=(5, 10, 20), loss_of=lambda model: Breaking(model, 8, 1.0))


def test_what_was_written_down_before_it_broke_has_been_seen(windows):
    looked_at = []
    with pytest.raises(Diverged, match="at step 12"):
        trained(
            windows, spec(), stops=(5, 10, 20), loss_of=lambda model: Breaking(model, 12, math.nan),
            look=lambda step: looked_at.append(step) or {},
        )  # fmt: skip
    assert looked_at == [5, 10]


def test_the_limit_is_one_and_a_half_times_guessing():
    r, limit = spec().recipe, 1.5 * math.log(V)
    check_losses(torch.tensor([limit - 1e-6, 0.0]), 0, r, V)
    with pytest.raises(Diverged, match="at step 42:"):
        check_losses(torch.tensor([1.0, limit + 1e-6, math.nan]), 40, r, V)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_learns_the_same_and_keeps_its_weights_in_float32(windows, precision):
    of = spec("sas", L=1, steps=10)
    whole, _ = trained(windows, of, stops=(5, 10))
    mixed, model = trained(windows, spec("sas", L=1, steps=10, precision=precision), stops=(5, 10))
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    losses = [[event.loss for event in events] for events in (whole, mixed)]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=2e-2)
    assert (mixed[-1].scaler == {}) is (precision == "bf16")
