"""Clouds of known shape: a line, a ball, a curved sheet; and both estimates of dimension written out the long way."""

import math

import pytest
import torch

from nearlinear.measure.shape import FEWEST, anisotropy, mle, neighbours, shape_of, two_nn


def normal(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def inside(x: torch.Tensor, width: int = 24, seed: int = 9) -> torch.Tensor:
    """The points in more dimensions, turned any way, away from nought."""
    turn, _ = torch.linalg.qr(normal(width, width, seed))
    return torch.nn.functional.pad(x, (0, width - x.shape[1])) @ turn + 3


def slow_dimensions(states: torch.Tensor, k: int) -> tuple[float, float]:
    """(TwoNN, MLE), point by point."""
    logs, sums = [], []
    for i, point in enumerate(states):
        far = sorted(math.dist(point, other) for j, other in enumerate(states) if j != i)[:k]
        logs.append(math.log(far[1] / far[0]))
        sums += [math.log(far[-1] / one) for one in far[:-1]]
    logs.sort()
    pairs = [(x, -math.log(1 - i / len(logs))) for i, x in enumerate(logs)][: int(len(logs) * 0.9)]
    return sum(x * y for x, y in pairs) / sum(x * x for x, _ in pairs), len(sums) / sum(sums)


def test_anisotropy_is_the_share_of_the_longest_axis():
    x = torch.zeros(4, 3)
    x[0, 0], x[1, 0], x[2, 1], x[3, 1] = 3, -3, 1, -1
    assert anisotropy(inside(x.double(), 5)) == pytest.approx(0.9)
    assert anisotropy(normal(5000, 10)) == pytest.approx(0.1, rel=0.1)
    assert anisotropy(torch.outer(normal(50, 1)[:, 0], normal(1, 7)[0])) == pytest.approx(1.0)
    assert math.isnan(anisotropy(torch.ones(5, 3, dtype=torch.float64)))


@pytest.mark.parametrize("d", [1, 2, 5])
def test_a_ball_has_its_dimension_wherever_it_lies(d):
    found = shape_of(inside(normal(1200, d, seed=d)))
    assert found.two_nn == pytest.approx(d, rel=0.12)
    assert found.mle == pytest.approx(d, rel=0.12)
    assert found.distinct > 1190


def test_a_rolled_sheet_has_two_dimensions_although_it_fills_three():
    """The case that a count of axes would get wrong."""
    t, height = torch.rand(2, 1200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    angle = 1.5 * math.pi * (1 + 2 * t)
    found = shape_of(torch.stack([angle * angle.cos(), 30 * height, angle * angle.sin()], dim=1))
    assert found.two_nn == pytest.approx(2, rel=0.1)
    assert found.mle == pytest.approx(2, rel=0.1)
    assert found.anisotropy < 0.6


def test_the_estimates_are_those_written_out():
    states = inside(normal(120, 4))
    _, near = neighbours(states)
    assert near.shape == (120, 20)
    assert (two_nn(near), mle(near)) == pytest.approx(slow_dimensions(states, 20), rel=1e-6)


def test_scale_place_and_precision_change_nothing():
    states = inside(normal(300, 3))
    found, other = shape_of(states), shape_of((1000 * states - 5e5).float())
    assert (other.two_nn, other.mle, other.anisotropy) == pytest.approx(
        (found.two_nn, found.mle, found.anisotropy), rel=1e-2
    )


def test_points_told_twice_count_once():
    """Else a first neighbour would be no distance away, and a dimension of nought come out."""
    once = inside(normal(200, 3))
    found, other = shape_of(once), shape_of(torch.cat([once, once.flip(0), once[:50] + 1e-9]))
    assert other.distinct == found.distinct == 200
    assert (other.two_nn, other.mle) == pytest.approx((found.two_nn, found.mle), rel=1e-6)


def test_too_few_points_have_no_dimension():
    few = normal(FEWEST - 1, 3)
    found = shape_of(torch.cat([few, few]))
    assert math.isnan(found.two_nn)
    assert math.isnan(found.mle)
    assert found.distinct == FEWEST - 1
    assert 0 < found.anisotropy < 1


def test_states_that_are_no_numbers_have_no_shape():
    broken = normal(100, 3)
    broken[7, 1] = math.nan
    found = shape_of(broken)
    assert all(math.isnan(value) for value in (found.anisotropy, found.two_nn, found.mle))
    assert found.distinct == 0
