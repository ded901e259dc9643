"""Moments of runs from one pass: against whole matrices, the profile's own, batchings, and planted massive tokens."""

import pytest
import torch

from nearlinear.edit.edits import removed
from nearlinear.edit.fitting import affine, error_on
from nearlinear.edit.runs import run_moments
from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.inputs.load import load_model
from nearlinear.inputs.models import blocks
from nearlinear.inputs.tiny import FAMILIES
from nearlinear.inputs.windows import Window
from nearlinear.measure.moments import of_matrices
from nearlinear.measure.precision import choose
from nearlinear.measure.profile import Runner
from nearlinear.measure.stream_sums import StreamSums

LENGTHS = (40, 25, 40, 33, 7)


@pytest.fixture(scope="module")
def tiny():
    return load_model("tiny-llama")


def windows_of(lengths=LENGTHS, seed=0):
    g = torch.Generator().manual_seed(seed)
    return [Window(tuple(torch.randint(5, 250, (n,), generator=g).tolist()), i) for i, n in enumerate(lengths)]


def whole_states(loaded, windows):
    """States h_0 … h_L (n, d) of all tokens, window by window without padding: the slow twin."""
    states = [[] for _ in range(len(blocks(loaded.model)) + 1)]

    def before(_module, args, kwargs):
        states[0].append((args[0] if args else kwargs["hidden_states"])[0].double())

    def after(layer):
        def hook(_module, _args, output):
            states[layer + 1].append((output[0] if isinstance(output, tuple) else output)[0].double())

        return hook

    slots = blocks(loaded.model)
    handles = [slots[0].register_forward_pre_hook(before, with_kwargs=True)]
    handles += [block.register_forward_hook(after(layer)) for layer, block in enumerate(slots)]
    with torch.no_grad():
        for window in windows:
            loaded.model(torch.tensor([window.input_ids]))
    for handle in handles:
        handle.remove()
    return [torch.cat(parts) for parts in states]


def assert_same(a, b, rtol=1e-9, atol=1e-9):
    """The same tokens' moments, whatever their shifts. Sums are compared beside their size in b."""
    a = a.shifted_to(b.shift_x, b.shift_d)
    assert a.n == b.n
    for name in ("sum_x", "sum_d", "G", "sq_d"):
        there = getattr(b, name)
        torch.testing.assert_close(getattr(a, name), there, rtol=rtol, atol=atol * max(1.0, float(there.abs().max())))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_every_run_equals_whole_matrices(family, precision):
    loaded, windows = load_model(f"tiny-{family}"), windows_of()
    states = whole_states(loaded, windows)
    found = run_moments(loaded, windows, longest=3, precision=precision, batch_tokens=100)
    assert set(found) == {range(0, 1), range(1, 2), range(2, 3), range(0, 2), range(1, 3), range(0, 3)}  # noqa: PIE808
    assert len(found) == 6
    for run, m in found.items():
        assert m.n == sum(LENGTHS)
        expected = of_matrices(states[run.start], states[run.stop])
        assert_same(m, expected, atol=1e-5)  # batches are not windows: the float32 forward differs in its last digits


def test_single_blocks_equal_the_profile_s_own(tiny):
    """Pass 1 sums kinds of tokens apart and merges them; the batches are the same, so only rounding may differ."""
    windows, sums = windows_of(), StreamSums(choose("exact", "cpu"))

    def on_batch(_batch, rows):
        sums.rows = rows

    Runner(tiny, sums.precision, None, 100).run(windows, on_batch, sums.on_block, "fit")
    found = run_moments(tiny, windows, longest=1, precision="exact", batch_tokens=100)
    for layer in range(3):
        assert_same(found[range(layer, layer + 1)], sums.blocks[layer].all_tokens(), rtol=1e-10, atol=1e-12)


def test_longer_runs_do_not_change_shorter_ones(tiny):
    one, all_three = (run_moments(tiny, windows_of(), longest=k) for k in (1, 3))
    assert list(one) == [range(layer, layer + 1) for layer in range(3)]
    for run, m in one.items():
        assert_same(all_three[run], m, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("batch_tokens", [1, 90, 5000])
def test_batching_does_not_matter(tiny, batch_tokens):
    a, b = (run_moments(tiny, windows_of(), longest=2, batch_tokens=n) for n in (100, batch_tokens))
    for run, m in a.items():
        assert_same(b[run], m, atol=1e-6)


def test_a_chunk_more_than_fits_in_one_product(tiny):
    """Over 2,048 rows in a batch are multiplied in parts."""
    windows = windows_of([600] * 4)
    a, b = (run_moments(tiny, windows, longest=2, batch_tokens=n) for n in (600, 2400))
    assert_same(a[range(1, 3)], b[range(1, 3)], atol=1e-6)


def test_first_and_massive_tokens_are_in_and_cost_no_digits():
    """One word a thousand times longer than the others, and float32 products: still all but exact."""
    loaded, windows = load_model("tiny-llama"), windows_of([120, 90, 100])
    with torch.no_grad():
        for word in (windows[0].input_ids[0], windows[0].input_ids[7]):
            loaded.model.get_input_embeddings().weight[word] *= 1000
    exact, fast = (run_moments(loaded, windows, longest=3, precision=p) for p in ("exact", "fast"))
    for run, m in exact.items():
        assert m.n == 310
        maps = [affine(some, ridge=1e-3) for some in (m, fast[run])]
        assert error_on(maps[1], m) == pytest.approx(error_on(maps[0], m), rel=1e-6)


def test_a_run_over_a_changed_model_is_that_of_its_states(tiny):
    """Fitted anew after a step: the blocks that stand in are watched like any other."""
    windows = windows_of()
    with removed(tiny.model, [1]):
        states, found = whole_states(tiny, windows), run_moments(tiny, windows, longest=2)
        assert torch.equal(states[1], states[2])
    assert_same(found[range(2)], of_matrices(states[0], states[2]), atol=1e-5)
    assert float(found[range(1, 2)].sq_d) == 0
    assert affine(found[range(1, 2)]).A.abs().max() == 0


def test_a_run_that_was_not_measured_is_not_there(tiny):
    found = run_moments(tiny, windows_of(), longest=2)
    assert range(3) not in found
    with pytest.raises(KeyError):
        found[range(2, 4)]


@pytest.mark.parametrize("longest", [0, 4])
def test_a_length_that_no_run_has_is_refused(tiny, longest):
    with pytest.raises(InputError, match=f"^no run has {longest} blocks: this model has runs of 1 to 3$"):
        run_moments(tiny, windows_of(), longest=longest)


def test_no_windows_and_unknown_precisions_are_refused(tiny):
    with pytest.raises(NotEnoughTokens, match=r"^there are no windows to take moments of: give some text$"):
        run_moments(tiny, [], longest=1)
    with pytest.raises(InputError, match="no precision 'best'"):
        run_moments(tiny, windows_of(), longest=1, precision="best")
    with pytest.raises(NotEnoughTokens, match=r"^7 tokens cannot give a map of 32 dimensions: at least 34 are needed"):
        affine(run_moments(tiny, windows_of([7]), longest=1)[range(1)])
