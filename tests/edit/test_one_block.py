"""The moments of one block from a pass that ends there: against those of a whole pass, and on a changed model."""

import pytest
import torch

from nearlinear.edit.edits import removed
from nearlinear.edit.one_block import one_block_moments
from nearlinear.edit.runs import run_moments
from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.inputs.load import load_model
from nearlinear.inputs.models import blocks
from nearlinear.inputs.tiny import FAMILIES
from nearlinear.inputs.windows import Window

LENGTHS = (40, 25, 40, 33, 7)


def windows_of(seed=0):
    g = torch.Generator().manual_seed(seed)
    return [Window(tuple(torch.randint(5, 250, (n,), generator=g).tolist()), i) for i, n in enumerate(LENGTHS)]


def same(one, other) -> bool:
    fields = ("shift_x", "shift_d", "sum_x", "sum_d", "G", "sq_d")
    return one.n == other.n and all(torch.equal(getattr(one, name), getattr(other, name)) for name in fields)


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_what_a_whole_pass_gives(family):
    loaded, windows = load_model(f"tiny-{family}"), windows_of()
    whole = run_moments(loaded, windows, longest=1)
    for layer in range(loaded.source.L):
        assert same(one_block_moments(loaded, windows, layer), whole[range(layer, layer + 1)])


def test_of_a_changed_model_it_is_what_a_whole_pass_of_that_gives():
    loaded, windows = load_model("tiny-llama"), windows_of()
    dense = one_block_moments(loaded, windows, 2)
    with removed(loaded.model, [1]):
        found, whole = one_block_moments(loaded, windows, 2), run_moments(loaded, windows, longest=1)
    assert same(found, whole[range(2, 3)])
    assert not same(found, dense)


def test_no_later_block_is_run():
    loaded, ran = load_model("tiny-llama"), []
    for layer, block in enumerate(blocks(loaded.model)):
        block.register_forward_hook(lambda *_args, layer=layer: ran.append(layer))
    one_block_moments(loaded, windows_of(), 1)
    assert ran == [0, 1, 2, 0, 1]  # one token at first, to see how the blocks answer


@pytest.mark.parametrize(
    ("windows", "layer", "error", "words"),
    [([], 1, NotEnoughTokens, "no windows"), (None, 3, InputError, "block 3 is not there: the blocks are 0 to 2")],
)
def test_bad_input_is_one_sentence(windows, layer, error, words):
    with pytest.raises(error, match=words):
        one_block_moments(load_model("tiny-llama"), windows_of() if windows is None else windows, layer)
