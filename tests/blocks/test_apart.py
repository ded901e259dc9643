"""Blocks taken apart: their parts are the modules that are really there, and what is measured is what was planted."""

import pytest
import torch

from nearlinear.blocks.apart import apart, attention_error, ladder, parts, states, without_mlp
from nearlinear.blocks.config import SimplifiedConfig
from nearlinear.blocks.model import BLOCKS
from nearlinear.blocks.stacks import context_of, stack
from nearlinear.errors import InputError
from nearlinear.results.counting import BIG, parameters
from nearlinear.results.sizes import Sizes

SHAPED = ("v-skipinit", "sas", "sas-p", "sas-p-no-norm")
PLAIN = ("pre-ln", "post-ln", "parallel", "skipless")


@pytest.fixture(scope="module")
def all_apart():
    return {made.block: made for made in ladder(d=32, h=4, L=3)}


def test_the_ladder_has_every_block_once(all_apart):
    assert set(all_apart) == set(BLOCKS)
    assert all_apart["sas"] == apart("sas", d=32, h=4, L=3)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_parts_hold_every_parameter(block):
    made = BLOCKS[block](SimplifiedConfig(block, hidden_size=32, num_attention_heads=4), 1)
    assert sum(parts(made).values()) == sum(p.numel() for p in made.parameters())


@pytest.mark.parametrize("block", BLOCKS)
def test_the_parts_of_all_blocks_are_those_of_the_closed_formula(all_apart, block):
    sizes = Sizes(L=3, d=32, h=4, V=50, P=8)
    around = parameters(block, sizes, ("embedding",)) + sizes.d  # and the final norm
    assert all_apart[block].all_blocks == parameters(block, sizes) - around


def test_the_sizes_of_the_paper_are_the_default():
    made = apart("sas")
    assert (made.d, made.h, made.L, made.d_ff) == (768, 12, 18, 3072)
    assert made.first_block == 768**2
    assert made.all_blocks == pytest.approx(parameters("sas", Sizes(), BIG) - 51_024 * 768, rel=3e-4)  # norms, gains


def test_shaped_attention_starts_as_the_identity_and_softmax_does_not(all_apart):
    assert all(all_apart[block].attention_error < 1e-12 for block in SHAPED)
    assert all(all_apart[block].attention_error > 0.5 for block in PLAIN)


def test_attention_that_moved_is_no_identity():
    block, x = stack("sas", L=2, d=64, h=4, seed=0)[-1], states(0)
    assert attention_error(block, x) < 1e-12
    block.attn.alpha.bias_free.add_(0.5)  # then what acts on the values is 1.5 I
    assert attention_error(block, x) == pytest.approx(0.5)


def test_what_passes_by_a_silent_mlp(all_apart):
    assert all_apart["sas"].without_mlp == pytest.approx(1, abs=1e-12)
    assert all_apart["sas-p"].without_mlp == pytest.approx(1, abs=1e-12)  # no skip, and yet the token is all there
    assert all_apart["skipless"].without_mlp < 0.3


def test_measuring_leaves_the_block_as_it_was():
    block, x = stack("pre-ln", L=2, d=64, h=4, seed=0)[-1], states(0)
    before = block(x, context_of("causal", x.shape[1]))
    without_mlp(block, x)
    attention_error(block, x)
    assert torch.equal(block(x, context_of("causal", x.shape[1])), before)


def test_the_same_seed_gives_the_same_numbers_and_no_state_is_left_behind():
    state = torch.random.get_rng_state()
    first, again, other = (apart("pre-ln", d=32, h=4, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert first == again
    assert first.attention_error != other.attention_error


def test_an_unknown_block_is_refused():
    with pytest.raises(InputError, match="block='sas-q' is not known: choose one of pre-ln"):
        apart("sas-q")
