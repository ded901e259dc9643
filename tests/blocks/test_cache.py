"""Cached equals uncached, and the cache of half the size equals the whole one."""

import pytest
import torch
from transformers import DynamicCache, StaticCache

from nearlinear.blocks.cache import HalfCache
from nearlinear.blocks.config import BLOCK_NAMES
from nearlinear.blocks.model import SimplifiedModel

from .made import POSITIONS, SHAPED, D, L, ids, moved, padded

STEPS = {"one by one": [1] * 10, "a prompt, then one by one": [4, 1, 1, 1, 1, 1, 1], "in chunks": [3, 1, 4, 2]}
HALVED = [(name, positions) for name in SHAPED for positions in POSITIONS if positions != "rope"]
every_halved = pytest.mark.parametrize(("name", "positions"), HALVED)
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


@torch.no_grad()
def in_steps(model, steps, cache, tokens=None, mask=None):
    """States (B, T, d) of tokens that come a few at a time."""
    tokens, out, end = ids() if tokens is None else tokens, [], 0
    for n in steps:
        end += n
        seen = None if mask is None else mask[:, :end]
        out.append(model(tokens[:, end - n : end], attention_mask=seen, past_key_values=cache)[0])
    return torch.cat(out, 1)


@torch.no_grad()
def at_once(model, tokens=None, mask=None):
    return model(ids() if tokens is None else tokens, attention_mask=mask, use_cache=False)[0]


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("name", BLOCK_NAMES)
def test_cached_is_uncached(name, positions):
    model = moved(name, SimplifiedModel, positions=positions)
    for steps in STEPS.values():
        for cache in (DynamicCache(), StaticCache(config=model.config, max_cache_len=13)):
            torch.testing.assert_close(in_steps(model, steps, cache), at_once(model), **CLOSE)


@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize("name", ["pre-ln", "v-skipinit", *SHAPED])
def test_cached_is_uncached_in_a_window(name, window):
    model = moved(name, SimplifiedModel, window=window)
    for steps in STEPS.values():
        caches = [DynamicCache(), StaticCache(config=model.config, max_cache_len=13)]
        for cache in caches + [HalfCache()] * (name in SHAPED):
            torch.testing.assert_close(in_steps(model, steps, cache), at_once(model), **CLOSE)


@pytest.mark.parametrize("attention_shape", ["shaped", "value-skip"])
def test_cached_is_uncached_in_both_forms_of_v_skipinit(attention_shape):
    model = moved("v-skipinit", SimplifiedModel, attention_shape=attention_shape)
    torch.testing.assert_close(in_steps(model, [3, 1, 4, 2], DynamicCache()), at_once(model), **CLOSE)


@every_halved
@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_half_a_cache_is_a_whole_one(name, positions, steps):
    """q·(W_K x) = (W_Kᵀ q)·x, and means of x go through W_V: exact but for rounding, the first block's W_V included."""
    model = moved(name, SimplifiedModel, positions=positions)
    assert model.layers[0].attn.value.delta.weight.any()
    torch.testing.assert_close(in_steps(model, steps, HalfCache()), in_steps(model, steps, DynamicCache()), **CLOSE)
    exact = model.double()
    halved, whole = (in_steps(exact, steps, cache) for cache in (HalfCache(), DynamicCache()))
    torch.testing.assert_close(halved, whole, atol=1e-11, rtol=0)


@every_halved
@pytest.mark.parametrize("left", [0, 3])
def test_half_a_cache_leaves_padding_out(name, positions, left):
    model = moved(name, SimplifiedModel, positions=positions)
    tokens, mask = padded(ids(), left)
    got = in_steps(model, [left + 4, 1, 1, 1, 3], HalfCache(), tokens, mask)[:, left:]
    torch.testing.assert_close(got, at_once(model), **CLOSE)


def numbers(cache):
    return sum(layer.keys.numel() + layer.values.numel() for layer in cache.layers)


@pytest.mark.parametrize("name", SHAPED)
def test_half_a_cache_is_half_as_big(name):
    model, half, whole = moved(name, SimplifiedModel), HalfCache(), DynamicCache()
    for cache in (half, whole):
        in_steps(model, [9, 1], cache)
        assert cache.get_seq_length() == 10
    assert numbers(half) == L * 2 * 10 * D
    assert numbers(whole) == 2 * numbers(half)


@pytest.mark.parametrize("cache", [HalfCache, DynamicCache])
def test_texts_can_change_places(cache):
    """As beam search does it: both go on as the first."""
    model, kept = moved("sas", SimplifiedModel), cache()
    in_steps(model, [7], kept, ids()[:, :7])
    kept.reorder_cache(torch.tensor([0, 0]))
    tokens = ids()[:1].expand(2, -1)
    got = model(tokens[:, 7:8], past_key_values=kept)[0]
    torch.testing.assert_close(got, at_once(model, tokens)[:, 7:8], **CLOSE)
    assert (got[1] - at_once(model)[1, 7]).abs().max() > 1e-3  # and no longer as the second


@pytest.mark.parametrize("cache", [HalfCache, DynamicCache])
def test_tokens_can_be_taken_back(cache):
    """As assisted decoding does it: nothing is left of them, in no running sum either."""
    model, kept = moved("sas-p", SimplifiedModel), cache()
    in_steps(model, [8], kept, ids(seed=7)[:, :8])
    kept.crop(-3)
    tokens = torch.cat([ids(seed=7)[:, :5], ids()[:, 5:]], 1)
    got = torch.cat([model(tokens[:, i : i + 1], past_key_values=kept)[0] for i in range(5, 10)], 1)
    torch.testing.assert_close(got, at_once(model, tokens)[:, 5:], **CLOSE)


@pytest.mark.parametrize("name", SHAPED)
def test_matrices_are_given_with_half_a_cache_too(name):
    model = moved(name, SimplifiedModel)
    for n in (1, 3):
        half, whole = HalfCache(), DynamicCache()
        for cache in (half, whole):
            in_steps(model, [5], cache, ids()[:, :5])
        late = ids()[:, 5 : 5 + n]
        one, other = (model(late, past_key_values=cache, output_attentions=True) for cache in (half, whole))
        torch.testing.assert_close(one.attentions, other.attentions, **CLOSE)
        torch.testing.assert_close(one[0], other[0], **CLOSE)
        assert one.attentions[0].shape == (2, 4, n, 5 + n)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("cache", [HalfCache, DynamicCache])
def test_caches_work_in_half_precision(cache, dtype):
    model = moved("sas", SimplifiedModel)
    exact = at_once(model)
    got = in_steps(model.to(dtype), [4, 1, 1, 1, 1, 1, 1], cache())
    assert (got.float() - exact).norm() / exact.norm() < 0.05


def test_training_makes_no_cache():
    model = moved("sas", SimplifiedModel)
    assert model(ids()).past_key_values is not None
    assert model(ids(), use_cache=False).past_key_values is None
    assert model.train()(ids()).past_key_values is None
    assert moved("sas", SimplifiedModel, causal=False)(ids()).past_key_values is None
