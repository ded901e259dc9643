"""Looks at models whose gains and matrices were set by hand, and documents by the tokens they have."""

import math

import numpy as np
import pytest
import torch

from nearlinear.blocks.parts import Gain
from nearlinear.train.looking import by_document, gains_of, look_at, moved_of
from nearlinear.train.losses import window_losses
from nearlinear.train.models import fresh_model
from nearlinear.train.texts import Part

from .made import BLOCKS, T, reading, small_texts, spec

V = 256
SHAPED = {"attn.alpha", "attn.beta", "attn.gamma"}


def model_of(block, **fields):
    return fresh_model(spec(block, L=3, **fields), V)


@pytest.mark.parametrize(
    ("block", "options", "names"),
    [
        ("pre-ln", (), set()),
        ("parallel", (), set()),
        ("sas", (), SHAPED | {"beta_ff"}),
        ("sas-p", (), SHAPED | {"beta_ff", "beta_sa"}),
        ("sas-p-no-norm", (), SHAPED | {"beta_ff", "beta_sa"}),
        ("v-skipinit", (), SHAPED | {"beta_ff"}),
        ("v-skipinit", (("attention_shape", "value-skip"),), {"attn.alpha", "attn.beta", "beta_ff"}),
        (
            "v-skipinit",
            (("vp_train_gains", True),),
            SHAPED | {"beta_ff", "value.alpha", "value.beta", "project.alpha", "project.beta"},
        ),
    ],
)
def test_every_trained_gain_is_found_and_no_fixed_one(block, options, names):
    model = model_of(block, options=options)
    with torch.no_grad():
        for k, part in enumerate(m for m in model.modules() if isinstance(m, Gain)):
            part.bias_free.copy_(k + torch.arange(part.bias_free.numel()) / 10)
    found = gains_of(model)
    assert found.keys() == names
    for name, rows in found.items():
        assert [row.tolist() for row in rows] == [
            block.get_submodule(name).bias_free.double().tolist() for block in model.model.layers
        ]


def test_a_look_says_mean_and_spread_over_heads():
    model = model_of("sas")
    with torch.no_grad():
        for k, block in enumerate(model.model.layers):
            block.attn.beta.bias_free.copy_(torch.tensor([k + 0.0, k + 4.0]))
            block.beta_ff.bias_free.fill_(0.25 * k)
    part = small_texts().evaluate
    look = look_at(model, 7, part, reading())
    assert look.step == 7
    assert look.gains["attn.beta"] == (2.0, 3.0, 4.0)
    assert look.spread["attn.beta"] == (2.0, 2.0, 2.0)
    assert look.gains["beta_ff"] == (0.0, 0.25, 0.5)
    assert "beta_ff" not in look.spread
    assert look.gains["attn.alpha"] == (1.0, 1.0, 1.0)
    assert look.loss == pytest.approx(window_losses(model, part, reading()).mean(), rel=1e-5)


def test_how_far_matrices_have_moved():
    model = model_of("v-skipinit", options=(("vp_alpha", 2.0), ("vp_beta", 0.5)))
    with torch.no_grad():
        model.model.layers[1].value.delta.weight.fill_(3.0)  # ‖ΔW‖ = 3 d
        model.model.layers[2].project.delta.weight.fill_(-1.0)
    moved = moved_of(model)  # ‖W_init‖ = √d, for it is orthogonal
    assert moved["value"] == pytest.approx((0.0, 0.5 * 48 / (2 * 4), 0.0), rel=1e-5)
    assert moved["project"] == pytest.approx((0.0, 0.0, 0.5 * 16 / (2 * 4)), rel=1e-5)
    assert moved.keys() == {"value", "project"}


def test_trained_gains_count_and_a_sign_does_not():
    model = model_of("v-skipinit", options=(("vp_train_gains", True),))
    with torch.no_grad():
        part = model.model.layers[0].value
        part.delta.weight.fill_(1.0)
        part.beta.bias_free.fill_(-0.3)
        part.alpha.bias_free.fill_(-2.0)
    assert moved_of(model)["value"][0] == pytest.approx(0.3 * 16 / (2 * 4), rel=1e-5)


@pytest.mark.parametrize("block", ["sas", "sas-p", "sas-p-no-norm"])
def test_the_first_value_stands_alone(block):
    model = model_of(block)
    with torch.no_grad():
        model.model.layers[0].attn.value.delta.weight.fill_(0.5)
    moved = moved_of(model)
    assert moved.keys() == {"attn.value"}
    first, *rest = moved["attn.value"]
    assert first == pytest.approx(0.5 * 16 / 4, rel=1e-6)  # ‖I‖ = √16
    assert len(rest) == 2
    assert all(map(math.isnan, rest))


@pytest.mark.parametrize("block", BLOCKS)
def test_nothing_has_moved_at_first_and_a_look_changes_nothing(block):
    model = model_of(block).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    look = look_at(model, 0, small_texts().evaluate, reading())
    assert all(value == 0 or math.isnan(value) for row in look.moved.values() for value in row)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert model.training
    assert look.model_validate_json(look.model_dump_json()).model_dump_json() == look.model_dump_json()


def test_documents_weigh_what_they_have_tokens():
    part = Part(torch.zeros(6, T, dtype=torch.int32), torch.tensor([4, 0, 9, 4, 4, 0], dtype=torch.int32))
    losses = np.array([1.0, 2.0, 7.0, 2.0, 6.0, 4.0])
    means, tokens = by_document(losses, part)
    assert means == (3.0, 3.0, 7.0)
    assert tokens == (2 * T, 3 * T, T)
    assert np.average(means, weights=tokens) == pytest.approx(losses.mean())
    assert np.mean(means) != pytest.approx(losses.mean())  # unweighted is something else
