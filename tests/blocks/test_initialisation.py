"""How models start: attention as the identity, W_Q = 0, W_V and W_P as told; on every way a model comes to be."""

import pytest
import torch
from torch import nn
from transformers.modeling_utils import PreTrainedModel

from nearlinear.blocks.config import BLOCK_NAMES
from nearlinear.blocks.context import Context
from nearlinear.blocks.mixing import Mixing
from nearlinear.blocks.model import SimplifiedForCausalLM, SimplifiedModel
from nearlinear.blocks.parts import Gain, Reads, Reparametrised
from nearlinear.blocks.visible import visible

from .made import SHAPED, SHAPED_AT_FIRST, D, H, L, config, fresh, ids, moved, normal

FORMS = [(name, {}) for name in SHAPED_AT_FIRST] + [("v-skipinit", {"attention_shape": "value-skip"})]
every_identity = pytest.mark.parametrize(("name", "how"), FORMS)
TOLERANCE = {torch.float64: 1e-14, torch.float32: 1e-6, torch.float16: 4e-3, torch.bfloat16: 4e-2}
"""βA − γC cancels to the rounding of two ways to one number, of size up to 4 here."""


@every_identity
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("padding", [False, True])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_attention_is_the_identity(name, how, causal, padding, dtype):
    block = fresh(name, SimplifiedModel, causal=causal, **how).to(dtype).layers[0]
    y = normal(2, 9, D).to(dtype)
    mask = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1, 1], [1] * 9]) if padding else None
    context = Context(visible(9, causal=causal, attention_mask=mask))
    q, k, *_ = block.reads.parts(y)
    assert not q.any()
    reads = () if name == "v-skipinit" else (block.reads,)
    got = block.attn(q, k, y, context, *reads)
    torch.testing.assert_close(got, y, atol=TOLERANCE[dtype], rtol=0)


@pytest.mark.parametrize("name", ["pre-ln", "skipless"])
def test_softmax_attention_is_not(name):
    block, y = fresh(name, SimplifiedModel).layers[0], normal(2, 9, D, dtype=torch.float32)
    q, k, _ = block.reads.parts(y)
    assert (block.attn(q, k, y, Context(visible(9, causal=True))) - y).abs().max() > 0.5


def test_gains_that_part_leave_the_identity():
    block, y = fresh("sas", SimplifiedModel).layers[0], normal(2, 9, D, dtype=torch.float32)
    with torch.no_grad():
        block.attn.gamma.bias_free[1] = 0.5
    q, k = block.reads.parts(y)
    parted = (block.attn(q, k, y, Context(visible(9, causal=True)), block.reads) - y).abs().amax((0, 1))
    assert (parted.view(H, -1).amax(1) > 0.1).tolist() == [False, True, False, False]


@pytest.mark.parametrize("norm", ["rms", "layer"])
def test_sas_and_sas_p_are_one_at_first(norm):
    """Their attention is the identity, so Norm∘Norm = Norm but for eps; they part once W_Q moves."""
    sas, sas_p = (fresh(name, SimplifiedModel, norm=norm, beta_ff=0.3).double() for name in ("sas", "sas-p"))
    copy_sas(sas, sas_p)
    tokens = ids()
    answers = [model(tokens).last_hidden_state for model in (sas, sas_p)]
    torch.testing.assert_close(*answers, atol=1e-6, rtol=0)
    for model in (sas, sas_p):
        with torch.no_grad():
            model.layers[0].reads.part("q").copy_(normal(D, D))
    assert (sas(tokens).last_hidden_state - sas_p(tokens).last_hidden_state).abs().max() > 1e-4


@torch.no_grad()
def copy_sas(sas, sas_p):
    """The weights of SAS in SAS-P: the two read with one matrix or two."""
    sas_p.embed.weight.copy_(sas.embed.weight)
    sas_p.positions.learned.weight.copy_(sas.positions.learned.weight)
    for one, other in zip(sas.layers, sas_p.layers, strict=True):
        for part in ("q", "k"):
            other.reads.part(part).copy_(one.reads.part(part))
        other.reads.part("mlp").copy_(one.up.weight)
        other.mlp.down.weight.copy_(one.mlp.down.weight)


def queries(model):
    return [layer.reads.part("q") for layer in model.modules() if hasattr(layer, "reads")]


def assert_well_started(model, name):
    """W_Q = 0 where it should be, gains 1 or β_FF, everything else drawn at the std of the config."""
    assert len(queries(model)) == L
    for W_Q in queries(model):
        assert bool(W_Q.any()) == (name not in SHAPED_AT_FIRST)
    for module in model.modules():
        if isinstance(module, Gain):
            assert torch.equal(module.bias_free, torch.full_like(module.bias_free, module.start))
        if isinstance(module, Reads):
            drawn = torch.cat([module.part(part).flatten() for part in module.widths if part not in module.zero])
            assert 0.015 < drawn.std() < 0.025
        elif isinstance(module, nn.RMSNorm):
            assert (module.weight == 1).all()
        elif isinstance(module, nn.Embedding):
            assert 0.015 < module.weight.std() < 0.025
        elif isinstance(module, Reparametrised):
            W = module.initial.double()
            torch.testing.assert_close(W @ W.T, torch.eye(D).double(), atol=1e-5, rtol=0)
            assert not module.delta.weight.any()


@pytest.mark.parametrize("name", BLOCK_NAMES)
def test_a_model_that_is_made(name):
    assert_well_started(fresh(name), name)


@pytest.mark.parametrize("name", BLOCK_NAMES)
def test_a_model_that_is_made_on_the_meta_device_and_then_filled(name):
    with torch.device("meta"):
        model = SimplifiedForCausalLM(config(name))
    assert all(t.is_meta for t in (*model.parameters(), *model.buffers()))
    model.to_empty(device="cpu")
    for t in (*model.parameters(), *model.buffers()):
        t.data.fill_(torch.nan)
    torch.manual_seed(0)
    model.apply(model._init_weights)
    model.tie_weights()
    assert_well_started(model, name)


@pytest.mark.parametrize("name", BLOCK_NAMES)
def test_a_model_that_is_loaded_in_part(name):
    """Where a file lacks the queries, and only them, they start as they should, and all else is read."""
    saved = moved(name)
    state = {n: w.clone() for n, w in saved.state_dict().items() if "reads" not in n}
    loaded, info = PreTrainedModel.from_pretrained.__func__(  # ours refuses such a file
        SimplifiedForCausalLM, None, config=saved.config, state_dict=state, output_loading_info=True
    )
    assert len(info["missing_keys"]) == L
    for W_Q in queries(loaded):
        assert bool(W_Q.any()) == (name not in SHAPED_AT_FIRST)
    for n, w in loaded.state_dict().items():
        assert "reads" in n or torch.equal(w, saved.state_dict()[n])


@pytest.mark.parametrize("name", BLOCK_NAMES)
def test_a_trained_model_is_not_started_again(name, tmp_path):
    saved = moved(name, vp_init="tied-last", vp_train_gains=True)
    saved.save_pretrained(tmp_path)
    for how in ({}, {"device_map": "cpu"}, {"dtype": torch.float64}):
        loaded = SimplifiedForCausalLM.from_pretrained(tmp_path, **how)
        for n, w in saved.state_dict().items():
            assert torch.equal(loaded.state_dict()[n].float(), w), n


@pytest.mark.parametrize(("L", "expected"), [(18, 0.1), (72, 0.05), (1, 0.424)])
def test_beta_ff_falls_with_depth(L, expected):
    assert config("sas", num_hidden_layers=L).beta_ff == pytest.approx(expected, rel=0.01)
    assert fresh("sas-p", num_hidden_layers=L).model.layers[0].beta_ff.bias_free.item() == pytest.approx(
        expected, rel=0.01
    )


def test_beta_ff_of_an_encoder_is_that_of_crammed_bert():
    assert config("sas", num_hidden_layers=16, causal=False).beta_ff == pytest.approx(0.05)
    assert config("sas", beta_ff=0.3).beta_ff == 0.3


@pytest.mark.parametrize("name", SHAPED)
def test_gains_are_trained_and_one_a_head(name):
    attn = fresh(name).model.layers[1].attn
    assert [p.numel() for p in attn.parameters()] == [H, H, H]
    assert all(p.requires_grad for p in attn.parameters())


def vp(**how):
    return fresh("v-skipinit", SimplifiedModel, **how).layers


def test_value_and_projection_start_as_told():
    eye = torch.eye(D)
    close = {"atol": 1e-5, "rtol": 0}
    for block in vp(vp_init="identity"):
        assert torch.equal(block.value.weight(), eye)
        assert torch.equal(block.project.weight(), eye)
    for block in vp(vp_init="tied-blocks"):
        torch.testing.assert_close(block.project.weight() @ block.value.weight(), eye, **close)
        assert (block.value.weight() - eye).abs().max() > 0.1
    tied, product = vp(vp_init="tied-last"), eye
    for block in tied:
        product = block.project.weight() @ block.value.weight() @ product
    torch.testing.assert_close(product, eye, **close)
    assert (tied[0].project.weight() @ tied[0].value.weight() - eye).abs().max() > 0.1
    drawn = [part.weight() for block in vp() for part in (block.value, block.project)]
    assert all((one - other).abs().max() > 0.1 for i, one in enumerate(drawn) for other in drawn[:i])


def test_re_parametrised_weights_are_eq_6():
    part = vp(vp_alpha=0.9, vp_beta=0.2)[0].value
    with torch.no_grad():
        part.delta.weight.copy_(normal(D, D))
    torch.testing.assert_close(part.weight(), 0.9 * part.initial + 0.2 * part.delta.weight)
    x = normal(3, D, dtype=torch.float32)
    torch.testing.assert_close(part(x), x @ part.weight().T)


@pytest.mark.parametrize("trained", [False, True])
def test_gains_of_eq_6_are_trained_where_asked(trained):
    part = vp(vp_alpha=1.0, vp_beta=0.2, vp_train_gains=trained)[0].value
    assert sorted(n for n, _ in part.named_parameters()) == (
        ["alpha.bias_free", "beta.bias_free", "delta.weight"] if trained else ["delta.weight"]
    )
    assert set(part.state_dict()) == {"alpha.bias_free", "beta.bias_free", "delta.weight", "initial"}


@pytest.mark.parametrize("vp_init", ["orthogonal", "identity", "tied-blocks", "tied-last"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_models_are_drawn_in_half_precision_too(vp_init, dtype):
    model = SimplifiedModel._from_config(config("v-skipinit", vp_init=vp_init), dtype=dtype)
    for block in model.layers:
        W = block.value.initial.double()
        assert block.value.initial.dtype == dtype
        torch.testing.assert_close(W @ W.T, torch.eye(D).double(), atol=0.02, rtol=0)


@pytest.mark.parametrize("name", BLOCK_NAMES)
def test_a_seed_is_all_there_is_to_chance(name):
    one, again, other = (fresh(name, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[n], again[n]) for n in one)
    assert not all(torch.equal(one[n], other[n]) for n in one)


def test_mixing_has_no_buffers():
    """Nothing of the size of T_max: masks and means are made from what is there."""
    for name in BLOCK_NAMES:
        assert not [b for m in fresh(name).modules() if isinstance(m, Mixing) for b in m.buffers()]
