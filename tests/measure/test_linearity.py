"""The score: planted answers, a slow reference twin, invariances, and what it must refuse."""

import math

import numpy as np
import pytest
import torch

import nearlinear
from nearlinear.measure.heldout import Errors, intervals
from nearlinear.measure.linearity import (
    block_scores,
    conditioning,
    fit,
    linearity_score,
    score,
    unreliable,
    update_score,
)
from nearlinear.measure.moments import of_matrices


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def reference(x, y):
    """The slow twin: QR of the whole centred matrix, the prediction formed and subtracted."""
    x, y = x - x.mean(0), y - y.mean(0)
    q, _ = torch.linalg.qr(x)
    error = y - q @ (q.T @ y)
    return float(1 - error.square().sum() / y.square().sum())


def smooth_block(n=600, d=12, seed=0):
    """States before and after something mildly non-linear."""
    x = normal(n, d, seed=seed) + 2
    return x, x + 0.3 * torch.tanh(x @ normal(d, d, seed=seed + 1)) + 0.1


@pytest.mark.parametrize("seed", range(3))
def test_equals_qr_of_the_whole_matrices(seed):
    x, y = smooth_block(seed=seed)
    m = of_matrices(x, y)
    assert score(m) == pytest.approx(reference(x, y), abs=1e-12)
    assert update_score(m) == pytest.approx(reference(x, y - x), abs=1e-12)
    assert 0.1 < update_score(m) < 0.99


def test_equals_the_published_formula():
    """Thin SVD of X, projection of Y, everything divided by Frobenius norms (arXiv 2405.12250, section 3.1)."""
    x, y = smooth_block(n=800, d=10)
    X, Y = x - x.mean(0), y - y.mean(0)
    X, Y = X / X.norm(), Y / Y.norm()
    U, S, Vh = torch.linalg.svd(X, full_matrices=False)
    A = Vh.T @ torch.diag(1 / S) @ U.T @ Y
    assert linearity_score(x, y) == pytest.approx(float(1 - (X @ A - Y).square().sum()), abs=1e-9)


def test_plain_door_takes_arrays_and_refuses_other_shapes():
    x, y = smooth_block()
    assert nearlinear.linearity_score(x.numpy(), y.numpy()) == pytest.approx(reference(x, y), abs=1e-12)
    assert linearity_score(x.float(), y.float()) == pytest.approx(reference(x, y), abs=1e-6)
    with pytest.raises(ValueError, match="same shape"):
        linearity_score(x, y[:, :3])
    with pytest.raises(ValueError, match="must be matrices"):
        linearity_score(x[0], y[0])


def test_identity_joins_both_scores():
    """(1 - s_Δ) ‖Δ‖² = (1 - s) ‖Y‖², centred."""
    x, y = smooth_block()
    s = block_scores(of_matrices(x, y))
    assert (1 - s.update_score) * s.energy_ratio == pytest.approx(1 - s.score, rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_an_exact_map_scores_one(offset):
    x = normal(300, 9) + offset
    y = x @ normal(9, 9, seed=1) + 5
    assert 1 - linearity_score(x, y) <= 1e-12


@pytest.mark.parametrize("spoil", ["duplicate", "zero", "constant"])
def test_an_exact_map_of_dependent_columns_scores_one_and_reports_the_rank(spoil):
    x = normal(300, 9) + 100
    x[:, 4] = {"duplicate": x[:, 3], "zero": torch.zeros(300), "constant": torch.full((300,), 7.0)}[spoil]
    m = of_matrices(x, x @ normal(9, 9, seed=1))
    assert conditioning(m)[0] == 8
    assert 1 - score(m) <= 1e-12
    guess = fit(m).update(x)
    torch.testing.assert_close(guess, x @ normal(9, 9, seed=1) - x, rtol=1e-9, atol=1e-6)


def test_noise_scores_d_over_n_minus_1_in_sample_and_less_than_nothing_held_out():
    n, d = 200, 20
    scores, held = [], []
    for seed in range(40):
        x, noise = normal(n, d, seed=2 * seed), normal(n, d, seed=2 * seed + 1)
        scores.append(update_score(of_matrices(x, x + noise)))
        new_x, new_noise = normal(n, d, seed=1000 + seed), normal(n, d, seed=2000 + seed)
        error = new_noise - fit(of_matrices(x, x + noise)).update(new_x)
        held.append(1 - float(error.square().sum() / (new_noise - noise.mean(0)).square().sum()))
    spread = np.std(scores) / math.sqrt(len(scores))
    assert np.mean(scores) == pytest.approx(d / (n - 1), abs=4 * spread)
    assert np.mean(held) < 0


def test_invariances():
    x, y = smooth_block()
    s = linearity_score(x, y)
    d = x.shape[1]
    invertible, (rotation, _) = normal(d, d, seed=7) + 3 * torch.eye(d), torch.linalg.qr(normal(d, d, seed=8))
    assert linearity_score(x + 50, y - 20) == pytest.approx(s, abs=1e-10)
    assert linearity_score(x @ invertible, y) == pytest.approx(s, abs=1e-10)
    assert linearity_score(x, 9 * y @ rotation) == pytest.approx(s, abs=1e-10)
    assert linearity_score(x, y @ invertible) != pytest.approx(s, abs=1e-4)


@pytest.mark.parametrize("n", [1, 5, 12, 13])
def test_too_few_tokens_give_nan_with_a_reason(n):
    s = block_scores(of_matrices(*smooth_block(n=n, d=12)))
    assert math.isnan(s.score)
    assert math.isnan(s.update_score)
    assert "at least 14 are needed" in s.reason
    with pytest.raises(ValueError, match="no map can be fitted"):
        fit(of_matrices(*smooth_block(n=n, d=12)))


def test_reliable_from_twenty_tokens_a_dimension():
    assert not unreliable(240, 12)
    assert "fewer than 20" in unreliable(239, 12)


def test_one_huge_token_moves_the_score_but_not_the_rest():
    """A planted attention sink: one token 1e4 times the others, in both states."""
    x, y = smooth_block()
    without = block_scores(of_matrices(x, y))
    sink = torch.full((1, 12), 1e4, dtype=torch.float64)
    with_sink = block_scores(of_matrices(torch.cat([x, sink]), torch.cat([y, sink])))
    assert 1 - with_sink.score < (1 - without.score) / 1000
    assert without.score < 0.999


def test_a_block_that_does_nothing():
    x = normal(100, 5)
    assert block_scores(of_matrices(x, x)).score == 1.0
    assert math.isnan(block_scores(of_matrices(x, x)).update_score)
    constant = torch.ones(100, 5, dtype=torch.float64)
    assert math.isnan(block_scores(of_matrices(constant, constant)).score)


def test_map_of_the_state_is_the_map_of_the_update_plus_identity():
    x, y = smooth_block()
    update = fit(of_matrices(x, y))
    torch.testing.assert_close(update.with_residual().update(x), x + update.update(x))
    torch.testing.assert_close(x @ update.A + update.b, update.update(x))
    assert float((y - x - update.update(x)).mean(0).abs().max()) < 1e-12


class TestIntervals:
    def errors(self, groups=30, each=20, seed=0):
        rng = np.random.default_rng(seed)
        target = rng.exponential(size=(2, groups * each))
        error = target * np.repeat(rng.uniform(0.3, 0.7, size=(1, groups)), each, axis=1)
        return error, target, np.repeat(np.arange(groups), each)

    def test_cover_the_score_and_repeat_with_the_seed(self):
        error, target, group = self.errors()
        ends = intervals(error, target, group, seed=3)
        value = Errors(error, target, target).update_score()
        assert ends.shape == (2, 2)
        assert (ends[:, 0] < value).all()
        assert (value < ends[:, 1]).all()
        np.testing.assert_array_equal(ends, intervals(error, target, group, seed=3))
        assert (ends != intervals(error, target, group, seed=4)).any()

    def test_tokens_of_one_group_move_together(self):
        """Resampling tokens instead of documents would give far too narrow an interval."""
        error, target, group = self.errors()
        by_group, by_token = intervals(error, target, group), intervals(error, target, np.arange(len(group)))
        assert (np.diff(by_group) > 2 * np.diff(by_token)).all()

    def test_equal_a_slow_bootstrap(self):
        error, target, group = self.errors(groups=12)
        rng = np.random.default_rng(0)
        counts = rng.multinomial(12, np.full(12, 1 / 12), size=2000)
        slow = [
            1
            - sum(c * error[0, group == g].sum() for g, c in enumerate(row))
            / sum(c * target[0, group == g].sum() for g, c in enumerate(row))
            for row in counts
        ]
        np.testing.assert_allclose(intervals(error, target, group)[0], np.percentile(slow, [2.5, 97.5]), rtol=1e-12)

    def test_one_group_has_no_interval(self):
        error, target, _ = self.errors(groups=1)
        assert np.isnan(intervals(error, target, np.zeros(20))).all()
