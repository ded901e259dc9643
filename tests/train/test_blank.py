"""The blank of the study of values: two settings that are one model, so that what they differ by is the draw alone."""

import pytest
import torch

from nearlinear.results.training_studies import ablations
from nearlinear.show.values_words import BLANK
from nearlinear.train.batches import Batches
from nearlinear.train.loop import train
from nearlinear.train.models import fresh_model

from .made import small_texts

V, STEPS = 256, 6
SPECS = ablations("quick")


def model_of(name: str, weights: dict | None = None) -> torch.nn.Module:
    model = fresh_model(SPECS[f"train-quick-values-{name}-0"], V)
    if weights is not None:
        assert model.load_state_dict(weights, strict=False).unexpected_keys == []
    return model


def losses(model: torch.nn.Module, name: str) -> list[float]:
    recipe = SPECS[f"train-quick-values-{name}-0"].recipe.model_copy(update={"steps": STEPS})
    return [event.loss for event in train(model, Batches(small_texts().train.windows, 4, seed=0), recipe, range(1, 7))]


def test_from_the_same_weights_both_take_the_same_steps():
    weights = {name: tensor.clone() for name, tensor in model_of(BLANK.name).state_dict().items()}
    one, other = (losses(model_of(name, weights), name) for name in (BLANK.name, BLANK.base))
    assert one == pytest.approx(other, abs=1e-5)
    assert one[-1] < one[0] - 0.01


def test_their_own_draws_differ():
    one, other = (losses(model_of(name), name) for name in (BLANK.name, BLANK.base))
    assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 1e-3


def test_a_setting_that_differs_in_one_thing_is_no_blank():
    weights = {name: tensor.clone() for name, tensor in model_of(BLANK.name).state_dict().items()}
    one, other = (losses(model_of(name, weights), name) for name in (BLANK.name, "identity-100"))
    assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 1e-3
