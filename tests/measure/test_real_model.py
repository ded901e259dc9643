"""SmolLM2 on 8,192 tokens of real text: the streamed scores against a float64 QR of the whole activations.

One forward pass (the session fixture) serves every test here; it keeps all states, which the library never does.
"""

import numpy as np
import pytest
import torch

from nearlinear.inputs.windows import batches
from nearlinear.measure.heldout import StackedMaps
from nearlinear.measure.linearity import block_scores, fit
from nearlinear.measure.moments import of_matrices
from nearlinear.measure.precision import Exact, Fast
from nearlinear.measure.residual import residual_stream
from nearlinear.measure.stream_sums import Rows, StreamSums

N, CONTEXT = 8192, 512


@pytest.fixture(scope="session")
def run(smollm2, wikipedia_windows):
    """All states of every block, (n, d) float32, and the sums in both precisions, from one forward pass."""
    sums = {"exact": StreamSums(Exact()), "fast": StreamSums(Fast())}
    states, first = {}, []

    def on_block(layer, x, y):
        states.setdefault(layer, []).append((x.flatten(0, 1).clone(), y.flatten(0, 1).clone()))
        for each in sums.values():
            each.on_block(layer, x, y)

    for batch in batches(wikipedia_windows.fit):
        rows = Rows.of(batch.attention_mask, "cpu")
        for each in sums.values():
            each.rows = rows
        first.append(torch.arange(batch.input_ids.numel()) % CONTEXT == 0)
        residual_stream(smollm2.model, batch, on_block)
    whole = [tuple(torch.cat(part) for part in zip(*states[layer], strict=True)) for layer in sorted(states)]
    return whole, sums, torch.cat(first)


def qr_scores(x, y):
    """The slow twin: QR of the centred states in float64, the prediction formed and subtracted."""
    x, y = x.double(), y.double()
    delta, x = (y - x) - (y - x).mean(0), x - x.mean(0)
    q, _ = torch.linalg.qr(x)
    error = (delta - q @ (q.T @ delta)).square().sum()
    return float(1 - error / (y - y.mean(0)).square().sum()), float(1 - error / delta.square().sum())


@pytest.fixture(scope="session")
def reference(run):
    whole, _, first = run
    return [(qr_scores(x, y), qr_scores(x[~first], y[~first])) for x, y in whole]


@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_scores_equal_qr_of_the_whole_activations(run, reference, precision):
    _, sums, _ = run
    assert sums[precision].L == 30
    for layer, (everything, no_first) in enumerate(reference):
        block = sums[precision].blocks[layer]
        for moments, expected in ((block.all_tokens(), everything), (block.no_first_token(), no_first)):
            found = block_scores(moments)
            assert (found.score, found.update_score) == pytest.approx(expected, abs=1e-6)


def test_without_a_shift_float32_would_not_do(run, reference):
    """The case that must fail: one float32 product of raw states, the massive first token among them."""
    whole, _, _ = run
    worst = 0.0
    for (x, y), ((_, expected), _) in list(zip(whole, reference, strict=True))[10:14]:
        z = torch.cat([x, y], 1)
        raw = (x.T @ z).double()
        n, total, d = len(x), z.double().sum(0), x.shape[1]
        centred = raw - torch.outer(total[:d], total) / n
        W = torch.linalg.solve(centred[:, :d], centred[:, d:])
        sq_y = y.double().square().sum() - total[d:].square().sum() / n
        error = sq_y - (W * centred[:, d:]).sum()
        sq_d = (y.double() - x.double()).sub((y.double() - x.double()).mean(0)).square().sum()
        worst = max(worst, abs(float(1 - error / sq_d) - expected))
    assert worst > 1e-6


def test_the_first_token_makes_the_score(reference):
    """The chapter's story at block 12: almost 1 with each window's first token, clearly less without it."""
    (score, _), (later, _) = reference[12]
    assert score > 0.999
    assert 0.95 < later < 0.98


def test_the_identity_holds_on_every_block(run):
    _, sums, _ = run
    for block in sums["exact"].blocks.values():
        s = block_scores(block.all_tokens())
        assert (1 - s.update_score) * s.energy_ratio == pytest.approx(1 - s.score, rel=1e-12, abs=1e-15)


def test_stacked_maps_give_the_plain_errors(run):
    """Pass 2 against the plain formula, on block 20, with the maps of all tokens and of the later ones."""
    whole, sums, first = run
    x, y = (t.double() for t in whole[20])
    maps = [fit(sums["exact"].blocks[20].all_tokens()), fit(of_matrices(x[~first], y[~first]))]
    sizes = StackedMaps(maps, x.mean(0)).sizes(x, y - x)
    for k, each in enumerate(maps):
        plain = (y - x - (x @ each.A + each.b)).square().sum(1)
        np.testing.assert_allclose(sizes[0, k], plain, rtol=1e-6)
        np.testing.assert_allclose(sizes[1, k], (y - x - each.mean_d).square().sum(1), rtol=1e-9)
        np.testing.assert_allclose(sizes[2, k], (y - each.mean_y).square().sum(1), rtol=1e-9)
