"""The residual stream: L + 1 states for L blocks, the last before the final norm, and the model left as it was."""

import copy
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from nearlinear.errors import UnsupportedModel
from nearlinear.inputs.models import backbone, blocks, blocks_path, final_norm
from nearlinear.inputs.tiny import FAMILIES, tiny_model
from nearlinear.measure.residual import residual_stream, watching

L = 3


@pytest.fixture
def batch():
    ids = torch.randint(5, 250, (2, 11), generator=torch.Generator().manual_seed(0))
    return SimpleNamespace(input_ids=ids, attention_mask=torch.ones_like(ids))


def states_of(model, batch):
    pairs = {}

    def keep(layer, x, y):
        pairs[layer] = x.clone(), y.clone()

    residual_stream(model, batch, keep)
    return [pairs[0][0], *(pairs[layer][1] for layer in sorted(pairs))], pairs


def cut_after(model, n_blocks):
    """An independent, hook-free model: the first n blocks, and no final norm."""
    short = copy.deepcopy(model)
    parent, _, name = blocks_path(short).rpartition(".")
    setattr(short.get_submodule(parent), name, nn.ModuleList(list(blocks(short))[:n_blocks]))
    if norm := final_norm(short):
        short.set_submodule(norm, nn.Identity())
    return short


@pytest.mark.parametrize("family", FAMILIES)
def test_states_equal_a_hook_free_forward(family, batch):
    model = tiny_model(family, L=L)
    states, pairs = states_of(model, batch)
    assert len(states) == L + 1
    for layer in range(L - 1):
        torch.testing.assert_close(pairs[layer][1], pairs[layer + 1][0], rtol=0, atol=0)
    for n_blocks in range(1, L + 1):
        short = cut_after(model, n_blocks)
        short.config.num_hidden_layers = n_blocks
        with torch.inference_mode():
            expected = backbone(short)(input_ids=batch.input_ids, attention_mask=batch.attention_mask)[0]
        torch.testing.assert_close(states[n_blocks], expected, rtol=0, atol=1e-6)


def test_the_last_hidden_state_of_transformers_is_not_a_state_of_the_stream(batch):
    """Why hooks: the last entry of output_hidden_states comes after the final norm."""
    model = tiny_model("llama", L=L)
    states, _ = states_of(model, batch)
    with torch.inference_mode():
        theirs = backbone(model)(**vars(batch), output_hidden_states=True).hidden_states
    torch.testing.assert_close(theirs[L - 1], states[L - 1])
    assert float((theirs[L] - states[L]).abs().max()) > 0.1


def test_hooks_are_gone_even_after_an_exception(batch):
    model = tiny_model("gpt2", L=L)

    def burst(_layer, _x, _y):
        raise RuntimeError("burst")

    with pytest.raises(RuntimeError, match="burst"):
        residual_stream(model, batch, burst)
    assert all(not block._forward_hooks for block in blocks(model))


def test_right_padding_leaves_real_tokens_alone(batch):
    model = tiny_model("llama", L=L)
    whole, _ = states_of(model, batch)
    padded = SimpleNamespace(
        input_ids=torch.nn.functional.pad(batch.input_ids, (0, 4)),
        attention_mask=torch.nn.functional.pad(batch.attention_mask, (0, 4)),
    )
    states, _ = states_of(model, padded)
    for a, b in zip(whole, states, strict=True):
        torch.testing.assert_close(a, b[:, :11], rtol=0, atol=1e-5)


def test_a_model_without_blocks_is_refused():
    with pytest.raises(UnsupportedModel, match="no list of blocks"), watching(nn.Linear(2, 2), print):
        pass
