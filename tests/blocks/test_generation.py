"""`generate`: every search and cache writes what a model without a cache writes."""

import pytest
import torch
from transformers import DynamicCache, StaticCache

from nearlinear.blocks.cache import HalfCache
from nearlinear.blocks.config import BLOCK_NAMES

from .made import POSITIONS, SHAPED, ids, moved, padded

every_block = pytest.mark.parametrize("name", BLOCK_NAMES)
N = 6


def written(model, tokens=None, **how):
    """The tokens that a model writes."""
    tokens = ids() if tokens is None else tokens
    how = {"max_new_tokens": N, "do_sample": False, "eos_token_id": None, "pad_token_id": 0} | how
    how.setdefault("attention_mask", torch.ones_like(tokens))
    return model.generate(tokens, **how)[:, tokens.shape[1] :]


def slowly(model, tokens):
    """Greedy search by whole passes."""
    n = tokens.shape[1]
    for _ in range(N):
        best = model(tokens, use_cache=False).logits[:, -1].argmax(-1, keepdim=True)
        tokens = torch.cat([tokens, best], 1)
    return tokens[:, n:]


@every_block
def test_greedy_search_is_a_loop_of_whole_passes(name):
    model = moved(name)
    expected = slowly(model, ids())
    assert len(expected.unique()) > 1
    assert torch.equal(written(model), expected)
    assert torch.equal(written(model, use_cache=False), expected)
    assert torch.equal(written(model, cache_implementation="static"), expected)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("name", ["pre-ln", "v-skipinit", "sas", "sas-p"])
@pytest.mark.parametrize("cache", [{}, {"use_cache": False}, {"cache_implementation": "static"}])
def test_padding_on_the_left_changes_nothing(name, positions, cache):
    model = moved(name, positions=positions)
    tokens, mask = padded(ids(), 3)
    assert torch.equal(written(model, tokens, attention_mask=mask, **cache), slowly(model, ids()))


@pytest.mark.parametrize("name", ["post-ln", "sas", "sas-p-no-norm"])
@pytest.mark.parametrize(
    "how", [{"do_sample": True, "top_k": 5}, {"num_beams": 3}, {"num_beams": 2, "do_sample": True}]
)
def test_searches_do_not_depend_on_the_cache(name, how):
    model, answers = moved(name), []
    caches = [{"use_cache": False}, {}, {"cache_implementation": "static"}]
    if name in SHAPED:
        caches.append({"past_key_values": HalfCache()})
    for cache in caches:
        torch.manual_seed(1)
        answers.append(written(model, **how, **cache))
    assert all(torch.equal(answers[0], other) for other in answers[1:])


def test_different_seeds_write_different_texts():
    model = moved("sas")
    texts = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        texts.append(written(model, do_sample=True))
    assert not torch.equal(*texts)


@pytest.mark.parametrize("name", ["pre-ln", "sas"])
def test_a_helper_that_guesses_changes_nothing(name):
    """Assisted decoding takes wrong guesses back out of the cache."""
    model, helper, tokens = moved(name), moved(name, seed=5), ids(1)
    assert torch.equal(written(model, tokens, assistant_model=helper), slowly(model, tokens))


@pytest.mark.parametrize("name", ["pre-ln", "sas"])
@pytest.mark.parametrize("window", [1, 3])
def test_a_window_is_kept_while_writing(name, window):
    model = moved(name, window=window)
    expected = slowly(model, ids())
    assert torch.equal(written(model), expected)
    assert torch.equal(written(model, cache_implementation="static"), expected)


@pytest.mark.parametrize("cache", [DynamicCache, HalfCache])
def test_a_text_can_be_gone_on_with(cache):
    """A chat keeps its cache between turns."""
    model, tokens, kept = moved("sas-p"), ids(1), cache()
    whole = written(model, tokens)
    first = written(model, tokens, past_key_values=kept, max_new_tokens=2)
    so_far = torch.cat([tokens, first], 1)
    rest = written(model, so_far, past_key_values=kept, max_new_tokens=N - 2)
    assert torch.equal(torch.cat([first, rest], 1), whole)


@pytest.mark.parametrize("name", ["v-skipinit", "sas-p"])
def test_the_matrices_of_a_step_with_a_static_cache_are_the_last_rows_of_the_whole(name):
    """A static cache counts in place, block by block: what a later block takes for its own place must not move."""
    model, x = moved(name), ids(T=7)
    whole = model(x, output_attentions=True, use_cache=False).attentions
    cache = StaticCache(config=model.config, max_cache_len=12)
    model(x[:, :6], past_key_values=cache)
    step = model(x[:, 6:], past_key_values=cache, output_attentions=True).attentions
    for row, matrix in zip(step, whole, strict=True):
        torch.testing.assert_close(row[..., 0, :7], matrix[..., 6, :])
