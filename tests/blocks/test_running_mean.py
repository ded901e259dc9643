"""C v is a mean of thousands of values: its sum must be wider than they are."""

import pytest
import torch

from nearlinear.blocks.attention import visible_mean
from nearlinear.blocks.visible import visible

from .made import normal


def running_mean_accumulated_in(dtype, v):
    """A running mean whose accumulator has no more bits than its inputs."""
    total, means = torch.zeros_like(v[..., 0, :], dtype=dtype), []
    for i in range(v.shape[-2]):
        total = (total + v[..., i, :]).to(dtype)
        means.append((total.float() / (i + 1)).to(dtype))
    return torch.stack(means, dim=-2)


N_LONG = 8192
BOUND = {torch.bfloat16: 2**-8, torch.float16: 2**-11}
"""One unit in the last place, relative: what rounding the answer may cost."""


def long_values(dtype):
    return (0.5 + 0.1 * normal(1, 1, N_LONG, 2, dtype=torch.float32)).to(dtype)


def error_at_the_end(means, v):
    exact = v.double().mean(-2)
    return float(((means[..., -1, :].double() - exact) / exact).abs().max())


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("padding", [0, 1000])
@pytest.mark.parametrize("dtype", BOUND)
def test_running_mean_is_summed_wide(dtype, padding, causal):
    v, mask = long_values(dtype), torch.ones(1, N_LONG, dtype=torch.long)
    mask[:, :padding] = 0
    seen = visible(N_LONG, causal=causal, attention_mask=mask if padding else None)
    assert error_at_the_end(visible_mean(v, seen), v[..., padding:, :]) <= BOUND[dtype]


@pytest.mark.parametrize("dtype", BOUND)
def test_a_narrow_sum_fails_that_bound(dtype):
    """The must-fail twin. A CPU's cumsum is wide by itself, so the narrow one is written out."""
    v = long_values(dtype)
    assert error_at_the_end(running_mean_accumulated_in(dtype, v), v) > 0.1


def test_a_float16_sum_would_overflow():
    v = torch.full((1, 1, 1024, 1), 100.0, dtype=torch.float16)
    assert torch.equal(visible_mean(v, visible(1024, causal=True)), v)
    assert running_mean_accumulated_in(torch.float16, v)[..., -1, :].isinf().all()
