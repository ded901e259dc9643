"""The precision ladder on the device against float64 QR of whole matrices on the CPU, massive activations planted."""

import pytest
import torch

from nearlinear.measure.linearity import block_scores, conditioning
from nearlinear.measure.precision import choose, tf32
from nearlinear.measure.stream_sums import Rows, StreamSums

WINDOWS, WINDOW, d, MASSIVE = 16, 256, 96, 5000.0
TOLERANCE = {"exact": 1e-10, "fast": 1e-6, "turbo": 2e-2}


def states(block: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Float32 states (B, T, d) before and after a block; a first token and a delimiter a window are massive."""
    rng = torch.Generator().manual_seed(block)
    mix = torch.linalg.qr(torch.randn(d, d, generator=rng)).Q / torch.arange(1, d + 1)[:, None]
    x = 10 * torch.randn(WINDOWS, WINDOW, d, generator=rng) @ mix + torch.randn(d, generator=rng)
    inner = (0.2 + 0.4 * block) * torch.randn(d, d, generator=rng)
    delta = torch.tanh(x @ inner)
    x[:, 0, :2] += MASSIVE
    x[:, 17, 3] -= MASSIVE / 10
    return x, x + delta


def qr_scores(x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    """The slow twin, in float64 on the CPU: rows (n, d), the prediction formed and subtracted."""
    x, y = x.flatten(0, 1).double(), y.flatten(0, 1).double()
    X, D, Y = (m - m.mean(0) for m in (x, y - x, y))
    Q = torch.linalg.qr(X).Q
    error = (D - Q @ (Q.T @ D)).square().sum()
    return float(1 - error / Y.square().sum()), float(1 - error / D.square().sum())


def summed(blocks: list, precision: str, device: torch.device) -> StreamSums:
    """Pass 1 over four batches of windows."""
    sums = StreamSums(choose(precision, device))
    for part in range(4):
        rows = slice(part * WINDOWS // 4, (part + 1) * WINDOWS // 4)
        sums.rows = Rows.of(torch.ones(WINDOWS // 4, WINDOW), device)
        for layer, (x, y) in enumerate(blocks):
            sums.on_block(layer, x[rows].to(device), y[rows].to(device))
    return sums


@pytest.fixture(scope="module")
def blocks() -> list:
    return [states(block) for block in range(3)]


@pytest.mark.parametrize("precision", TOLERANCE)
def test_scores_equal_qr_on_the_cpu(precision, blocks, device):
    sums = summed(blocks, precision, device)
    for layer, (x, y) in enumerate(blocks):
        everything = block_scores(sums.blocks[layer].all_tokens())
        no_first = block_scores(sums.blocks[layer].no_first_token())
        for got, true in ((everything, qr_scores(x, y)), (no_first, qr_scores(x[:, 1:], y[:, 1:]))):
            assert got.score == pytest.approx(true[0], abs=TOLERANCE[precision])
            assert got.update_score == pytest.approx(true[1], abs=TOLERANCE[precision])
            assert 0.02 < got.update_score < 0.98  # neither end would prove anything


def test_turbo_ranks_blocks_as_exact_does(blocks, device):
    ranks = []
    for precision in ("exact", "turbo"):
        sums = summed(blocks, precision, device)
        found = [block_scores(sums.blocks[layer].no_first_token()).update_score for layer in range(len(blocks))]
        ranks.append(sorted(range(len(found)), key=found.__getitem__))
    assert ranks[0] == ranks[1]


def test_one_tf32_product_would_not_do(blocks, device):
    """The case that must fail: without the split, `fast` on tensor cores misses its tolerance."""
    x = blocks[2][0].flatten(0, 1).to(device)
    exact = x.double().T @ x.double()
    with tf32(True):
        once = (x.T @ x).double()
    size = exact.diagonal().sqrt()
    assert ((once - exact).abs() / torch.outer(size, size)).max() > 1e-5


def test_default_is_exact_where_float64_is_cheap(device):
    cheap = torch.cuda.get_device_capability() in ((8, 0), (9, 0))
    assert choose("auto", device).name == ("exact" if cheap else "fast")


def test_dependent_columns_are_ranked_not_guessed(device):
    """CUDA's least squares answers wrongly here, without a warning; ours reports the rank and stays right."""
    x, y = states(1)
    x, y = torch.cat([x, x[..., :1]], dim=2), torch.cat([y, y[..., :1]], dim=2)
    sums = summed([(x, y)], "exact", device)
    moments = sums.blocks[0].no_first_token()
    got = block_scores(moments)
    assert conditioning(moments)[0] == d
    assert got.score == pytest.approx(qr_scores(x[:, 1:, :d], y[:, 1:, :d])[0], abs=1e-2)
    assert got.score <= 1


def test_memory_does_not_grow_with_the_text(blocks, device):
    def peak(times: int) -> int:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        sums = StreamSums(choose("fast", device))
        sums.rows = Rows.of(torch.ones(WINDOWS, WINDOW), device)
        x, y = (m.to(device) for m in blocks[0])
        for _ in range(times):
            sums.on_block(0, x, y)
        return torch.cuda.max_memory_allocated()

    peak(1)
    assert peak(16) == peak(2)
