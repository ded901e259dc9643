"""Moments: streamed sums must equal what whole matrices give, whatever the chunks, the order and the shift."""

import pytest
import torch

from nearlinear.measure.moments import MomentSums, merge, of_matrices
from nearlinear.measure.precision import Exact, Fast

D = 7


def states(n, seed=0, offset=3.0):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, D, generator=g, dtype=torch.float64) * 2 + offset
    return x, torch.randn(n, D, generator=g, dtype=torch.float64) - offset / 2


def summed(x, delta, shift_x, shift_d, step, precision=None):
    sums = MomentSums(shift_x, shift_d, precision or Exact())
    for start in range(0, len(x), step):
        sums.add(x[start : start + step], delta[start : start + step])
    return sums.moments()


def assert_same(a, b, rtol=1e-12):
    b = b.shifted_to(a.shift_x, a.shift_d)
    assert a.n == b.n
    scale = float(a.G.abs().max())
    for name in ("sum_x", "sum_d", "G", "sq_d"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), rtol=rtol, atol=rtol * scale)


def test_sums_are_the_plain_products():
    x, delta = states(50)
    shift = torch.full((D,), 0.5, dtype=torch.float64)
    m = summed(x, delta, shift, -shift, step=50)
    xs, ds = x - 0.5, delta + 0.5
    torch.testing.assert_close(m.G_xx, xs.T @ xs)
    torch.testing.assert_close(m.G_xd, xs.T @ ds)
    torch.testing.assert_close(m.sq_d, ds.square().sum())
    torch.testing.assert_close(m.mean_x, x.mean(0))
    torch.testing.assert_close(m.mean_d, delta.mean(0))


@pytest.mark.parametrize("step", [1, 7, 100, 5000])
def test_chunk_size_and_order_do_not_matter(step):
    x, delta = states(5000)
    zero = torch.zeros(D, dtype=torch.float64)
    whole, order = summed(x, delta, zero, zero, 5000), torch.randperm(5000, generator=torch.Generator().manual_seed(1))
    assert_same(whole, summed(x[order], delta[order], zero, zero, step))


def test_merge_of_far_apart_shifts_equals_one_shift():
    x, delta = states(400)
    far = torch.linspace(-50, 80, D, dtype=torch.float64)
    a = summed(x[:150], delta[:150], far, -far, 150)
    b = summed(x[150:], delta[150:], -2 * far, far, 250)
    whole = summed(x, delta, x.mean(0), delta.mean(0), 400)
    # Re-shifting by s costs about n s² of cancellation: 400 · 160² · 1e-16 against sums near 400 · 4.
    assert_same(whole, merge(a, b), rtol=1e-12 * 160**2 / 4)
    assert_same(merge(a, b), merge(a, b.shifted_to(a.shift_x, a.shift_d)))
    assert_same(merge(a, b), summed(x, delta, far, -far, 400))


def test_merge_needs_the_shift():
    """The case that must fail: adding sums taken at different shifts, without re-expressing them, is wrong."""
    x, delta = states(400)
    zero, far = torch.zeros(D, dtype=torch.float64), torch.full((D,), 9.0, dtype=torch.float64)
    a, b = summed(x[:200], delta[:200], zero, zero, 200), summed(x[200:], delta[200:], far, far, 200)
    whole = summed(x, delta, zero, zero, 400)
    assert float((a.G + b.G - whole.G).abs().max()) > 1000
    assert_same(whole, merge(a, b))


def test_float32_products_of_shifted_states_keep_seven_digits():
    x, delta = states(4000, offset=100.0)
    x, delta = x.float(), delta.float()
    shift_x, shift_d = x[:256].mean(0), delta[:256].mean(0)
    exact = summed(x, delta, shift_x, shift_d, 4000)
    fast = summed(x, delta, shift_x, shift_d, 1000, precision=Fast())
    assert float((exact.G - fast.G).abs().max() / exact.G.abs().max()) < 1e-6
    raw = x.T @ x - torch.outer(x.sum(0), x.sum(0)) / len(x)  # unshifted float32: mean² drowns the variance
    centred = exact.G_xx - torch.outer(exact.sum_x, exact.sum_x) / exact.n
    assert float((raw.double() - centred).abs().max() / centred.abs().max()) > 1e-5


def test_moments_of_nan_say_so():
    x, delta = states(20)
    assert of_matrices(x, x + delta).finite
    x[3, 2] = float("nan")
    assert not of_matrices(x, x + delta).finite
