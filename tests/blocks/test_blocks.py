"""Each block against its equation written out with plain matrices, and what holds for all of them."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nearlinear.blocks.blocks import BLOCKS
from nearlinear.blocks.config import BLOCK_NAMES
from nearlinear.blocks.context import Context
from nearlinear.blocks.model import SimplifiedModel
from nearlinear.blocks.visible import visible

from .made import D, H, L, config, moved, normal

T = 6
BOTH_FORMS = [(name, {}) for name in BLOCK_NAMES] + [("v-skipinit", {"attention_shape": "value-skip"})]
every_block = pytest.mark.parametrize(("name", "how"), BOTH_FORMS, ids=[n + "".join(h.values()) for n, h in BOTH_FORMS])


def attention(q, k, v, causal, *, alpha=None, beta=None, gamma=None):
    """Eq. 2 to 5 for one text: q, k, v (T, d), head by head, with the matrices formed. Gains (h,), or None: A alone."""
    M = torch.full((T, T), -math.inf if causal else 0.0).double().triu(1)
    eye, C, answers = torch.eye(T).double(), M.softmax(-1), []
    for head, (q_h, k_h, v_h) in enumerate(zip(*(x.chunk(H, dim=-1) for x in (q, k, v)), strict=True)):
        A = (q_h @ k_h.T / math.sqrt(D // H) + M).softmax(-1)
        if alpha is not None:
            A = alpha[head] * eye + beta[head] * A - (0 if gamma is None else gamma[head] * C)
        answers.append(A @ v_h)
    return torch.cat(answers, dim=-1)


def rms(x, norm):
    return x / (x.pow(2).mean(-1, keepdim=True) + 1e-8).sqrt() * norm.weight


def gains(attn):
    return {name: getattr(attn, name).bias_free for name in ("alpha", "beta", "gamma") if hasattr(attn, name)}


def pre_ln(b, x, causal):
    y = rms(x, b.attn_norm)
    x = x + attention(*(y @ b.reads.part(p).T for p in "qkv"), causal) @ b.project.weight.T
    return x + F.relu(rms(x, b.mlp_norm) @ b.up.weight.T) @ b.mlp.down.weight.T


def post_ln(b, x, causal):
    x = rms(x + attention(*(x @ b.reads.part(p).T for p in "qkv"), causal) @ b.project.weight.T, b.attn_norm)
    return rms(x + F.relu(x @ b.up.weight.T) @ b.mlp.down.weight.T, b.mlp_norm)


def skipless(b, x, causal):
    y = rms(x, b.attn_norm)
    x = attention(*(y @ b.reads.part(p).T for p in "qkv"), causal) @ b.project.weight.T
    return x + F.relu(rms(x, b.mlp_norm) @ b.up.weight.T) @ b.mlp.down.weight.T


def parallel(b, x, causal):
    y = rms(x, b.norm)
    attn = attention(*(y @ b.reads.part(p).T for p in "qkv"), causal) @ b.project.weight.T
    return x + attn + F.relu(y @ b.reads.part("mlp").T) @ b.mlp.down.weight.T


def v_skipinit(b, x, causal):
    W_V, W_P = (part.initial + part.delta.weight for part in (b.value, b.project))
    y = rms(x, b.attn_norm)
    q, k = (y @ b.reads.part(p).T for p in "qk")
    x = attention(q, k, y @ W_V.T, causal, **gains(b.attn)) @ W_P.T
    return x + b.beta_ff.bias_free * (F.relu(rms(x, b.mlp_norm) @ b.up.weight.T) @ b.mlp.down.weight.T)


def shaped_values(b, y):
    return y if isinstance(b.attn.value, nn.Identity) else y + y @ b.attn.value.delta.weight.T


def sas(b, x, causal):
    y = rms(x, b.attn_norm)
    q, k = (y @ b.reads.part(p).T for p in "qk")
    x = attention(q, k, shaped_values(b, y), causal, **gains(b.attn))
    return x + b.beta_ff.bias_free * (F.relu(rms(x, b.mlp_norm) @ b.up.weight.T) @ b.mlp.down.weight.T)


def sas_p(b, x, causal):
    y = x if isinstance(b.norm, nn.Identity) else rms(x, b.norm)
    q, k, u = (y @ b.reads.part(p).T for p in ("q", "k", "mlp"))
    attn = attention(q, k, shaped_values(b, y), causal, **gains(b.attn))
    return b.beta_sa.bias_free * attn + b.beta_ff.bias_free * (F.relu(u) @ b.mlp.down.weight.T)


EQUATIONS = dict(zip(BLOCK_NAMES, (pre_ln, post_ln, parallel, v_skipinit, sas, sas_p, sas_p, skipless), strict=True))


@every_block
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("layer", [0, 1])
def test_a_block_is_its_equation(name, how, causal, layer):
    block = moved(name, SimplifiedModel, causal=causal, **how).double().layers[layer]
    x = normal(2, T, D)
    got = block(x, Context(visible(T, causal=causal)))
    for text, answer in zip(x, got, strict=True):
        torch.testing.assert_close(answer, EQUATIONS[name](block, text, causal), atol=1e-12, rtol=0)


@every_block
def test_blocks_differ(name, how):
    """No equation is met by the answer of another block."""
    block = moved(name, SimplifiedModel, **how).double().layers[1]
    x = normal(1, T, D)
    others = [f for other, f in EQUATIONS.items() if f is not EQUATIONS[name]]
    for other in others:
        try:
            answer = other(block, x[0], True)
        except (AttributeError, KeyError):  # it has not even the parts
            continue
        assert (answer - block(x, Context(visible(T, causal=True)))[0]).abs().max() > 1e-3


def n_parameters(name, d, d_ff, h, L, V, P, *, mlp_inside=None, form=3):
    """The closed formula, norms and gains included; `form`: gains of attention a head."""
    mlp = d * d_ff + d * (mlp_inside or d_ff)
    a_block = {
        "pre-ln": 4 * d * d + mlp + 2 * d,
        "post-ln": 4 * d * d + mlp + 2 * d,
        "skipless": 4 * d * d + mlp + 2 * d,
        "parallel": 4 * d * d + mlp + d,
        "v-skipinit": 4 * d * d + mlp + 2 * d + form * h + 1,
        "sas": 2 * d * d + mlp + 2 * d + 3 * h + 1,
        "sas-p": 2 * d * d + mlp + d + 3 * h + 2,
        "sas-p-no-norm": 2 * d * d + mlp + 3 * h + 2,
    }[name]
    first = d * d * name.startswith("sas") + d * (name == "sas-p-no-norm")
    return L * a_block + first + V * d + P * d + d


@every_block
@pytest.mark.parametrize("mlp", ["plain", "gated"])
def test_parameters_are_those_of_the_formula_to_the_last_one(name, how, mlp):
    model = moved(name, SimplifiedModel, mlp=mlp, intermediate_size=20, **how)
    inside, form = (10 if mlp == "gated" else 20), (2 if how else 3)
    expected = n_parameters(name, D, 20, H, L, 48, 64, mlp_inside=inside, form=form)
    assert sum(p.numel() for p in model.parameters()) == expected


@every_block
def test_every_parameter_is_used(name, how):
    model = moved(name, SimplifiedModel, **how)
    model(torch.arange(1, 13).view(2, 6)).last_hidden_state.pow(3).sum().backward()
    idle = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


@every_block
def test_no_token_sees_the_future(name, how):
    block = moved(name, SimplifiedModel, **how).double().layers[0]
    x = normal(1, T, D)
    changed = torch.cat([x[:, :4], normal(1, 2, D, seed=5)], dim=1)
    context = Context(visible(T, causal=True))
    before, after = block(x, context), block(changed, context)
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


@every_block
def test_a_token_sees_the_past(name, how):
    block = moved(name, SimplifiedModel, **how).double().layers[0]
    x = normal(1, T, D)
    changed = torch.cat([normal(1, 1, D, seed=5), x[:, 1:]], dim=1)
    context = Context(visible(T, causal=True))
    assert (block(x, context) - block(changed, context))[:, -1].abs().max() > 1e-6


@pytest.mark.parametrize("name", BLOCK_NAMES)
def test_a_gated_mlp_multiplies_halves(name):
    block = moved(name, SimplifiedModel, mlp="gated", hidden_act="gelu").double().layers[1]
    u = normal(3, 4 * D)
    expected = (F.gelu(u[:, : 2 * D]) * u[:, 2 * D :]) @ block.mlp.down.weight.T
    torch.testing.assert_close(block.mlp(u), expected, atol=1e-12, rtol=0)


@every_block
def test_norms_are_what_the_config_says(name, how):
    kinds = {"rms": nn.RMSNorm, "layer": nn.LayerNorm}
    for norm, cls in kinds.items():
        found = [
            m for m in moved(name, SimplifiedModel, norm=norm, **how).modules() if isinstance(m, tuple(kinds.values()))
        ]
        assert found
        assert all(isinstance(m, cls) and m.eps == 1e-8 for m in found)
    bare = moved(name, SimplifiedModel, norm="none", **how)
    assert not [m for m in bare.modules() if isinstance(m, tuple(kinds.values()))]


def test_sas_p_without_norm_keeps_the_first_and_the_last():
    names = [n for n, m in moved("sas-p-no-norm", SimplifiedModel).named_modules() if isinstance(m, nn.RMSNorm)]
    assert names == ["layers.0.norm", "norm"]


@pytest.mark.parametrize("name", ["sas", "sas-p", "sas-p-no-norm"])
def test_only_the_first_block_keeps_a_value_matrix(name):
    model = moved(name, SimplifiedModel)
    assert [n for n, _ in model.named_parameters() if "value" in n] == ["layers.0.attn.value.delta.weight"]


@every_block
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_near(name, how, dtype):
    model = moved(name, SimplifiedModel, **how)
    tokens = torch.arange(1, 13).view(2, 6)
    exact = model(tokens).last_hidden_state
    half = model.to(dtype)(tokens).last_hidden_state
    assert half.dtype == dtype
    assert (half.float() - exact).norm() / exact.norm() < (0.05 if dtype == torch.bfloat16 else 0.01)


@every_block
def test_autocast_works_with_gradients(name, how):
    model, tokens = moved(name, SimplifiedModel, **how), torch.arange(1, 13).view(2, 6)
    exact = model(tokens).last_hidden_state
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(tokens).last_hidden_state
    half.float().pow(2).sum().backward()
    assert (half.float() - exact).norm() / exact.norm() < 0.05
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_classes_go_by_the_names_of_the_config():
    assert tuple(BLOCKS) == BLOCK_NAMES
    assert {name: type(moved(name, SimplifiedModel).layers[0]) for name in BLOCK_NAMES} == BLOCKS


def test_one_matrix_reads_all_that_reads_the_same():
    widths = {name: BLOCKS[name](config(name), 1).reads.widths for name in BLOCK_NAMES}
    assert widths["sas-p"] == {"q": D, "k": D, "mlp": 4 * D}
    assert widths["sas"] == widths["v-skipinit"] == {"q": D, "k": D}
    assert widths["parallel"] == {"q": D, "k": D, "v": D, "mlp": 4 * D}
    assert widths["pre-ln"] == {"q": D, "k": D, "v": D}
