"""What the chapter on depth says in its own words about the recorded screen holds."""

import pytest

from nearlinear import show
from nearlinear.recorded import results
from nearlinear.results.depth_specs import shallow_tried
from nearlinear.results.depth_views import changes_at_rates
from nearlinear.results.training_specs import size_of
from nearlinear.results.training_studies import deep_tried, depth
from nearlinear.results.training_views import by_block, screened
from nearlinear.show.depth_words import SIMPLE, order_at


@pytest.fixture(scope="module")
def screen():
    return results(deep_tried("laptop").values())


def test_the_best_of_the_deep_models_would_have_been_the_worst(screen):
    best = {block: one.rate for block, one in screened(screen).items()}
    assert set(order_at(screen, size_of("laptop").chosen)[2:]) == set(SIMPLE)
    assert set(order_at(screen, best)[:2]) == set(SIMPLE)


def test_at_the_rates_of_the_shallow_models_depth_looks_like_harm(screen):
    at = changes_at_rates(results(shallow_tried("laptop").values()), screen)
    harm = {block: each[size_of("laptop").chosen[block]] for block, each in at.items()}
    assert min(harm.values()) > 0
    assert set(sorted(harm, key=harm.get)[2:]) == set(SIMPLE)


def test_a_rate_that_is_too_high_makes_tokens_alike(screen):
    """Last, the relative residual at the highest rate over that at the best."""
    shares = {}
    for block, each in by_block(screen).items():
        left = [run.after.relative_residual[-1] for run in each]
        shares[block] = left[-1] / left[screened(each)[block].best]
    assert all(shares[block] < 0.5 for block in SIMPLE)
    assert 0.5 < shares["v-skipinit"] < 0.9
    assert shares["pre-ln"] > 0.95


def test_before_training_shaped_blocks_keep_tokens_apart(screen):
    for block, each in by_block(screen).items():
        assert (each[0].before.relative_residual[-1] > 0.9) == (block != "pre-ln")


def test_what_is_to_be_remembered_of_the_long_runs_holds():
    said = show.depth_change_said(results(depth("laptop").values())).html
    assert "lower with 24 blocks than with 6: SAS-P." in said
    assert "higher with 24 blocks than with 6: Pre-LN, V-SkipInit." in said
    assert "Not clear: SAS." in said
