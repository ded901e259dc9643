"""Operations and parameters against what one can count by hand."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from nearlinear.edit.cost import cost
from nearlinear.edit.edits import removed, replaced
from nearlinear.edit.fitting import identity
from nearlinear.errors import InputError
from nearlinear.measure.moments import of_matrices

D, INNER, V, L, T = 32, 80, 256, 3, 64


@pytest.fixture(scope="module")
def model():
    config = LlamaConfig(
        vocab_size=V, hidden_size=D, intermediate_size=INNER, num_hidden_layers=L, num_attention_heads=4
    )
    torch.manual_seed(0)
    return LlamaForCausalLM(config).eval()


BLOCK_WEIGHTS = 4 * D * D + 3 * D * INNER
BLOCK_FLOPS = 2 * BLOCK_WEIGHTS + 2 * 2 * T * D
"""A token: each weight multiplies and adds once; scores and mixing meet T tokens of D numbers each."""


def test_a_dense_model_costs_what_its_weights_say(model):
    found = cost(model, context=T)
    assert found.parameters == 2 * V * D + D + L * (BLOCK_WEIGHTS + 2 * D)
    assert found.flops == pytest.approx(L * BLOCK_FLOPS + 2 * V * D, rel=1e-4)  # torch 2.6 counts the rotary table too


def test_removal_saves_a_block(model):
    dense = cost(model, context=T)
    with removed(model, [1]):
        left = cost(model, context=T)
    assert dense.parameters - left.parameters == BLOCK_WEIGHTS + 2 * D
    assert dense.flops - left.flops == pytest.approx(BLOCK_FLOPS)


def test_a_map_costs_one_matrix(model):
    x = torch.randn(50, D, generator=torch.Generator().manual_seed(0))
    with removed(model, [1]):
        gone = cost(model, context=T)
    with replaced(model, {1: identity(of_matrices(x, x + 1))}):
        line = cost(model, context=T)
    assert line.parameters - gone.parameters == D * D + D
    assert line.flops - gone.flops == pytest.approx(2 * D * D)


def test_no_tokens_cost_nothing_that_can_be_divided(model):
    with pytest.raises(InputError, match="a context of 0 tokens is none: give at least 1"):
        cost(model, context=0)
