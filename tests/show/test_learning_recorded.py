"""What the chapter on learning says in its own words about the recorded runs holds."""

import numpy as np
import pytest

from nearlinear.recorded import results
from nearlinear.results.training_specs import core
from nearlinear.results.training_studies import equal, longer
from nearlinear.results.training_views import by_block, difference, losses


@pytest.fixture(scope="module")
def runs():
    return by_block(results(core("laptop").values()))


@pytest.fixture(scope="module")
def wider():
    return by_block(results(equal("laptop").values()))


def gap(each, base) -> float:
    return difference(each, base).mean


def test_equal_parameters_are_equal(runs, wider):
    for each in wider.values():
        assert abs(each[0].n_parameters / runs["pre-ln"][0].n_parameters - 1) < 0.01


def test_as_many_parameters_make_good_nearly_all_of_sas_and_less_than_half_of_sas_p(runs, wider):
    left = {block: gap(wider[block], runs["pre-ln"]) / gap(runs[block], runs["pre-ln"]) for block in wider}
    assert 0 < left["sas"] < 0.25
    assert 0.5 < left["sas-p"] < 1
    assert 0.75 < left["sas-p-no-norm"] < 1


def test_with_as_many_parameters_sas_is_behind_with_every_seed_but_not_by_the_files(runs, wider):
    found = difference(wider["sas"], runs["pre-ln"])
    assert min(found.seeds) > 0
    assert found.low < 0 < found.high


def test_with_as_many_parameters_sas_p_is_still_clearly_behind(runs, wider):
    assert difference(wider["sas-p"], runs["pre-ln"]).worse
    assert gap(wider["sas-p"], runs["pre-ln"]) > 5 * gap(wider["sas"], runs["pre-ln"])


def test_wider_sas_p_without_norms_has_the_widest_spread(runs, wider):
    of_wider = {block: np.ptp(losses(each)) for block, each in wider.items()}
    assert max(of_wider, key=of_wider.get) == "sas-p-no-norm"
    assert max(of_wider.values()) > max(np.ptp(losses(each)) for each in runs.values())


def test_three_times_the_text_does_not_bring_sas_p_closer(runs):
    """Both learn from it, by about as much."""
    long = by_block(results(longer("laptop").values()))
    before, after = (gap(each["sas-p"], each["pre-ln"]) for each in (runs, long))
    assert 0.8 * before < after < 1.5 * before
    assert difference(long["sas-p"], long["pre-ln"]).worse
    gained = [float((losses(runs[b]) - losses(long[b])).mean()) for b in ("pre-ln", "sas-p")]
    assert min(gained) > 0.1
    assert 0.8 < gained[1] / gained[0] < 1.25
