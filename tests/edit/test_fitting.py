"""Maps from moments: against plain least squares on plain matrices, planted answers, and what must be refused."""

import pytest
import torch

from nearlinear.edit.fitting import (
    RIDGES,
    affine,
    choose_ridge,
    error_on,
    identity,
    mean_shift,
    no_intercept,
    normalised_scale,
    through_origin,
)
from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.measure.linearity import AffineMap, fit
from nearlinear.measure.moments import of_matrices

D = 8
EVERY = (affine, no_intercept, through_origin, normalised_scale, mean_shift, identity)
NEED_TOKENS = (affine, no_intercept, through_origin, normalised_scale)


def data(n=400, d=D, noise=0.3, seed=0, scale=1.0):
    """States far from the origin, of very different spread, and their planted update."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=g, dtype=torch.float64) * torch.logspace(-1, 2, d, dtype=torch.float64) + 5
    planted = torch.Generator().manual_seed(99)
    A = torch.randn(d, d, generator=planted, dtype=torch.float64) / 3
    b = torch.randn(d, generator=planted, dtype=torch.float64)
    return x, scale * (x @ A + b) + noise * torch.randn(n, d, generator=g, dtype=torch.float64), A, b


def moments(x, delta):
    return of_matrices(x, x + delta)


def close(a, b, rtol=1e-10):
    torch.testing.assert_close(a, b, rtol=rtol, atol=1e-10)


def test_the_planted_map_is_found():
    x, delta, A, b = data(noise=0.0)
    found = affine(moments(x, delta))
    close(found.A, A, rtol=1e-8)
    close(found.b, b, rtol=1e-8)


def test_without_a_ridge_it_is_the_fit_of_the_scores():
    m = moments(*data()[:2])
    close(affine(m).A, fit(m).A)
    close(affine(m, ridge=0.0).b, fit(m).b)


@pytest.mark.parametrize("ridge", [1e-6, 0.03, 1.0, 50.0])
def test_a_ridge_is_that_of_standardised_states(ridge):
    """The slow twin: rows of the penalty are appended to the standardised data, then plain least squares."""
    x, delta, *_ = data()
    n, spread = len(x), x.std(0, correction=0)
    z, target = (x - x.mean(0)) / spread, delta - delta.mean(0)
    penalty = (n * ridge) ** 0.5 * torch.eye(D, dtype=torch.float64)
    rows, wanted = torch.cat([z, penalty]), torch.cat([target, torch.zeros(D, D, dtype=torch.float64)])
    expected = torch.linalg.lstsq(rows, wanted).solution / spread[:, None]
    found = affine(moments(x, delta), ridge=ridge)
    close(found.A, expected, rtol=1e-8)
    close(found.update(x.mean(0)), delta.mean(0))


def test_a_huge_ridge_leaves_the_identity_and_the_mean_update():
    m = moments(*data()[:2])
    bound, shift = affine(m, ridge=1e12), mean_shift(m)
    assert bound.A.abs().max() < 1e-8
    close(bound.update(m.mean_x), shift.update(m.mean_x))
    close(bound.with_residual().A, torch.eye(D, dtype=torch.float64))


def test_a_ridge_knows_no_units():
    """The same states in other units, each coordinate its own: the same guesses."""
    x, delta, *_ = data()
    units = torch.logspace(-3, 3, D, dtype=torch.float64)
    here, there = affine(moments(x, delta), ridge=0.1), affine(of_matrices(x * units, x * units + delta), ridge=0.1)
    close(there.update(x * units), here.update(x), rtol=1e-7)


def test_a_ridge_answers_where_coordinates_repeat_or_stand_still():
    x, delta, *_ = data()
    x = torch.cat([x, x[:, :1], torch.full((len(x), 1), 3.0, dtype=torch.float64)], dim=1)
    delta = torch.cat([delta, delta[:, :2]], dim=1)
    found = affine(moments(x, delta), ridge=0.01)
    assert found.A.isfinite().all()
    assert (found.A[-1] == 0).all()
    close(found.A[0] * x[:, 0].std(), found.A[-2] * x[:, -2].std())


def test_errors_are_those_of_the_data():
    """On other text than the map was fitted to, whose means differ."""
    m, (x, delta, *_) = moments(*data()[:2]), data(n=90, seed=5)
    other = moments(x + 1, delta)
    for make in EVERY:
        a = make(m)
        expected = (delta - a.update(x + 1)).square().sum()
        assert error_on(a, other) == pytest.approx(float(expected), rel=1e-9)
    with_ridge = affine(m, ridge=0.3)
    assert error_on(with_ridge, other) == pytest.approx(
        float((delta - with_ridge.update(x + 1)).square().sum()), rel=1e-9
    )


def test_a_tiny_error_beside_a_huge_mean_is_not_lost():
    """Nothing large cancels: a map that is right to 1e-3 where states are about 1e4 long."""
    x, delta, *_ = data(noise=1e-3)
    x = x + 1e4
    a, m = affine(moments(x, delta)), moments(x, delta)
    assert error_on(a, m) == pytest.approx(float((delta - a.update(x)).square().sum()), rel=1e-4)


def test_least_squares_is_the_best_there_is():
    m = moments(*data()[:2])
    best = error_on(affine(m), m)
    assert all(error_on(make(m), m) > best for make in EVERY if make is not affine)
    assert error_on(affine(m, ridge=0.01), m) > best
    nudged = affine(m)
    assert error_on(AffineMap(nudged.A + 1e-3, nudged.mean_x, nudged.mean_d), m) > best


def test_the_best_map_without_an_intercept():
    x, delta, *_ = data()
    m = moments(x, delta)
    close(through_origin(m).A, torch.linalg.lstsq(x, delta).solution, rtol=1e-8)
    assert error_on(through_origin(m), m) < error_on(no_intercept(m), m)


def test_the_variants_are_what_they_say():
    x, delta, *_ = data()
    m, y = moments(x, delta), x + delta
    close(no_intercept(m).update(x), x @ fit(m).A)
    close(mean_shift(m).update(x), delta.mean(0).expand_as(x))
    close(identity(m).update(x), torch.zeros_like(x))
    assert error_on(identity(m), m) == pytest.approx(float(delta.square().sum()), rel=1e-9)
    tilde_x, tilde_y = (states - states.mean(0) for states in (x, y))
    tilde_x, tilde_y = tilde_x / tilde_x.norm(), tilde_y / tilde_y.norm()
    close(x + normalised_scale(m).update(x), x @ torch.linalg.lstsq(tilde_x, tilde_y).solution, rtol=1e-7)


def test_the_chosen_ridge_is_the_one_with_the_least_error():
    """Few tokens a dimension and much noise: some penalty pays on new text, none on the old."""
    m, other = moments(*data(n=14, noise=50.0)[:2]), moments(*data(n=4000, noise=50.0, seed=3)[:2])
    chosen = choose_ridge(m, other)
    errors = {ridge: error_on(affine(m, ridge=ridge), other) for ridge in RIDGES}
    assert chosen == min(errors, key=errors.get)
    assert chosen > 0
    assert errors[chosen] < 0.9 * errors[0.0]
    assert choose_ridge(m, m) == 0
    assert choose_ridge(m, other, grid=(1.0, 0.5)) in (0.5, 1.0)


def test_where_there_is_no_noise_no_ridge_is_chosen():
    assert choose_ridge(moments(*data(noise=0.0)[:2]), moments(*data(noise=0.0, seed=1)[:2])) == 0


@pytest.mark.parametrize("make", NEED_TOKENS)
def test_too_few_tokens_are_refused(make):
    x, delta, *_ = data(n=D + 1)
    expected = r"^9 tokens cannot give a map of 8 dimensions: at least 10 are needed, 160 to be reliable$"
    with pytest.raises(NotEnoughTokens, match=expected):
        make(moments(x, delta))
    make(moments(*data(n=D + 2)[:2]))


@pytest.mark.parametrize("make", NEED_TOKENS)
def test_nan_is_refused(make):
    x, delta, *_ = data()
    delta[3, 2] = float("nan")
    with pytest.raises(InputError, match=r"^no map can be fitted: the activations hold NaN or infinite numbers$"):
        make(moments(x, delta))


@pytest.mark.parametrize("ridge", [-0.1, float("nan")])
def test_a_ridge_below_zero_is_refused(ridge):
    with pytest.raises(InputError, match="is no penalty: give 0 or more"):
        affine(moments(*data()[:2]), ridge=ridge)
