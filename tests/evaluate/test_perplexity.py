"""Log-losses against whole logits, the common strided recipe written out, and intervals with a planted answer."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import CONFIG_MAPPING

from nearlinear.errors import InputError, UnsupportedModel
from nearlinear.evaluate import head
from nearlinear.evaluate.perplexity import WindowLosses, compare, losses, losses_after, strided_perplexity
from nearlinear.inputs.load import LoadedModel, load_model
from nearlinear.inputs.tiny import FAMILIES, byte_tokenizer
from nearlinear.inputs.twin import random_model
from nearlinear.inputs.windows import Window

DECODERS = [family for family in FAMILIES if family != "bert"]
TEXT = "Once upon a time there was a line so straight that nobody believed it. " * 5


@pytest.fixture(scope="module")
def tiny():
    return load_model("tiny-llama")


def windows_of(lengths, documents, seed=0):
    g = torch.Generator().manual_seed(seed)
    return tuple(
        Window(tuple(torch.randint(5, 250, (n,), generator=g).tolist()), document)
        for n, document in zip(lengths, documents, strict=True)
    )


WINDOWS = windows_of([40, 33, 1, 60, 17], [0, 0, 1, 1, 2])


def token_losses(model, input_ids):
    """One window at once, alone: the slow twin."""
    ids = torch.tensor([input_ids])
    with torch.no_grad():
        return cross_entropy(model(ids).logits[0, :-1].double(), ids[0, 1:], reduction="none")


@pytest.mark.parametrize("family", DECODERS)
def test_equals_whole_logits_of_single_windows(family, monkeypatch):
    """In batches with padding, and with the head applied to five states at a time."""
    monkeypatch.setattr(head, "LOGITS", 5 * 256)
    loaded = load_model(f"tiny-{family}")
    found = losses(loaded, WINDOWS, batch_tokens=100)
    expected = [float(token_losses(loaded.model, window.input_ids).sum()) for window in WINDOWS]
    np.testing.assert_allclose(found.nats, expected, rtol=1e-5)
    assert found.tokens.tolist() == [39, 32, 0, 59, 16]
    assert found.document.tolist() == [0, 0, 1, 1, 2]
    assert found.perplexity == pytest.approx(math.exp(sum(expected) / 146), rel=1e-5)


def with_config(**words):
    """A tiny model of any family, in Llama's words."""
    family = words.pop("family")
    config = CONFIG_MAPPING[family](
        vocab_size=256, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, head_dim=8, max_position_embeddings=128, pad_token_id=0, bos_token_id=0, eos_token_id=0,
        **words,
    )  # fmt: skip
    source = load_model("tiny-llama").source
    return LoadedModel(random_model(config, 0), byte_tokenizer(), source, 128)


@pytest.mark.parametrize(
    "words",
    [
        {"family": "gemma2", "final_logit_softcapping": 0.2},
        {"family": "cohere", "logit_scale": 3.0},
        {"family": "granite", "logits_scaling": 0.25},
    ],
    ids=lambda words: words["family"],
)
def test_capped_and_scaled_logits_are_those_of_the_family(words):
    loaded = with_config(**words)
    expected = [float(token_losses(loaded.model, window.input_ids).sum()) for window in WINDOWS]
    np.testing.assert_allclose(losses(loaded, WINDOWS).nats, expected, rtol=1e-5)


def test_logits_made_in_a_way_that_we_do_not_know_are_refused(tiny, monkeypatch):
    forward = tiny.model.forward

    def doubled(*args, **kwargs):
        output = forward(*args, **kwargs)
        output.logits = 2 * output.logits
        return output

    monkeypatch.setattr(tiny.model, "forward", doubled)
    with pytest.raises(UnsupportedModel, match="LlamaForCausalLM does something with its logits that we do not know"):
        losses(tiny, WINDOWS)


def test_no_hook_is_left_behind(tiny):
    losses(tiny, WINDOWS)
    with pytest.raises(IndexError):
        losses(tiny, [Window((1, 256), 0)])
    assert not any(module._forward_pre_hooks for module in tiny.model.modules())


def test_only_tokens_after_the_start_count(tiny):
    starts = [10, 1, 1, 59, 17]
    found = losses_after(tiny, WINDOWS, starts, batch_tokens=70)
    for i, (window, start) in enumerate(zip(WINDOWS, starts, strict=True)):
        assert found.nats[i] == pytest.approx(float(token_losses(tiny.model, window.input_ids)[start - 1 :].sum()))
    assert found.tokens.tolist() == [30, 32, 0, 1, 0]


@pytest.mark.parametrize("batch_tokens", [1, 90, 4000])
def test_batching_does_not_matter(tiny, batch_tokens):
    np.testing.assert_allclose(
        losses(tiny, WINDOWS, batch_tokens=batch_tokens).nats, losses(tiny, WINDOWS).nats, rtol=1e-6
    )


def test_float64_is_kept():
    loaded = load_model("tiny-llama", dtype="float64")
    expected = [float(token_losses(loaded.model, window.input_ids).sum()) for window in WINDOWS]
    np.testing.assert_allclose(losses(loaded, WINDOWS).nats, expected, rtol=1e-12)


def test_an_encoder_predicts_nothing():
    with pytest.raises(UnsupportedModel, match="tiny-bert predicts no next token: choose a causal language model"):
        losses(load_model("tiny-bert"), WINDOWS)


def test_windows_longer_than_the_context_are_refused(tiny):
    with pytest.raises(InputError, match="a window has 1025 tokens, and the model takes at most 1024"):
        losses(tiny, windows_of([1025], [0]))


def test_nan_and_nothing_are_not_hidden(tiny):
    assert math.isnan(losses(tiny, windows_of([1], [0])).perplexity)
    broken = load_model("tiny-llama")
    with torch.no_grad():
        broken.model.lm_head.weight[:] = torch.nan
    found = losses(broken, WINDOWS)
    assert math.isnan(found.perplexity)
    assert all(math.isnan(value) for value in compare(found, losses(tiny, WINDOWS), seed=0))


def test_a_hopeless_model_has_infinite_perplexity():
    assert WindowLosses(np.array([1e6]), np.array([10]), np.array([0])).perplexity == math.inf


def recipe(loaded, text, context, stride):
    """The loop of "Perplexity of fixed-length models", each predicted token weighing the same."""
    ids = torch.tensor([loaded.tokenizer(text)["input_ids"]])
    nats, count, reached = 0.0, 0, 0
    for begin in range(0, ids.shape[1], stride):
        end = min(begin + context, ids.shape[1])
        targets = ids[:, begin:end].clone()
        targets[:, : reached - begin] = -100  # only the last end - reached tokens are new
        with torch.no_grad():
            loss = loaded.model(ids[:, begin:end], labels=targets).loss
        n = int((targets[:, 1:] != -100).sum())
        nats, count, reached = nats + float(loss) * n, count + n, end
        if end == ids.shape[1]:
            break
    return math.exp(nats / count)


@pytest.mark.parametrize(("context", "stride"), [(64, 32), (64, 64), (100, 17), (64, 60), (1000, 500)])
def test_strides_as_in_the_common_recipe(tiny, context, stride):
    text = TEXT[:300]
    found = strided_perplexity(tiny, text, context=context, stride=stride)
    assert found == pytest.approx(recipe(tiny, text, context, stride), abs=1e-4)


def test_a_stride_of_one_gives_every_token_its_longest_context(tiny):
    ids = tiny.tokenizer(TEXT[:40]).input_ids
    found = strided_perplexity(tiny, TEXT[:40], context=30, stride=1)
    last = [token_losses(tiny.model, ids[end - 30 : end])[-1] for end in range(31, 41)]
    assert found == pytest.approx(
        math.exp(float(torch.cat([token_losses(tiny.model, ids[:30]), torch.stack(last)]).mean()))
    )


@pytest.mark.parametrize("stride", [0, -1, 65])
def test_strides_out_of_range(tiny, stride):
    with pytest.raises(InputError, match=f"a stride of {stride} does not fit a context of 64: choose 1 to 64"):
        strided_perplexity(tiny, TEXT, context=64, stride=stride)


def test_a_text_of_one_token_and_a_context_too_long(tiny):
    with pytest.raises(InputError, match="fewer than two tokens"):
        strided_perplexity(tiny, "a", context=64, stride=32)
    with pytest.raises(InputError, match="a window has 1100 tokens, and the model takes at most 1024"):
        strided_perplexity(tiny, "a" * 1200, context=1100, stride=100)


def made_up(nats, tokens, document):
    return WindowLosses(np.array(nats, float), np.array(tokens), np.array(document))


def test_the_difference_weighs_tokens_not_windows():
    a, b = made_up([30, 1], [30, 10], [0, 1]), made_up([0, 0], [30, 10], [0, 1])
    assert compare(a, b, seed=0).mean == pytest.approx(31 / 40)
    assert compare(b, a, seed=0).mean == pytest.approx(-31 / 40)


def test_a_difference_that_is_the_same_everywhere_is_certain():
    """However different the documents are from each other: the resamples are paired."""
    rng = np.random.default_rng(0)
    tokens, document = rng.integers(50, 200, 30), np.repeat(np.arange(10), 3)
    b = made_up(rng.uniform(1, 9, 30) * tokens, tokens, document)
    a = made_up(b.nats + 0.25 * tokens, tokens, document)
    assert compare(a, b, seed=0) == pytest.approx((0.25, 0.25, 0.25))


def slow_interval(nats, tokens, document, seed):
    """Documents drawn with replacement, one resample after another."""
    rng, labels = np.random.default_rng(seed), np.unique(document)
    draws = []
    for _ in range(2000):
        drawn = np.concatenate([np.flatnonzero(document == d) for d in rng.choice(labels, len(labels))])
        draws.append(nats[drawn].sum() / tokens[drawn].sum())
    return np.percentile(draws, [2.5, 97.5])


def test_intervals_resample_documents():
    rng = np.random.default_rng(1)
    tokens, document = rng.integers(50, 200, 60), np.repeat(np.arange(12), 5)
    nats = (rng.normal(0.1, 0.5, 12)[document] + rng.normal(0, 0.1, 60)) * tokens
    found = compare(made_up(nats, tokens, document), made_up(0 * nats, tokens, document), seed=0)
    low, high = slow_interval(nats, tokens, document, seed=5)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.03)
    alone = compare(made_up(nats, tokens, np.arange(60)), made_up(0 * nats, tokens, np.arange(60)), seed=0)
    assert alone.high - alone.low < 0.7 * (high - low)
    assert found == compare(made_up(nats, tokens, document), made_up(0 * nats, tokens, document), seed=0)


def test_one_document_resamples_windows_and_one_window_nothing():
    a, b = made_up([3, 1, 2], [10, 10, 10], [4, 4, 4]), made_up([0, 0, 0], [10, 10, 10], [4, 4, 4])
    found = compare(a, b, seed=0)
    assert 0.1 <= found.low < found.mean < found.high <= 0.3
    assert math.isnan(compare(made_up([3], [10], [0]), made_up([1], [10], [0]), seed=0).low)


def test_windows_of_one_token_change_no_interval():
    a, b = made_up([3, 1, 0], [10, 10, 0], [0, 1, 2]), made_up([0, 0, 0], [10, 10, 0], [0, 1, 2])
    assert math.isfinite(compare(a, b, seed=0).low)


def test_losses_of_other_windows_are_not_compared(tiny):
    with pytest.raises(InputError, match="not of the same windows: evaluate both models on the same ones"):
        compare(losses(tiny, WINDOWS), losses(tiny, WINDOWS[:3]), seed=0)
