"""The closed formulas against the real modules: the last parameter, operations as torch counts them, cache bytes."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers.cache_utils import DynamicCache

from nearlinear.blocks.cache import HalfCache
from nearlinear.blocks.config import CHOICES
from nearlinear.blocks.counting import config_of, count, counted, on_meta, sizes_of
from nearlinear.blocks.model import BLOCKS, SimplifiedForCausalLM
from nearlinear.blocks.visible import visible
from nearlinear.errors import InputError
from nearlinear.results import counting
from nearlinear.results.counting import MADE
from nearlinear.results.sizes import DECODER, ENCODER, OTHERS, PAPER_MODELS, Sizes

TINY = Sizes(L=3, d=12, h=2, V=29, f=20, P=17)


def test_the_blocks_are_those_there_are():
    assert list(MADE) == list(BLOCKS) == list(CHOICES["block"])


@pytest.mark.parametrize("block", MADE)
@pytest.mark.parametrize("mlp", CHOICES["mlp"])
def test_the_formula_is_the_modules_to_the_last_parameter(block, mlp):
    for tied, causal, norm, positions in product((True, False), (True, False), CHOICES["norm"], CHOICES["positions"]):
        sizes = replace(TINY, mlp=mlp, tied=tied, causal=causal, norm=norm, positions=positions)
        assert counting.parameters(block, sizes) == count(config_of(block, sizes)), sizes


@pytest.mark.parametrize("shape", CHOICES["attention_shape"])
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("block", MADE)
def test_the_choices_of_v_skipinit_are_counted(block, shape, train):
    sizes = replace(TINY, attention_shape=shape, vp_train_gains=train)
    assert counting.parameters(block, sizes) == count(config_of(block, sizes))


@pytest.mark.parametrize("L", [1, 2, 5])
def test_what_is_there_once_is_counted_once(L):
    for block in MADE:
        assert counting.parameters(block, replace(TINY, L=L)) == count(config_of(block, replace(TINY, L=L)))


@pytest.mark.parametrize("sizes", [*PAPER_MODELS.values(), *OTHERS.values()], ids=[*PAPER_MODELS, *OTHERS])
def test_models_of_every_size_are_counted(sizes):
    for block in ("pre-ln", "sas-p"):
        assert counting.parameters(block, sizes) == count(config_of(block, sizes))


def test_every_block_of_every_model_is_counted():
    models = {"tiny": TINY, "deeper": replace(TINY, L=4)}
    assert counted(models) == {name: {b: counting.parameters(b, sizes) for b in MADE} for name, sizes in models.items()}


def test_a_configuration_and_its_sizes_are_the_same():
    sizes = replace(TINY, mlp="gated", tied=False, causal=False, norm="layer", positions="alibi", share=0.5)
    assert sizes_of(config_of("sas", sizes), share=0.5) == sizes
    assert sizes_of(config_of("pre-ln", DECODER)) == DECODER


def operations(model, T: int, *, train: bool = False) -> float:
    """Operations a token, as torch counts them in the products that are really made, by attention that forms A."""
    ids = torch.zeros(2, T, dtype=torch.long)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        out = model(input_ids=ids, use_cache=False) if model.config.causal else model(input_ids=ids)
        if train:
            out.logits.sum().backward()
    return counter.get_total_flops() / ids.numel()


@pytest.mark.parametrize("mlp", CHOICES["mlp"])
@pytest.mark.parametrize("block", MADE)
def test_operations_are_those_torch_counts(block, mlp):
    sizes = replace(TINY, mlp=mlp, causal=False)
    model = on_meta(config_of(block, sizes)).to_empty(device="cpu")
    assert operations(model, 7) == pytest.approx(counting.forward(block, sizes, 7), rel=1e-12)
    assert operations(model, 7, train=True) == pytest.approx(counting.training(block, sizes, 7), rel=1e-12)


def test_a_decoder_needs_the_keys_that_its_tokens_see_alone():
    """The counter sees the whole square; a fused kernel leaves out what is hidden."""
    T, square = 9, replace(TINY, causal=False)
    model = on_meta(config_of("sas", TINY)).to_empty(device="cpu")
    assert operations(model, T) == pytest.approx(counting.forward("sas", square, T))
    seen = visible(T, causal=True).mask.sum().item() / T
    hidden = 4 * TINY.L * TINY.d * (T - seen)
    assert counting.forward("sas", TINY, T) == pytest.approx(counting.forward("sas", square, T) - hidden)


def test_logits_for_a_share_of_the_tokens_are_a_share_of_the_work():
    whole, half = (counting.forward("sas", replace(TINY, share=share), 5) for share in (1.0, 0.5))
    assert whole - half == TINY.V * TINY.d


def bytes_of(cache) -> int:
    return sum(t.numel() * t.element_size() for layer in cache.layers for t in (layer.keys, layer.values))


@pytest.mark.parametrize("block", MADE)
def test_a_cache_takes_the_bytes_of_the_formula(block):
    model = SimplifiedForCausalLM(config_of(block, TINY)).eval()
    for half in (False, True)[: 1 + MADE[block].half]:
        cache = HalfCache() if half else DynamicCache()
        with torch.no_grad():
            model(input_ids=torch.zeros(1, 11, dtype=torch.long), past_key_values=cache, use_cache=True)
        assert bytes_of(cache) == counting.cache_bytes(block, TINY, 11, half=half, width=4)


def test_the_papers_counts():
    big = {(name, block): counting.parameters(block, sizes, counting.BIG)
           for name, sizes in {"decoder": DECODER, "encoder": ENCODER}.items() for block in MADE}  # fmt: skip
    assert big["decoder", "pre-ln"] == 18 * 12 * 768**2 + 50_000 * 768 + 1024 * 768 == 166_588_416
    assert big["decoder", "sas"] == 18 * 10 * 768**2 + 768**2 + 50_000 * 768 + 1024 * 768 == 145_944_576
    assert big["encoder", "pre-ln"] == 16 * 10 * 768**2 + 32_768 * 768 == 119_537_664
    assert big["encoder", "sas"] == 16 * 8 * 768**2 + 768**2 + 32_768 * 768 == 101_253_120
    assert [round(n / 1e6, 1) for n in (*map(big.get, product(("decoder", "encoder"), ("pre-ln", "sas"))),)] == [
        166.6, 145.9, 119.5, 101.3,
    ]  # fmt: skip
    assert [round(100 * counting.saved("sas", sizes), 1) for sizes in (DECODER, ENCODER)] == [12.4, 15.3]


def test_the_ceilings():
    assert counting.ceiling("sas", DECODER) == pytest.approx(165.8 / 145.2, abs=5e-4)
    assert counting.ceiling("sas", ENCODER) == pytest.approx(100.7 / 82.4, abs=5e-4)
    assert counting.ceiling("sas-p", replace(DECODER, L=10**6)) == pytest.approx(12 / 10, abs=1e-4)
    assert counting.ceiling("sas-p", replace(ENCODER, L=10**6)) == pytest.approx(10 / 8, abs=1e-4)
    assert counting.ceiling("parallel", ENCODER) == counting.ceiling("v-skipinit", ENCODER) == 1
    at = [counting.ceiling("sas", DECODER, T) for T in (1, 128, 2048, 10**6)]
    assert at == sorted(at, reverse=True)
    assert at[-1] == pytest.approx(1, abs=0.02)


def test_the_share_of_a_ceiling():
    assert counting.share_of_ceiling(1.1, 1.2) == pytest.approx(0.5)
    assert counting.share_of_ceiling(1.05, 1.0) != counting.share_of_ceiling(1.05, 1.0)  # nothing to gain: NaN


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"d": 10, "h": 3}, "width 10 is not divisible by 3 heads: every head needs the same width"),
        ({"L": 0}, "a model needs at least one block, head, token and number a token"),
        ({"mlp": "gated", "f": 7}, "a gated MLP halves its width, and 7 is odd: give an even one"),
        ({"share": 1.5}, "logits for a share of 1.5 of the tokens: give a share from 0 to 1"),
    ],
)
def test_sizes_that_no_model_has_are_refused(given, told):
    with pytest.raises(InputError, match=told):
        replace(TINY, **given)


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(InputError, match="block='sass' is not known: choose one of pre-ln, "):
        counting.parameters("sass", TINY)
    with pytest.raises(InputError, match="half a cache keeps inputs, and 'parallel' attends to values"):
        counting.cache_bytes("parallel", TINY, 4, half=True)
    with pytest.raises(InputError, match="an encoder reads all at once and keeps no cache"):
        counting.cache_bytes("sas", ENCODER, 4)
    with pytest.raises(InputError, match="half a cache keeps inputs, and rope turns keys one by one"):
        counting.cache_bytes("sas", replace(TINY, positions="rope"), 4, half=True)
    with pytest.raises(InputError, match="a window of 0 tokens is none: give at least 1"):
        counting.forward("sas", TINY, 0)
