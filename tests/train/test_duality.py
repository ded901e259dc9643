"""Eq. 6 as a learning rate (appendix A): β beside a rate for value and projection, through the whole loop."""

import pytest
import torch

from nearlinear.blocks.parts import Reparametrised
from nearlinear.inputs.twin import seeded
from nearlinear.results.training import Recipe
from nearlinear.train.batches import Batches
from nearlinear.train.loop import train
from nearlinear.train.models import adamw, fresh_model

from .made import small_texts, spec

V, BETAS = 256, [0.1, 0.5, 2.0]


class Values(torch.nn.Module):
    """A model that is nothing but one value matrix, for the optimiser of training."""

    def __init__(self, beta):
        super().__init__()
        self.value = Reparametrised(6, beta=beta).double()
        with seeded(3):
            self.value.initialise()

    def loss(self):
        with seeded(4):
            x, y = torch.randn(2, 20, 6, dtype=torch.float64)
        return (self.value(x).tanh() - y).square().mean()

    @property
    def beta(self):
        """As float32 has it."""
        return self.value.beta.bias_free.item()


def step_of(model, optimiser):
    """How far W moves in the first step."""
    before = model.value.weight().detach().clone()
    model.loss().backward()
    for group in optimiser.param_groups:
        group["lr"] *= group.get("rate", 1.0)
    optimiser.step()
    return model.value.weight().detach() - before


@pytest.mark.parametrize("beta", BETAS)
def test_a_step_of_sgd_moves_w_by_beta_squared_times_the_rate(beta):
    scaled, plain = Values(beta), Values(1.0)
    found = step_of(scaled, torch.optim.SGD(scaled.parameters(), lr=0.5))
    expected = step_of(plain, torch.optim.SGD(plain.parameters(), lr=0.5))
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(found, scaled.beta**2 * expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("beta", BETAS)
def test_the_first_step_of_adamw_moves_w_by_beta_times_the_rate(beta):
    scaled, plain = Values(beta), Values(1.0)
    recipe = Recipe(lr=0.01, eps=1e-12)
    found, expected = (step_of(model, adamw(model, recipe)) for model in (scaled, plain))
    torch.testing.assert_close(found, scaled.beta * expected, rtol=1e-7, atol=0)
    torch.testing.assert_close(expected.abs(), torch.full((6, 6), 0.01).double(), rtol=1e-7, atol=0)
    rated = step_of(plain := Values(1.0), adamw(plain, recipe.model_copy(update={"value_rate": scaled.beta})))
    torch.testing.assert_close(found, rated, rtol=1e-7, atol=0)


def learnt(windows, **fields):
    """(losses, the matrices W of every block) after ten steps in float64 in which nothing but rates differ."""
    exact = {"eps": 1e-20, "weight_decay": 0.0, "clip": 1e9, "lr": 3e-3, "steps": 10}
    of = spec("v-skipinit", **(exact | fields))
    model = fresh_model(of, V).double()
    events = list(train(model, Batches(windows, 4, seed=0), of.recipe, range(1, 11)))
    return [event.loss for event in events], [
        part.weight().detach() for block in model.model.layers for part in (block.value, block.project)
    ]


@pytest.mark.parametrize("beta", [0.125, 2.0])
def test_a_model_with_beta_learns_as_one_with_that_rate(beta):
    """β is a power of two, so that float32 has it; Adam's moments then differ by the size of gradients alone."""
    windows = small_texts().train.windows
    losses, found = learnt(windows, options=(("vp_beta", beta),))
    rated, expected = learnt(windows, value_rate=beta)
    plain, others = learnt(windows)
    assert losses == pytest.approx(rated, rel=1e-9)
    for W, other in zip(found, expected, strict=True):
        torch.testing.assert_close(W, other, rtol=0, atol=1e-8)
    assert max(abs(a - b) for a, b in zip(losses, plain, strict=True)) > 1e-4
    assert max((a - b).abs().max() for a, b in zip(found, others, strict=True)) > 1e-3


def test_the_duality_does_not_hold_with_weight_decay():
    """The rate of a group multiplies its decay too, and β does not: so a study of one is not quite one of the other."""
    windows, decay = small_texts().train.windows, {"weight_decay": 5.0}
    losses, _ = learnt(windows, options=(("vp_beta", 0.125),), **decay)
    rated, _ = learnt(windows, value_rate=0.125, **decay)
    assert max(abs(a - b) for a, b in zip(losses, rated, strict=True)) > 1e-6
