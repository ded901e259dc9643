"""Models and optimisers from specifications: the same again, drawn as the paper says, and typing errors told apart."""

import pytest
import torch

from nearlinear.blocks.parts import Delta, Gain
from nearlinear.errors import InputError
from nearlinear.inputs.twin import state_sha256
from nearlinear.results.training import Architecture, Recipe, TrainSpec
from nearlinear.train.models import adamw, config_of, fresh_model
from nearlinear.train.run import check
from nearlinear.train.variants import VARIANTS

from .made import BLOCKS, spec

V = 256


def made(block="sas", **fields):
    return fresh_model(spec(block, **fields), V)


def names_of(model, weights):
    names = {id(weight): name for name, weight in model.named_parameters()}
    return {names[id(weight)] for weight in weights}


@pytest.mark.parametrize("block", BLOCKS)
def test_a_specification_is_a_model(block):
    first = made(block)
    assert state_sha256(made(block, lr=1.0, order_seed=5)) == state_sha256(first) != state_sha256(made(block, seed=1))
    again, first = made(block).state_dict(), first.state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())  # constants too


def test_constants_are_drawn_from_the_seed_too():
    initial = [made("v-skipinit", seed=seed).model.layers[0].value.initial for seed in (0, 0, 1)]
    assert torch.equal(initial[0], initial[1])
    assert not torch.equal(initial[0], initial[2])


@pytest.mark.parametrize("variant", ["", *VARIANTS])
def test_the_global_generator_stays_and_decides_nothing(variant):
    torch.manual_seed(4)
    before, first = torch.get_rng_state(), state_sha256(made(variant=variant))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(5)
    assert state_sha256(made(variant=variant)) == first


@pytest.mark.parametrize(("d", "h"), [(64, 4), (256, 8), (768, 12)])
def test_weights_are_as_large_as_the_papers_at_its_width_and_their_gain_the_same_at_others(d, h):
    std = config_of(spec(d=d, h=h).architecture, V).initializer_range
    assert std == pytest.approx(0.02 * (768 / d) ** 0.5, rel=1e-12)
    assert std * d**0.5 == pytest.approx(0.02 * 768**0.5, rel=1e-12)
    assert (std == 0.02) is (d == 768)
    assert config_of(spec(d=d, h=h, std=0.3).architecture, V).initializer_range == 0.3


@pytest.mark.parametrize("block", BLOCKS)
def test_what_is_drawn_has_that_spread(block):
    model, std = made(block, d=64, h=4), 0.02 * 12**0.5
    for name, weight in model.named_parameters():
        if weight.ndim == 2 and "delta" not in name:
            zeros = (weight == 0).float().mean().item()  # W_Q = 0
            spread = weight[weight != 0].std().item()
            assert spread == pytest.approx(std, rel=0.06), name
            assert zeros == pytest.approx(0, abs=1e-3) or "reads" in name, name


def test_the_configuration_is_the_architectures():
    config = config_of(spec("sas-p", L=3, d=24, h=3, T=48, d_ff=40).architecture, 77, causal=False)
    found = (config.num_hidden_layers, config.hidden_size, config.num_attention_heads, config.intermediate_size)
    assert found == (3, 24, 3, 40)
    assert (config.block, config.vocab_size, config.max_position_embeddings, config.causal) == ("sas-p", 77, 48, False)
    assert config_of(spec(d=24, h=3).architecture, 77).intermediate_size == 96
    with_options = spec(options=(("norm", "layer"), ("beta_ff", 0.7), ("vp_train_gains", True))).architecture
    found = config_of(with_options, 77)
    assert (found.norm, found.beta_ff, found.vp_train_gains) == ("layer", 0.7, True)


def test_a_masked_model_sees_both_sides_and_has_one_token_more():
    masked = made(task="masked")
    assert (masked.config.causal, masked.config.vocab_size) == (False, V + 1)
    assert type(masked).__name__ == "SimplifiedForMaskedLM"
    model = made()
    assert (model.config.causal, model.config.vocab_size) == (True, V)
    assert model.lm_head.weight is model.model.embed.weight


def test_an_unknown_option_is_one_sentence():
    with pytest.raises(InputError) as caught:
        made(options=(("norms", "rms"),))
    assert str(caught.value) == ("'norms' is no word of SimplifiedConfig: leave it out, or look for its right spelling")
    with pytest.raises(InputError, match=r"^norm='batch' is not known: choose one of rms, layer, none$"):
        made(options=(("norm", "batch"),))


def test_an_unknown_variant_is_one_sentence():
    with pytest.raises(InputError) as caught:
        made(variant="sas-no-mlp")
    assert str(caught.value) == f"no variant 'sas-no-mlp' of a block: choose one of {', '.join(VARIANTS)}"


def test_a_width_that_the_heads_do_not_divide_is_one_sentence():
    with pytest.raises(InputError, match="hidden_size 16 is not divisible by num_attention_heads 3"):
        made(h=3)


@pytest.mark.parametrize(("block", "variant"), [(b, "") for b in BLOCKS] + [("sas", v) for v in VARIANTS])
def test_matrices_decay_and_gains_and_norms_do_not(block, variant):
    model = made(block, variant=variant, options=(("vp_train_gains", True),))
    groups = adamw(model, Recipe(weight_decay=0.3)).param_groups
    assert [(group["weight_decay"], group["rate"]) for group in groups] == [(0.3, 1.0), (0.0, 1.0)]
    small = {f"{n}.{p}" for n, m in model.named_modules() if isinstance(m, Gain) or "norm" in n.split(".")[-1]
             for p, _ in m.named_parameters(recurse=False)}  # fmt: skip
    assert names_of(model, groups[1]["params"]) == small
    assert names_of(model, groups[0]["params"]) == dict(model.named_parameters()).keys() - small


def test_the_optimiser_is_the_recipes():
    optimiser = adamw(made(), Recipe(lr=0.25, betas=(0.8, 0.98), eps=1e-5))
    assert isinstance(optimiser, torch.optim.AdamW)
    assert {(g["lr"], g["betas"], g["eps"]) for g in optimiser.param_groups} == {(0.25, (0.8, 0.98), 1e-5)}


@pytest.mark.parametrize(
    ("block", "variant", "theirs"),
    [
        ("v-skipinit", "", [f"layers.{i}.{part}.delta" for i in (0, 1) for part in ("value", "project")]),
        ("pre-ln", "pre-ln-values", [f"layers.{i}.{part}.delta" for i in (0, 1) for part in ("value", "project")]),
        ("sas", "", ["layers.0.attn.value.delta"]),
        ("sas-p", "", ["layers.0.attn.value.delta"]),
    ],
)
def test_value_and_projection_have_a_rate_of_their_own(block, variant, theirs):
    model = made(block, variant=variant, options=(("vp_train_gains", True),))
    groups = adamw(model, Recipe(value_rate=0.1, weight_decay=0.3)).param_groups
    own = [group for group in groups if group["rate"] != 1]
    assert [(group["rate"], group["weight_decay"]) for group in own] == [(0.1, 0.3)]
    assert names_of(model, own[0]["params"]) == {f"model.{name}.weight" for name in theirs}
    every = [weight for group in groups for weight in group["params"]]
    assert len(every) == len({id(weight) for weight in every}) == len(list(model.parameters()))
    deltas = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, Delta)}
    assert names_of(model, own[0]["params"]) == deltas


@pytest.mark.parametrize("variant", ["pre-ln-identity", "sas-no-first-value"])
def test_where_there_is_neither_a_rate_for_them_is_refused(variant):
    model = made(variant=variant)
    with pytest.raises(InputError, match=r"has no value or projection of its own to give a rate: train v-skipinit$"):
        adamw(model, Recipe(value_rate=0.1))


@pytest.mark.parametrize("block", ["pre-ln", "post-ln", "parallel", "skipless"])
def test_a_rate_for_half_of_them_is_refused_before_training(block):
    """W_P would be found, and not W_V, which is a part of the reading matrix."""
    asked = TrainSpec(architecture=Architecture(block=block), recipe=Recipe(value_rate=0.1))
    with pytest.raises(InputError, match=r"has no value and projection of its own to give a rate: train v-skipinit$"):
        check(asked)
    for free in (Architecture(block="v-skipinit"), Architecture(block="pre-ln", variant="pre-ln-values")):
        check(asked.model_copy(update={"architecture": free}))
