"""Running from the middle gives what running from the start gives, bit for bit, and leaves nothing behind."""

import pytest
import torch

from nearlinear.edit.edits import blocks_as_tuple, with_standins
from nearlinear.edit.replay import KeptStates, replay
from nearlinear.edit.standins import AffineBlock, PassThrough
from nearlinear.inputs.load import load_model
from nearlinear.inputs.models import blocks
from nearlinear.inputs.tiny import FAMILIES
from nearlinear.inputs.windows import Window, batches

DECODERS = [family for family in FAMILIES if family != "bert"]


@pytest.fixture(scope="module")
def batch():
    """Three windows of different lengths, so that there is padding."""
    g = torch.Generator().manual_seed(0)
    windows = [Window(tuple(torch.randint(5, 250, (n,), generator=g).tolist()), n) for n in (40, 33, 50)]
    (one,) = batches(windows, batch_tokens=150)
    return one


@torch.inference_mode()
def logits(model, batch):
    return model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits


def kept_of(model, batch):
    return KeptStates.of(model, batch, as_tuple=blocks_as_tuple(model))


def counting(model):
    """How often each block runs, and the handles to remove."""
    runs = dict.fromkeys(range(len(blocks(model))), 0)

    def hook_for(layer):
        def hook(_module, _args, _output):
            runs[layer] += 1

        return hook

    return runs, [block.register_forward_hook(hook_for(layer)) for layer, block in enumerate(blocks(model))]


@pytest.mark.parametrize("family", DECODERS)
def test_running_from_a_block_on_is_running_it_all(family, batch):
    model = load_model(f"tiny-{family}").model
    kept, expected, before = kept_of(model, batch), logits(model, batch), list(blocks(model))
    assert len(kept.states) == len(before)
    for layer in range(len(before)):
        with replay(model, kept, layer):
            assert torch.equal(logits(model, batch), expected)
    assert all(a is b for a, b in zip(blocks(model), before, strict=True))
    assert torch.equal(logits(model, batch), expected)


@pytest.mark.parametrize("family", ["gpt2", "llama", "falcon"])
def test_what_comes_after_may_be_changed(family, batch):
    """The use it is made for: a block changed in the middle, and the states before it kept from the model without."""
    model = load_model(f"tiny-{family}").model
    g = torch.Generator().manual_seed(1)
    as_tuple = blocks_as_tuple(model)
    affine = AffineBlock(torch.randn(32, 32, generator=g) / 9, torch.randn(32, generator=g), as_tuple=as_tuple)
    with with_standins(model, {0: PassThrough(as_tuple)}):
        kept = kept_of(model, batch)
        for standin in (affine, PassThrough(as_tuple)):
            with with_standins(model, {1: standin}):
                expected = logits(model, batch)
                with replay(model, kept, 1):
                    assert torch.equal(logits(model, batch), expected)
                with replay(model, kept, 2):  # too late: the change is not seen
                    assert not torch.equal(logits(model, batch), expected)


def test_no_block_before_it_runs(batch):
    model = load_model("tiny-llama").model
    kept = kept_of(model, batch)
    runs, handles = counting(model)
    with replay(model, kept, 2):
        logits(model, batch)
    for handle in handles:
        handle.remove()
    assert runs == {0: 0, 1: 0, 2: 1}


def test_states_of_another_batch_are_not_the_models_own(batch):
    model = load_model("tiny-llama").model
    kept = kept_of(model, batch)
    other = KeptStates(tuple(state.roll(1, dims=0) for state in kept.states), kept.as_tuple)
    with replay(model, other, 1):
        assert not torch.equal(logits(model, batch), logits(load_model("tiny-llama").model, batch))


def fail_in_the_middle(model):
    assert [type(block).__name__ for block in blocks(model)[:2]] == ["PassThrough", "Handing"]
    raise ZeroDivisionError


def test_the_blocks_come_back_after_an_error(batch):
    model = load_model("tiny-llama").model
    before = list(blocks(model))
    with pytest.raises(ZeroDivisionError), replay(model, kept_of(model, batch), 2):
        fail_in_the_middle(model)
    assert all(a is b for a, b in zip(blocks(model), before, strict=True))
