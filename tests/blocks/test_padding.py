"""What is hidden is not read: padding, other documents, and what lies outside a window."""

import pytest
import torch

from nearlinear.blocks.config import BLOCK_NAMES
from nearlinear.blocks.model import SimplifiedModel
from nearlinear.errors import InputError

from .made import V, ids, moved, normal, padded

every_block = pytest.mark.parametrize("name", BLOCK_NAMES)


@every_block
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("left", "right"), [(3, 0), (0, 3), (2, 2)])
def test_padding_changes_nothing(name, causal, left, right):
    model = moved(name, SimplifiedModel, causal=causal).double()
    tokens, mask = padded(ids(), left, right)
    got = model(tokens, attention_mask=mask).last_hidden_state[:, left : left + 10]
    torch.testing.assert_close(got, model(ids()).last_hidden_state, atol=1e-6, rtol=0)


@pytest.mark.parametrize("positions", ["learned", "rope", "alibi"])
@pytest.mark.parametrize("causal", [True, False])
@every_block
def test_packed_documents_are_as_if_each_were_alone(name, causal, positions):
    model = moved(name, SimplifiedModel, causal=causal, positions=positions).double()
    one, other = ids(1, 4), ids(1, 6, seed=1)
    segments = torch.tensor([[3] * 4 + [1] * 6])
    packed = model(torch.cat([one, other], 1), segments=segments).last_hidden_state
    alone = torch.cat([model(text, use_cache=False).last_hidden_state for text in (one, other)], 1)
    torch.testing.assert_close(packed, alone, atol=1e-5, rtol=0)


def test_packed_documents_may_be_short_where_their_row_is_long():
    model = moved("sas", SimplifiedModel, max_position_embeddings=6).double()
    one, other = ids(1, 4), ids(1, 6, seed=1)
    segments = torch.tensor([[0] * 4 + [1] * 6])
    packed = model(torch.cat([one, other], 1), segments=segments).last_hidden_state
    torch.testing.assert_close(packed[:, 4:], model(other, use_cache=False).last_hidden_state, atol=1e-5, rtol=0)
    with pytest.raises(InputError, match="7 tokens, and the model knows 6 positions"):
        model(ids(1, 10), segments=torch.tensor([[0] * 3 + [1] * 7]))


def test_a_window_forgets():
    model = moved("sas", SimplifiedModel, window=2, positions="none").double()  # three blocks reach three tokens back
    other = ids().clone()
    other[:, 0] = other[:, 0] % (V - 1) + 1
    moved_by = (model(ids()).last_hidden_state - model(other).last_hidden_state).abs().amax((0, 2))
    assert (moved_by[:4] > 1e-6).all()
    assert moved_by[4:].max() < 1e-12  # a difference of running sums, so not to the last bit


def test_a_mask_of_ones_is_no_mask():
    """Kernels need no mask then, which is faster; and it is the same to the last bit."""
    model = moved("sas")
    assert torch.equal(model(ids(), attention_mask=torch.ones_like(ids())).logits, model(ids()).logits)


def test_values_at_padding_are_never_read():
    model = moved("sas", SimplifiedModel).double()
    x, mask = normal(2, 6, 32), torch.tensor([[0, 0, 1, 1, 1, 1]] * 2)
    other = x.clone()
    other[:, :2] = 1e6
    one, two = (model(inputs_embeds=e, attention_mask=mask).last_hidden_state[:, 2:] for e in (x, other))
    torch.testing.assert_close(one, two, atol=1e-9, rtol=0)


@pytest.mark.parametrize("positions", ["learned", "alibi"])
def test_one_mask_serves_all_blocks(positions, monkeypatch):
    """Each block would keep its own for the backward pass otherwise."""
    masks, kernel = [], torch.nn.functional.scaled_dot_product_attention

    def watched(q, k, v, attn_mask=None, **how):
        masks.append(attn_mask)
        return kernel(q, k, v, attn_mask=attn_mask, **how)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", watched)
    tokens, mask = padded(ids(), 3)
    moved("sas", SimplifiedModel, positions=positions)(tokens, attention_mask=mask)
    assert len(masks) >= 3
    assert len({id(mask) for mask in masks}) == 1
