"""Models of other families: what they are made of, and that the one loop treats them as it treats our own."""

import pytest
import torch
from torch import nn

from nearlinear.blocks.decay import decay_groups
from nearlinear.errors import InputError
from nearlinear.inputs.models import blocks, final_norm
from nearlinear.inputs.twin import state_sha256
from nearlinear.results.drift import FamilyArchitecture
from nearlinear.results.training import Architecture, Recipe, TrainSpec
from nearlinear.train.batches import Batches
from nearlinear.train.families import FAMILIES, family_model
from nearlinear.train.files import plain_weights
from nearlinear.train.loop import train
from nearlinear.train.losses import Loss
from nearlinear.train.models import adamw, fresh_model

from .drift_made import SHAPE, drift
from .made import reading, small_texts

V = 256
THREE = ("llama", "gpt-neox", "sas")


@pytest.fixture(scope="module")
def windows():
    return small_texts().train.windows


@pytest.mark.parametrize("family", THREE)
def test_a_model_is_as_wide_and_deep_as_its_specification_says(family):
    model = family_model(drift(family), V)
    assert (len(blocks(model)), final_norm(model) is not None) == (2, True)
    config = model.config
    assert (config.hidden_size, config.num_attention_heads, config.max_position_embeddings) == (16, 2, 32)
    assert config.vocab_size == V
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (None, None, None)


def test_each_has_the_mlp_of_its_family():
    widths = {family: family_model(drift(family), V).config.intermediate_size for family in THREE}
    assert widths == {"llama": 48, "gpt-neox": 64, "sas": 64}
    own = drift("gpt-neox", architecture=FamilyArchitecture(family="gpt-neox", d_ff=24, **SHAPE))
    assert family_model(own, V).config.intermediate_size == 24
    wide = FamilyArchitecture(d=64, h=4)
    assert family_model(drift(architecture=wide), V).config.intermediate_size == 176


@pytest.mark.parametrize("family", THREE)
def test_the_seed_alone_draws_the_weights(family):
    one = state_sha256(family_model(drift(family), V))
    torch.rand(3)  # whatever the global generator does
    assert state_sha256(family_model(drift(family), V)) == one
    assert state_sha256(family_model(drift(family, order_seed=1), V)) == one
    assert state_sha256(family_model(drift(family, seed=1), V)) != one


@pytest.mark.parametrize("family", ["llama", "gpt-neox"])
def test_weights_are_as_large_as_our_own(family):
    model = family_model(drift(family), V)
    std = 0.02 * (768 / 16) ** 0.5
    for name, weight in model.named_parameters():
        if weight.ndim == 2:
            assert weight.std().item() == pytest.approx(std, rel=0.1), name


def test_our_own_block_is_the_one_that_trainings_have():
    architecture = Architecture(block="sas", options=(("positions", "rope"),), **SHAPE)
    ours = fresh_model(TrainSpec(architecture=architecture, reading=reading()), V)
    assert state_sha256(family_model(drift("sas"), V)) == state_sha256(ours)


@pytest.mark.parametrize("family", THREE)
def test_positions_turn_and_are_not_learnt(family):
    """What enters the first block does not hang on the place of a token; what comes out does (SAS's once trained)."""
    model, seen = family_model(drift(family), V), []
    blocks(model)[0].register_forward_pre_hook(lambda _m, args, kwargs: seen.append((*args, *kwargs.values())[0]),
                                               with_kwargs=True)  # fmt: skip
    with torch.no_grad():
        logits = model(torch.tensor([[7, 1, 7, 2, 7]])).logits[0]
    assert torch.equal(seen[0][0, 0], seen[0][0, 4])
    assert torch.allclose(logits[0], logits[4]) == (family == "sas")


@pytest.mark.parametrize("family", THREE)
def test_norms_and_biases_do_not_decay_and_matrices_do(family):
    model = family_model(drift(family), V)
    decayed, spared = (set(group["params"]) for group in decay_groups(model, 0.1))
    for name, module in model.named_modules():
        for kind, weight in module.named_parameters(recurse=False):
            matrix = isinstance(module, nn.Linear | nn.Embedding) and kind == "weight"
            if family != "sas" or "norm" in name or kind == "bias":
                assert (weight in decayed, weight in spared) == (matrix, not matrix), f"{name}.{kind}"
    assert len(decayed) + len(spared) == len(list(model.parameters()))
    groups = adamw(model, Recipe(weight_decay=0.1)).param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert {id(weight) for group in groups for weight in group["params"]} == {id(w) for w in model.parameters()}


@pytest.mark.parametrize("family", THREE)
def test_without_a_gradient_a_matrix_shrinks_and_a_norm_stays(family):
    model = family_model(drift(family), V)
    optimiser = adamw(model, Recipe(weight_decay=0.5, lr=0.1))
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    optimiser.step()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight.detach(), before[name] * (0.95 if weight.ndim == 2 else 1.0), msg=name)


@pytest.mark.parametrize("family", THREE)
def test_the_loop_lowers_the_loss_that_the_family_gives_itself(family, windows):
    model, recipe = family_model(drift(family), V), drift(family).recipe
    batch = Batches(windows, 4, seed=0)[0]
    torch.testing.assert_close(Loss(model)(batch), model(batch.ids, labels=batch.ids).loss, rtol=1e-5, atol=0)
    first, *_, last = train(model, Batches(windows, 4, seed=0), recipe, (1, 20))
    assert last.loss < first.loss - 0.5


@pytest.mark.parametrize("family", THREE)
def test_what_is_tied_stands_once_in_a_file(family):
    model = family_model(drift(family), V)
    saved = plain_weights(model)
    other = family_model(drift(family, seed=1), V)
    assert len(other.load_state_dict(saved, strict=False).missing_keys) == 1
    assert state_sha256(other) == state_sha256(model)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (drift("lama"), f"no family 'lama': choose one of {', '.join(FAMILIES)}"),
        (drift(architecture=FamilyArchitecture(d=16, h=3)), "3 heads do not cut a width of 16 into even parts"),
        (drift(architecture=FamilyArchitecture(d=12, h=4)), "4 heads do not cut a width of 12 into even parts"),
        (drift(reading=reading(task="masked")), "these families predict the next token alone"),
        (drift(value_rate=0.5), "these families give values and projections no rate of their own"),
    ],
)
def test_what_cannot_be_made_is_one_sentence(spec, says):
    with pytest.raises(InputError, match=rf"^{says}") as caught:
        family_model(spec, V)
    assert "\n" not in str(caught.value)
