"""`torch.compile` makes one graph of a block, of a model, and of a step of writing: nothing breaks it."""

import pytest
import torch
import torch.nn.functional as F
from transformers import StaticCache

from nearlinear.blocks.cache import HalfCache
from nearlinear.blocks.config import BLOCK_NAMES
from nearlinear.blocks.context import Context
from nearlinear.blocks.model import SimplifiedModel
from nearlinear.blocks.visible import visible

from .made import SHAPED, D, ids, moved, normal, padded

every_block = pytest.mark.parametrize("name", BLOCK_NAMES)
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def compiled(module, backend="eager"):
    torch.compiler.reset()
    return torch.compile(module, fullgraph=True, backend=backend)


MASKS = {
    "causal": {"causal": True},
    "padded": {"causal": True, "attention_mask": torch.tensor([[0, 0, 1, 1, 1, 1], [1] * 6])},
    "window": {"causal": True, "window": 2},
    "packed": {"causal": False, "segments": torch.tensor([[1, 1, 2, 2, 2, 2]] * 2)},
}


@pytest.mark.parametrize(
    ("name", "mask"), [*((name, "padded") for name in BLOCK_NAMES), *(("sas", mask) for mask in MASKS)]
)
def test_a_block_compiles_into_one_graph_with_its_gradients(name, mask):
    block = moved(name, SimplifiedModel).layers[0]
    x, context = normal(2, 6, D, dtype=torch.float32).requires_grad_(), Context(visible(6, **MASKS[mask]))
    one, other = compiled(block, "aot_eager")(x, context), block(x, context)
    torch.testing.assert_close(one, other, **CLOSE)
    gradients = [torch.autograd.grad(out.sum(), x)[0] for out in (one, other)]
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)


@every_block
def test_a_model_compiles_into_one_graph(name):
    model = moved(name, positions="rope" if name == "sas" else "alibi" if name == "sas-p" else "learned")
    fast = compiled(model)
    tokens, mask = padded(ids(), 3)
    for how in ({"input_ids": ids()}, {"input_ids": tokens, "attention_mask": mask}):
        torch.testing.assert_close(fast(**how, use_cache=False).logits, model(**how, use_cache=False).logits, **CLOSE)


@pytest.mark.parametrize(("name", "masked"), [*((name, True) for name in BLOCK_NAMES), ("sas", False)])
@torch.no_grad()
def test_a_step_with_a_static_cache_compiles_into_one_graph(name, masked):
    model = moved(name)
    tokens, mask = padded(ids(), 3 if masked else 0)
    n, room = tokens.shape[1], 20
    mask = F.pad(mask, (0, room - n), value=1) if masked else None
    whole = model(tokens, attention_mask=None if mask is None else mask[:, :n], use_cache=False).logits
    cache, step = StaticCache(config=model.config, max_cache_len=room), compiled(model)
    model(tokens[:, : n - 3], attention_mask=mask, past_key_values=cache)
    for i in range(n - 3, n):
        logits = step(tokens[:, i : i + 1], attention_mask=mask, past_key_values=cache).logits
        torch.testing.assert_close(logits[:, 0], whole[:, i], **CLOSE)


@pytest.mark.parametrize("name", SHAPED)
@torch.no_grad()
def test_a_step_with_half_a_cache_compiles_into_one_graph(name):
    model, cache = moved(name, SimplifiedModel), HalfCache()
    model(ids()[:, :7], past_key_values=cache)
    got = compiled(model)(ids()[:, 7:8], past_key_values=cache)[0]
    torch.testing.assert_close(got, model(ids()[:, :8], use_cache=False)[0][:, 7:], **CLOSE)
