"""States of one block as a benchmark needs them: many, cheap, seeded, and as awkward as a language model's.

Only torch is needed here, because the published package, in an environment of its own, draws the same ones.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

ROWS = 2048
WINDOW = 512
MASSIVE = 3000.0
"""A few dimensions of every window's first token are this large, as attention sinks make them."""


def chunks(n: int, d: int, *, seed: int = 0, device: str = "cpu") -> Iterator[tuple[Tensor, Tensor]]:
    """n states before and after a mildly non-linear block, (ROWS, d) float32 at a time, float32.

    Spectrum i^-1 (condition d), a mean some times the spread in places, and massive activations in first tokens,
    which the block leaves alone.
    """
    rng = torch.Generator().manual_seed(seed)
    mix = 20 * torch.linalg.qr(torch.randn(d, d, generator=rng)).Q / torch.arange(1, d + 1)[:, None]
    mean = 3 * torch.randn(d, generator=rng) * (torch.rand(d, generator=rng) < 0.05)
    inner = torch.randn(d, d, generator=rng) / d**0.5
    for start in range(0, n, ROWS):
        rows = torch.arange(start, min(start + ROWS, n))
        x = torch.randn(len(rows), d, generator=rng) @ mix + mean
        delta = torch.tanh(x @ inner) @ inner.T
        first = rows % WINDOW == 0
        x[first, : min(3, d)] += MASSIVE
        yield x.to(device), (x + delta).to(device)


def matrices(n: int, d: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """All n states before and after, (n, d) each, written in place so that nothing is held twice."""
    x, y = torch.empty(n, d), torch.empty(n, d)
    start = 0
    for part_x, part_y in chunks(n, d, seed=seed):
        stop = start + len(part_x)
        x[start:stop], y[start:stop] = part_x, part_y
        start = stop
    return x, y
