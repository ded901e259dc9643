"""What is computed for the figures of token errors, against planted answers."""

import numpy as np
import pytest

from nearlinear import show
from nearlinear.results.tokens import TokenErrors
from nearlinear.show.errors import frequency_bins, mean_by_bin, spread, token_counts, worst_share
from tests.show import synthetic


def planted(relative, token_id, windows=4) -> TokenErrors:
    """One block whose relative errors and token ids are given, positions counted from 1 so that none is first."""
    n = len(relative)
    error2 = np.square(np.asarray(relative, np.float32))[None]
    ones = np.ones((1, n), np.float32)
    window = np.arange(n) % windows
    return TokenErrors(
        np.asarray(token_id),
        window,
        1 + np.arange(n) // windows,
        window,
        error2,
        ones,
        ones,
        error2,
        ("x",) * n,
        synthetic.provenance(L=1, d=4, n_tokens=3 * n),
    )


def test_a_perfect_order_has_correlation_minus_one():
    token_id = np.repeat([0, 1, 2], [8, 4, 2])
    errors = planted(np.repeat([0.2, 0.5, 0.9], [8, 4, 2]), token_id)
    np.testing.assert_allclose(show.frequency_correlation(errors), [-1])


def test_counts_of_a_sample_replace_the_own_ones():
    errors = planted([0.2, 0.5, 0.9], [7, 8, 9])
    np.testing.assert_array_equal(token_counts(errors, {7: 1, 8: 50}), [1, 50, 0])
    np.testing.assert_allclose(show.frequency_correlation(errors, {7: 1, 8: 2, 9: 3}), [1])


def test_errors_without_relation_have_a_small_correlation():
    rng = np.random.default_rng(0)
    errors = planted(rng.random(4000), rng.zipf(1.5, 4000))
    assert abs(show.frequency_correlation(errors)[0]) < 0.05


def test_a_nan_error_gives_no_correlation():
    errors = planted([0.2, np.nan, 0.9], [1, 1, 2])
    assert np.isnan(show.frequency_correlation(errors)[0])


def test_first_tokens_are_left_out_of_the_correlation():
    errors = synthetic.token_errors(L=2, windows=16)
    spoilt = errors.error2_no_first.copy()
    spoilt[:, errors.is_first] = 1e9
    changed = TokenErrors(**{**errors.__dict__, "error2_no_first": spoilt})
    np.testing.assert_array_equal(show.frequency_correlation(errors), show.frequency_correlation(changed))


@pytest.mark.parametrize(("counts", "edges"), [([1, 3], [1, 4]), ([1, 5], [1, 4, 16]), ([0, 1, 16], [0, 1, 4, 16, 64])])
def test_frequency_bins_cover_every_count(counts, edges):
    np.testing.assert_array_equal(frequency_bins(np.array(counts)), edges)


def test_mean_by_bin_is_the_mean_and_its_interval_covers_it():
    rng = np.random.default_rng(0)
    windows, bins = np.repeat(np.arange(50), 20), np.tile([0, 1], 500)
    values = rng.standard_normal(1000) + bins
    mean, ends = mean_by_bin(values, bins, 2, windows)
    np.testing.assert_allclose(mean, [values[bins == 0].mean(), values[bins == 1].mean()])
    assert (ends[0] < mean).all()
    assert (mean < ends[1]).all()
    np.testing.assert_allclose(ends[1] - ends[0], 2 * 1.96 / np.sqrt(500), rtol=0.25)


def test_the_worst_hundredth_of_equal_errors_holds_a_hundredth():
    np.testing.assert_allclose(worst_share(np.ones((2, 1000))), [0.01, 0.01])
    lone = np.zeros((1, 1000))
    lone[0, 3] = 5
    np.testing.assert_allclose(worst_share(lone), [1])


def test_spread_takes_the_first_and_the_last_block():
    assert spread(30, 4) == (0, 10, 19, 29)
    assert spread(3, 6) == (0, 1, 2)


def test_histograms_count_every_token_but_the_first_ones():
    errors = synthetic.token_errors(L=4, windows=16)
    shown = show.error_histograms(errors, blocks=[1, 3])
    steps = shown.figure.findobj(lambda a: type(a).__name__ == "StepPatch")
    assert [int(s.get_data().values.sum()) for s in steps] == [errors.n - 16] * 2
    assert "Block 3: median" in shown.alt
    assert "block 1" in " ".join(ax.get_title(loc="left") for ax in shown.figure.axes)


def test_frequency_figure_tells_rare_from_frequent_and_names_the_sample():
    errors = synthetic.token_errors(L=4, windows=16)
    own = show.error_by_frequency(errors, blocks=[2])
    assert "Block 2: mean relative error" in own.alt
    assert "occur in the held-out text" in own.caption
    assert "occur in the sample counted" in show.error_by_frequency(errors, {0: 9}, blocks=[2]).caption


def test_heavy_tails_draws_percent():
    errors = synthetic.token_errors(L=4, windows=16)
    shown = show.heavy_tails(errors)
    lines = {line.get_label(): line.get_ydata() for ax in shown.figure.axes for line in ax.get_lines()}
    np.testing.assert_allclose(lines["all tokens"], 100 * worst_share(errors.error2))
