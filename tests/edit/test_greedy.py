"""The greedy search against the plain loop that runs the whole model for every candidate, and planted answers."""

import math

import pytest
import torch

from nearlinear.edit.edits import blocks_as_tuple, removed, replaced
from nearlinear.edit.fitting import affine
from nearlinear.edit.greedy import greedy, losses_if_changed
from nearlinear.edit.orders import nested
from nearlinear.edit.runs import run_moments
from nearlinear.edit.standins import AffineBlock, PassThrough
from nearlinear.errors import InputError, UnsupportedModel
from nearlinear.inputs.load import LoadedModel, load_model
from nearlinear.inputs.models import blocks
from nearlinear.inputs.tiny import byte_tokenizer, tiny_model
from nearlinear.inputs.windows import Window

L = 5


def tiny_of(family, seed=4):
    loaded = load_model(f"tiny-{family}")
    return LoadedModel(tiny_model(family, L=L, seed=seed), byte_tokenizer(), loaded.source, loaded.context)


def windows_of(lengths, seed=0):
    g = torch.Generator().manual_seed(seed)
    return tuple(Window(tuple(torch.randint(5, 250, (n,), generator=g).tolist()), i) for i, n in enumerate(lengths))


@pytest.fixture(scope="module")
def windows():
    return windows_of([40, 33, 50, 21, 1, 2])


@torch.inference_mode()
def plain_loss(model, windows):
    """Mean log-loss a token: window by window, with logits and labels as transformers has them."""
    pairs = [(torch.tensor([w.input_ids]), len(w.input_ids) - 1) for w in windows if len(w.input_ids) > 1]
    return sum(float(model(ids, labels=ids).loss) * n for ids, n in pairs) / sum(n for _, n in pairs)


def plain_loop(loaded, windows, k, edit):
    """The slow twin: for each step, every candidate, the whole model. `edit(layers)` changes the model in a `with`."""
    changed, steps = [], []
    for _ in range(k):
        losses = {}
        for layer in set(range(L)) - set(changed):
            with edit([*changed, layer]):
                losses[layer] = plain_loss(loaded.model, windows)
        changed.append(min(losses, key=losses.get))
        steps.append(losses)
    return tuple(changed), steps


def check(loaded, windows, k, standin, edit):
    steps = []
    order = greedy(loaded, windows, k, standin=standin, on_step=steps.append, batch_tokens=90)
    expected, losses = plain_loop(loaded, windows, k, edit)
    assert order == expected
    assert tuple(step.layer for step in steps) == order
    for step, plain in zip(steps, losses, strict=True):
        assert step.losses == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("family", ["gpt2", "llama", "falcon"])
def test_removing_equals_the_plain_loop(family, windows):
    loaded = tiny_of(family)
    as_tuple = blocks_as_tuple(loaded.model)
    check(loaded, windows, 4, lambda _layer: PassThrough(as_tuple), lambda layers: removed(loaded.model, layers))


def test_replacing_equals_the_plain_loop(windows):
    loaded = tiny_of("llama")
    moments = run_moments(loaded, windows_of([100, 90], seed=1), longest=1)
    maps = {layer: affine(moments[range(layer, layer + 1)]) for layer in range(L)}

    def standin(layer):
        return AffineBlock.of(maps[layer], as_tuple=False, dtype=torch.float32, device="cpu")

    check(loaded, windows, 3, standin, lambda layers: replaced(loaded.model, {la: maps[la] for la in layers}))


def test_a_block_that_does_nothing_costs_nothing_and_the_model_comes_back(windows):
    loaded = tiny_of("llama")
    with torch.no_grad():
        for part in (blocks(loaded.model)[3].self_attn.o_proj, blocks(loaded.model)[3].mlp.down_proj):
            part.weight.zero_()
    before, weights = list(blocks(loaded.model)), [p.clone() for p in loaded.model.parameters()]
    losses = losses_if_changed(loaded, windows, {}, {layer: PassThrough(False) for layer in range(L)})
    assert losses[3] == pytest.approx(plain_loss(loaded.model, windows), rel=1e-6)
    greedy(loaded, windows, 2, standin=lambda _layer: PassThrough(False))
    assert all(a is b for a, b in zip(blocks(loaded.model), before, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(loaded.model.parameters(), weights, strict=True))


def test_equal_losses_take_the_shallowest_and_a_plan_follows(windows):
    loaded = tiny_of("llama")
    with torch.no_grad():
        loaded.model.lm_head.weight.zero_()  # every next token is as likely as any other, whatever the blocks do
    steps = []
    order = greedy(loaded, windows, 3, standin=lambda _layer: PassThrough(False), on_step=steps.append)
    assert order == (0, 1, 2)
    assert set(steps[0].losses) == {0, 1, 2, 3, 4}
    assert steps[0].losses[4] == pytest.approx(math.log(256))
    assert nested("greedy", (3, 0, 2)).steps == ((3,), (0, 3), (0, 2, 3))


def test_blocks_that_break_the_model_are_never_chosen(windows):
    """A stand-in of NaN has the loss NaN, which is no less than any other."""
    loaded = tiny_of("llama")
    nan = torch.full((32,), float("nan"))

    def standin(layer):
        return AffineBlock(torch.zeros(32, 32), nan, as_tuple=False) if layer < 3 else PassThrough(False)

    assert set(greedy(loaded, windows, 2, standin=standin)) == {3, 4}
    with pytest.raises(InputError, match="the calibration loss is NaN whichever block is changed"):
        greedy(loaded, windows, 3, standin=standin)


def test_each_candidate_runs_from_its_own_block_on(windows):
    """One batch: L blocks for the states that are kept (and L to see how they answer), L - 1 - l for a candidate l."""
    loaded = tiny_of("llama")
    runs = []
    handles = [block.register_forward_hook(lambda *_args: runs.append(1)) for block in blocks(loaded.model)]
    losses_if_changed(loaded, windows, {}, {layer: PassThrough(False) for layer in range(L)})
    for handle in handles:
        handle.remove()
    assert len(runs) == L + L + sum(range(L))


def test_what_cannot_be_searched_says_why(windows):
    loaded = tiny_of("llama")
    removing = {"standin": lambda _layer: PassThrough(False)}
    with pytest.raises(InputError, match="5 of 5 blocks cannot be changed: choose from 1 to 4"):
        greedy(loaded, windows, 5, **removing)
    for empty in ((), windows_of([1, 1])):
        with pytest.raises(InputError, match="no window has a next token to predict: give windows of at least two"):
            greedy(loaded, empty, 1, **removing)
    with pytest.raises(InputError, match="a window has 1025 tokens, and the model takes at most 1024"):
        greedy(loaded, windows_of([1025]), 1, **removing)
    with pytest.raises(UnsupportedModel, match="predicts no next token"):
        greedy(load_model("tiny-bert"), windows, 1, **removing)
