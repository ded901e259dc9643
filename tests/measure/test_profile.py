"""The one loop, on tiny models: against plain matrices, across batchings, and with what must come out as NaN."""

import math

import numpy as np
import pytest
import torch

from nearlinear.inputs.load import load_model
from nearlinear.inputs.models import blocks
from nearlinear.inputs.windows import Window, WindowSet
from nearlinear.measure.linearity import fit, linearity_score
from nearlinear.measure.moments import of_matrices
from nearlinear.measure.profile import profile

D = 32


@pytest.fixture(scope="module")
def tiny():
    return load_model("tiny-llama")


def windows_of(lengths, documents, seed=0):
    g = torch.Generator().manual_seed(seed)
    return tuple(
        Window(tuple(torch.randint(5, 250, (n,), generator=g).tolist()), document)
        for n, document in zip(lengths, documents, strict=True)
    )


@pytest.fixture(scope="module")
def windows():
    return WindowSet(
        fit=windows_of([120, 90, 100, 120, 75, 119], [0, 0, 1, 1, 2, 2]),
        test=windows_of([80, 101, 64], [3, 4, 4], seed=1),
        group="document",
    )


def whole_states(loaded, windows):
    """States before and after every block, window by window without padding: the slow twin of the loop."""
    states = [states_of(loaded, window) for window in windows]
    return [tuple(torch.cat([w[layer][side] for w in states]) for side in (0, 1)) for layer in range(len(states[0]))]


def states_of(loaded, window):
    seen = []
    handles = [
        block.register_forward_hook(
            lambda _module, args, output: seen.append((args[0][0].double(), output[0].double()))
        )
        for block in blocks(loaded.model)
    ]
    with torch.inference_mode():
        loaded.model.base_model(torch.tensor([window.input_ids]))
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_equals_plain_matrices(tiny, windows, precision):
    measured = profile(tiny, windows, precision=precision, batch_tokens=250)
    everything = whole_states(tiny, windows.fit + windows.test)
    for layer, (x, y) in enumerate(everything):
        assert measured.scores[layer].score == pytest.approx(linearity_score(x, y), abs=1e-6)
        sizes = (y - x).norm(dim=1) / y.norm(dim=1)
        assert measured.norm_ratio[layer] == pytest.approx(float(sizes.mean()), rel=1e-6)
        cosines = torch.nn.functional.cosine_similarity(x, y, dim=1)
        assert measured.cosine[layer] == pytest.approx(float(cosines.mean()), rel=1e-6)


def test_held_out_scores_equal_the_plain_formula(tiny, windows):
    """1 - sum of squared errors / sum of squares about the *fit* split's mean."""
    part = profile(tiny, windows, precision="exact").held_out
    fits, tests = whole_states(tiny, windows.fit), whole_states(tiny, windows.test)
    for layer, ((x, y), (x_new, y_new)) in enumerate(zip(fits, tests, strict=True)):
        error = (y_new - x_new - fit(of_matrices(x, y)).update(x_new)).square().sum()
        update = (y_new - x_new - (y - x).mean(0)).square().sum()
        state = (y_new - y.mean(0)).square().sum()
        assert part.errors.update_score()[layer] == pytest.approx(float(1 - error / update), abs=1e-6)
        assert part.errors.score()[layer] == pytest.approx(float(1 - error / state), abs=1e-6)


def test_first_tokens_are_kept_apart(tiny, windows):
    measured = profile(tiny, windows, precision="exact")
    n = sum(len(w.input_ids) for w in windows.fit + windows.test)
    assert measured.scores[0].n == n
    assert measured.no_first[0].n == n - 9
    assert (measured.held_out.tokens.position == 0).sum() == 3
    starts = np.cumsum([0] + [len(w.input_ids) for w in windows.fit + windows.test])[:-1]
    x, y = whole_states(tiny, windows.fit + windows.test)[1]
    later = torch.ones(n, dtype=torch.bool)
    later[starts] = False
    assert measured.no_first[1].score == pytest.approx(linearity_score(x[later], y[later]), abs=1e-6)


@pytest.mark.parametrize("batch_tokens", [1, 130, 4000])
def test_batching_does_not_matter(tiny, windows, batch_tokens):
    a, b = profile(tiny, windows, batch_tokens=300), profile(tiny, windows, batch_tokens=batch_tokens)
    for one, other in zip(a.scores, b.scores, strict=True):
        assert one.update_score == pytest.approx(other.update_score, abs=1e-7)
    np.testing.assert_allclose(a.held_out.errors.score(), b.held_out.errors.score(), atol=1e-7)
    assert a.perplexity == pytest.approx(b.perplexity, rel=1e-5)


def test_token_table_says_whose_errors_they_are(tiny, windows):
    part = profile(tiny, windows, batch_tokens=150).held_out
    for window, each in enumerate(windows.test):
        here = part.tokens.window == window
        order = np.argsort(part.tokens.position[here])
        assert tuple(part.tokens.token_id[here][order]) == each.input_ids
        assert set(part.tokens.document[here]) == {each.document}


def test_perplexity_is_that_of_the_model(tiny, windows):
    losses = []
    for window in windows.fit + windows.test:
        ids = torch.tensor([window.input_ids])
        with torch.inference_mode():
            losses.append((float(tiny.model(ids, labels=ids).loss), len(window.input_ids) - 1))
    mean = sum(loss * n for loss, n in losses) / sum(n for _, n in losses)
    assert profile(tiny, windows).perplexity == pytest.approx(math.exp(mean), rel=1e-5)
    assert math.isnan(profile(load_model("tiny-bert"), windows).perplexity)


def test_milestones_are_fits_on_the_first_windows(tiny, windows):
    measured = profile(tiny, windows, precision="exact", milestones=(150, 400, 10_000))
    assert [m.n for m in measured.milestones] == [120 + 90 - 2, 120 + 90 + 100 + 120 - 4]
    x, y = whole_states(tiny, windows.fit[:4])[2]
    starts = np.cumsum([0, 120, 90, 100])
    later = torch.ones(len(x), dtype=torch.bool)
    later[starts] = False
    assert measured.milestones[1].scores[2].score == pytest.approx(linearity_score(x[later], y[later]), abs=1e-6)
    held = measured.milestones[1].errors
    assert held.error2.shape == (3, 80 + 101 + 64)
    assert (held.error2 != measured.held_out.errors_no_first.error2).any()


def test_nan_activations_name_the_first_block_and_leave_the_others_right(windows):
    healthy, broken = load_model("tiny-llama"), load_model("tiny-llama")
    with torch.no_grad():
        blocks(broken.model)[1].mlp.down_proj.weight[0, 0] = float("nan")
    measured, expected = profile(broken, windows), profile(healthy, windows)
    assert measured.first_broken_block() == 1
    assert measured.scores[0].score == pytest.approx(expected.scores[0].score, abs=1e-12)
    assert math.isnan(measured.scores[1].score)
    assert math.isnan(measured.scores[2].update_score)
    assert np.isnan(measured.held_out.errors.score()[1:]).all()
    assert expected.first_broken_block() is None


def test_too_few_tokens_are_nan_and_never_one(tiny):
    few = WindowSet(fit=windows_of([20], [0]), test=windows_of([20], [1]), group="window")
    measured = profile(tiny, few)
    assert measured.scores[0].n == 40
    assert not math.isnan(measured.scores[0].score)
    assert np.isnan(measured.held_out.errors.score()).all()


def test_memory_does_not_grow_with_the_tokens(tiny):
    """What is kept of a pass is the same whatever its length: count the numbers in the sums."""
    from nearlinear.measure.precision import Exact
    from nearlinear.measure.profile import Runner, _fit_pass

    def kept(n_windows):
        sums, _ = _fit_pass(Runner(tiny, Exact(), None, 500), windows_of([100] * n_windows, [0] * n_windows), ())
        parts = [p for b in sums.blocks.values() for s in (b.first, b.rest) for p in vars(s).values()]
        return sum(p.numel() for p in parts if isinstance(p, torch.Tensor))

    assert kept(4) == kept(40)


def test_massive_tokens_are_left_out_of_fit_and_held_out_text(windows):
    """One word whose embedding is huge: without it the held-out score is that of the other tokens alone."""
    loaded = load_model("tiny-llama")
    word = windows.fit[0].input_ids[7]
    with torch.no_grad():
        loaded.model.get_input_embeddings().weight[word] *= 1000
    part = profile(loaded, windows, precision="exact").held_out

    def ordinary(some):
        kinds = [(np.arange(len(w.input_ids)) > 0) & (np.array(w.input_ids) != word) for w in some]
        return torch.from_numpy(np.concatenate(kinds))

    (x, y), (x_new, y_new) = (
        [m[ordinary(some)] for m in whole_states(loaded, some)[0]] for some in (windows.fit, windows.test)
    )
    later = part.tokens.position > 0
    assert (part.massive[0] == (part.tokens.token_id == word))[later].all()
    assert part.fit_scores_no_massive[0].n == len(x)
    error = (y_new - x_new - fit(of_matrices(x, y)).update(x_new)).square().sum()
    update = (y_new - x_new - (y - x).mean(0)).square().sum()
    got = part.errors_no_massive.of_tokens(later).without(part.massive[:, later]).update_score()[0]
    assert got == pytest.approx(float(1 - error / update), abs=1e-6)
