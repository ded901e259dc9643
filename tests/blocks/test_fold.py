"""α·W_init + β·ΔW as one matrix, or as none: the same answers, said truly, and readable from a file."""

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from nearlinear import (
    HalfCache,
    SimplifiedConfig,
    SimplifiedForCausalLM,
    SimplifiedForMaskedLM,
    SimplifiedModel,
    fold,
)
from nearlinear.blocks.fold import nearest_identity
from nearlinear.errors import InputError
from nearlinear.inputs.twin import seeded

IDS = torch.arange(2 * 10).view(2, 10) % 40


def model_of(block, *, moved=0.3, kind=SimplifiedForCausalLM, dtype=torch.float64, **words):
    """Three blocks of width 16 whose every weight and gain has moved by about `moved`, as if they had been trained."""
    config = SimplifiedConfig(
        block=block, vocab_size=40, hidden_size=16, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=32, **words,
    )  # fmt: skip
    with seeded(5):
        model = kind(config).to(dtype).eval()
        with torch.no_grad():
            for weight in model.parameters():
                weight += moved * torch.randn_like(weight) / (16**0.5 if weight.ndim == 2 else 1)
    return model


@torch.no_grad()
def answers(model):
    out = model(IDS)
    return out[0]


def set_delta(part, delta):
    part.delta.weight.data.copy_(delta)


@pytest.mark.parametrize("shape", ["shaped", "value-skip"])
@pytest.mark.parametrize("vp_init", ["orthogonal", "identity", "tied-blocks", "tied-last"])
def test_folded_answers_are_the_same_bit_for_bit(vp_init, shape):
    model = model_of("v-skipinit", vp_init=vp_init, vp_beta=0.2, vp_train_gains=True, attention_shape=shape)
    folded, parts = fold(model)
    assert torch.equal(answers(folded), answers(model))
    assert [(part.layer, part.name) for part in parts] == [(i, name) for i in range(3) for name in ("value", "project")]
    assert {part.form for part in parts} == {"plain"}
    assert all(type(block.value) is type(block.project) is nn.Linear for block in folded.model.layers)


def test_a_folded_model_has_plain_matrices_and_no_more_numbers_than_pre_ln():
    folded = fold(model_of("v-skipinit", vp_train_gains=True)).model
    pre_ln = model_of("pre-ln")
    assert not dict(folded.named_buffers())
    matrices = [sum(weight.numel() for weight in m.parameters() if weight.ndim == 2) for m in (folded, pre_ln)]
    assert matrices[0] == matrices[1]
    folded(IDS, labels=IDS).loss.backward()
    assert all(block.value.weight.grad.any() for block in folded.model.layers)


def test_the_model_given_stays():
    model = model_of("v-skipinit", vp_init="identity", moved=0.0)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    fold(model, tolerance=1.0)
    assert model.config.vp_layers is None
    assert list(model.state_dict()) == list(before)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


@pytest.mark.parametrize("shape", ["shaped", "value-skip"])
def test_multiples_of_the_identity_go_and_their_size_stays(shape):
    """Planted: W_V = 0.5·I and W_P = −3·I in block 1; everything else is far from the identity."""
    model = model_of("v-skipinit", attention_shape=shape)
    block, eye = model.model.layers[1], torch.eye(16, dtype=torch.float64)
    set_delta(block.value, 0.5 * eye - block.value.initial)
    set_delta(block.project, -3.0 * eye - block.project.initial)
    folded, parts = fold(model, tolerance=1e-12)
    gone = {(part.layer, part.name): part.scale for part in parts if part.form == "identity"}
    assert gone == pytest.approx({(1, "value"): 0.5, (1, "project"): -3.0})
    torch.testing.assert_close(answers(folded), answers(model), rtol=1e-12, atol=1e-12)
    assert isinstance(folded.model.layers[1].value, nn.Identity)


def test_what_is_near_the_identity_goes_and_what_is_not_stays():
    model = model_of("v-skipinit", vp_init="identity", moved=0.0)
    for block, size in zip(model.model.layers, (0.0, 0.01, 0.2), strict=True):
        with seeded(7):
            noise = torch.randn(16, 16, dtype=torch.float64) / 4
        set_delta(block.value, size * noise)
    folded, parts = fold(model, tolerance=0.05)
    distances = [part.distance for part in parts if part.name == "value"]
    assert distances[0] == 0
    assert 0.005 < distances[1] < 0.05 < distances[2]
    assert [(part.layer, part.name) for part in parts if part.form != "identity"] == [(2, "value")]
    off = (answers(folded) - answers(model)).abs().max()
    assert 0 < off < 0.1 * answers(model).abs().max()


def test_v_skipinit_without_any_value_or_projection_is_sas():
    model = model_of("v-skipinit", vp_init="identity")
    for block in model.model.layers:
        set_delta(block.value, torch.zeros(16, 16))
        set_delta(block.project, torch.zeros(16, 16))
    folded = fold(model).model
    sas = model_of("sas")
    absent, unknown = sas.load_state_dict(folded.state_dict(), strict=False)
    assert (absent, unknown) == (["model.layers.0.attn.value.delta.weight"], [])
    set_delta(sas.model.layers[0].attn.value, torch.zeros(16, 16))
    assert torch.equal(answers(folded), answers(sas))


@pytest.mark.parametrize("block", ["sas", "sas-p", "sas-p-no-norm"])
def test_the_first_value_of_sas_is_left_out_or_kept(block):
    model = model_of(block)
    folded, parts = fold(model, tolerance=0.05)
    assert [(part.layer, part.name, part.form) for part in parts] == [(0, "attn.value", "kept")]
    assert torch.equal(answers(folded), answers(model))
    set_delta(model.model.layers[0].attn.value, torch.eye(16))  # W_V = 2·I
    folded, parts = fold(model, tolerance=0.05)
    assert [(part.form, part.scale) for part in parts] == [("identity", 2.0)]
    torch.testing.assert_close(answers(folded), answers(model), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("tolerance", [0.0, 2.0])
@pytest.mark.parametrize(("block", "vp_init"), [("v-skipinit", "identity"), ("v-skipinit", "tied-last"), ("sas", None)])
def test_a_folded_model_is_saved_and_loaded(block, vp_init, tolerance, tmp_path):
    words = {} if vp_init is None else {"vp_init": vp_init}
    folded = fold(model_of(block, dtype=torch.float32, **words), tolerance=tolerance).model
    folded.save_pretrained(tmp_path)
    again, report = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert again.config.vp_layers == folded.config.vp_layers
    assert torch.equal(answers(again.eval()), answers(folded))


def test_a_folded_model_generates_with_either_cache():
    model = model_of("sas", moved=1.0)
    set_delta(model.model.layers[0].attn.value, torch.eye(16))
    folded = fold(model, tolerance=0.05).model
    options = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": 0}
    expected = model.generate(IDS, **options)
    assert torch.equal(folded.generate(IDS, **options), expected)
    assert torch.equal(folded.generate(IDS, past_key_values=HalfCache(), **options), expected)


@pytest.mark.parametrize(("kind", "causal"), [(SimplifiedModel, True), (SimplifiedForMaskedLM, False)])
def test_backbones_and_encoders_fold_too(kind, causal):
    model = model_of("v-skipinit", kind=kind, causal=causal)
    assert torch.equal(answers(fold(model).model), answers(model))


def test_half_precision_and_tied_heads_stay():
    folded = fold(model_of("v-skipinit", dtype=torch.bfloat16)).model
    assert {weight.dtype for weight in folded.parameters()} == {torch.bfloat16}
    assert folded.lm_head.weight is folded.get_input_embeddings().weight


def test_nearest_identity_of_known_matrices():
    eye = torch.eye(4)
    assert nearest_identity(2 * eye) == (2.0, 0.0)
    assert nearest_identity(eye.flip(0)) == (0.0, 1.0)  # no diagonal: nothing of it is a multiple of I
    scale, distance = nearest_identity(torch.diag(torch.tensor([1.0, 3.0])))
    assert (scale, distance) == (2.0, pytest.approx((2 / 10) ** 0.5))


def test_nothing_to_fold_is_refused():
    with pytest.raises(InputError, match="block 'pre-ln' of this model has no α·W_init"):
        fold(model_of("pre-ln"))
    with pytest.raises(InputError, match=r"fold a v-skipinit or sas model, once$"):
        fold(fold(model_of("v-skipinit")).model)
