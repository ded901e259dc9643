"""The blocks of the ablations, each against its equation with plain matrices; what they count and that they train."""

import math

import pytest
import torch
import torch.nn.functional as F

from nearlinear.blocks.context import Context
from nearlinear.blocks.visible import visible
from nearlinear.inputs.twin import seeded
from nearlinear.train.batches import Batches
from nearlinear.train.loop import train
from nearlinear.train.models import fresh_model
from nearlinear.train.variants import VARIANTS

from .made import small_texts, spec

V, D, H, T = 256, 16, 2, 7
OF = {"pre-ln-values": "pre-ln", "pre-ln-identity": "pre-ln", "sas-no-first-value": "sas", "sas-no-mlp-skip": "sas"}
TRAINED = (("vp_alpha", 0.8), ("vp_beta", 0.3), ("vp_train_gains", True))


def of(variant, **fields):
    return spec(OF.get(variant, variant), variant=variant if variant in OF else "", **fields)


def moved(variant, **fields):
    """A model in float64 whose every parameter has moved, so that W_Q is not 0 and no two gains are alike."""
    model = fresh_model(of(variant, **fields), V).double().eval()
    with seeded(7), torch.no_grad():
        for weight in model.parameters():
            weight += 0.2 * torch.randn_like(weight)
    return model


def attention(q, k, v, causal, gains=None):
    """Softmax attention head by head, q, k, v (T, d); with gains α, β, γ (h,): αI + βA − γC."""
    M = torch.full((T, T), -math.inf if causal else 0.0).double().triu(1)
    answers = []
    for h, (q_h, k_h, v_h) in enumerate(zip(*(x.chunk(H, dim=-1) for x in (q, k, v)), strict=True)):
        A = (q_h @ k_h.T / math.sqrt(D // H) + M).softmax(-1)
        if gains:
            alpha, beta, gamma = (gain[h] for gain in gains)
            A = alpha * torch.eye(T).double() + beta * A - gamma * M.softmax(-1)
        answers.append(A @ v_h)
    return torch.cat(answers, dim=-1)


def rms(x, norm):
    return x / (x.pow(2).mean(-1, keepdim=True) + 1e-8).sqrt() * norm.weight


def mlp(b, x):
    return F.relu(rms(x, b.mlp_norm) @ b.up.weight.T) @ b.mlp.down.weight.T


def queries_and_keys(b, y):
    return [y @ b.reads.part(name).T for name in "qk"]


def matrix(part):
    return part.alpha.bias_free * part.initial + part.beta.bias_free * part.delta.weight


def pre_ln_values(b, x, causal):
    y = rms(x, b.attn_norm)
    x = x + attention(*queries_and_keys(b, y), y @ matrix(b.value).T, causal) @ matrix(b.project).T
    return x + mlp(b, x)


def pre_ln_identity(b, x, causal):
    y = rms(x, b.attn_norm)
    x = x + attention(*queries_and_keys(b, y), y, causal)
    return x + mlp(b, x)


def shaped(b, y, values, causal):
    gains = [getattr(b.attn, name).bias_free for name in ("alpha", "beta", "gamma")]
    return attention(*queries_and_keys(b, y), values, causal, gains)


def sas_no_first_value(b, x, causal):
    y = rms(x, b.attn_norm)
    x = shaped(b, y, y, causal)
    return x + b.beta_ff.bias_free * mlp(b, x)


def sas_no_mlp_skip(b, x, causal):
    y = rms(x, b.attn_norm)
    first = getattr(b.attn.value, "delta", None)
    x = shaped(b, y, y if first is None else y + y @ first.weight.T, causal)
    return b.beta_ff.bias_free * mlp(b, x)


EQUATIONS = {
    "pre-ln-values": pre_ln_values,
    "pre-ln-identity": pre_ln_identity,
    "sas-no-first-value": sas_no_first_value,
    "sas-no-mlp-skip": sas_no_mlp_skip,
}


def states(seed=3):
    with seeded(seed):
        return torch.randn(2, T, D, dtype=torch.float64)


@torch.no_grad()
def answers(model, x, causal=True, layer=0):
    return model.base_model.layers[layer](x, Context(visible(T, causal=causal)))


def test_every_variant_has_an_equation():
    assert EQUATIONS.keys() == VARIANTS.keys() == OF.keys()


@torch.no_grad()
@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("task", ["causal", "masked"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_is_its_equation(variant, task, layer):
    model = moved(variant, task=task, options=TRAINED)
    found = answers(model, states(), task == "causal", layer)
    for x, answer in zip(states(), found, strict=True):
        expected = EQUATIONS[variant](model.base_model.layers[layer], x, task == "causal")
        torch.testing.assert_close(answer, expected, atol=1e-12, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("variant", VARIANTS)
def test_and_no_other_one(variant):
    block = moved(OF[variant]).base_model.layers[0]
    variants = moved(variant, options=TRAINED).base_model.layers[0]
    mine = answers(moved(variant, options=TRAINED), states())
    theirs = block(states(), Context(visible(T, causal=True)))
    assert (mine - theirs).abs().max() > 1e-3
    assert type(variants).__bases__ == (type(block),)


def copied(variant, source):
    """A variant with the weights of another model, as far as it has them."""
    model = fresh_model(of(variant), V).double().eval()
    assert not model.load_state_dict(source.state_dict(), strict=False).missing_keys
    return model


def test_the_identity_is_values_that_start_there_and_stay():
    """W_init = I and β = 0: Eq. 6 leaves nothing else."""
    source = moved("pre-ln-values", options=(("vp_init", "identity"), ("vp_beta", 0.0)))
    other = copied("pre-ln-identity", source)
    for layer in (0, 1):
        torch.testing.assert_close(
            answers(other, states(), layer=layer), answers(source, states(), layer=layer), atol=1e-12, rtol=0
        )
    away = moved("pre-ln-values", options=(("vp_init", "identity"), ("vp_beta", 0.1)))
    assert (answers(away, states()) - answers(copied("pre-ln-identity", away), states())).abs().max() > 1e-3


def test_without_the_first_value_nothing_is_missing_until_it_moves():
    ids = small_texts().train.windows[:3].long()
    with torch.no_grad():
        source = fresh_model(of("sas"), V).double().eval()
        other = copied("sas-no-first-value", source)
        torch.testing.assert_close(other(ids).logits, source(ids).logits, atol=1e-12, rtol=0)
        source.model.layers[0].attn.value.delta.weight += 0.1
        assert (copied("sas-no-first-value", source)(ids).logits - source(ids).logits).abs().max() > 1e-3


def test_pre_ln_with_its_own_values_starts_as_pre_ln_with_orthogonal_ones():
    model = fresh_model(of("pre-ln-values"), V)
    for part in (model.model.layers[0].value, model.model.layers[1].project):
        torch.testing.assert_close(part.initial @ part.initial.T, torch.eye(D), atol=1e-5, rtol=0)
        assert (part.delta.weight == 0).all()
    tied = fresh_model(of("pre-ln-values", options=(("vp_init", "tied-blocks"),)), V).model.layers[0]
    torch.testing.assert_close(tied.project.initial @ tied.value.initial, torch.eye(D), atol=1e-5, rtol=0)


@pytest.mark.parametrize("variant", ["pre-ln-values", "pre-ln-identity"])
def test_queries_and_keys_are_drawn_as_in_pre_ln(variant):
    model, std = fresh_model(of(variant, d=64, h=2, L=2), V), 0.02 * 12**0.5
    for block in model.model.layers:
        assert block.reads.weight.shape == (128, 64)
        for name in "qk":
            assert block.reads.part(name).std().item() == pytest.approx(std, rel=0.05)


@pytest.mark.parametrize("variant", ["sas-no-first-value", "sas-no-mlp-skip"])
def test_queries_start_at_zero_as_in_sas(variant):
    for block in fresh_model(of(variant), V).model.layers:
        assert (block.reads.part("q") == 0).all()
        assert (block.reads.part("k") != 0).any()


def count(name):
    return sum(weight.numel() for weight in fresh_model(of(name), V).parameters())


def test_they_count_what_they_have():
    L = 2
    assert count("pre-ln-values") == count("pre-ln")
    assert count("pre-ln-identity") == count("pre-ln") - 2 * L * D**2
    assert count("sas-no-first-value") == count("sas") - D**2
    assert count("sas-no-mlp-skip") == count("sas")
    gains = fresh_model(of("pre-ln-values", options=(("vp_train_gains", True),)), V)
    assert sum(weight.numel() for weight in gains.parameters()) == count("pre-ln") + 4 * L


@pytest.mark.parametrize("task", ["causal", "masked"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_weight_of_a_variant_is_trained(variant, task):
    this = of(variant, task=task, steps=2)
    model, before = fresh_model(this, V), fresh_model(this, V)
    masked = {"mask_id": V, "mask_share": 0.25} if task == "masked" else {}
    events = list(train(model, Batches(small_texts().train.windows, 4, seed=0, **masked), this.recipe, (1, 2)))
    assert all(math.isfinite(event.loss) for event in events)
    for (name, weight), start in zip(model.named_parameters(), before.parameters(), strict=True):
        assert not torch.equal(weight, start), name


def test_a_draw_is_a_function_of_the_seed():
    for variant in VARIANTS:
        first, again, other = (fresh_model(of(variant, seed=seed), V).state_dict() for seed in (0, 0, 1))
        assert all(torch.equal(first[name], again[name]) for name in first)
        assert any(not torch.equal(first[name], other[name]) for name in first)
