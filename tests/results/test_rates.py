"""The rates that stand in the specifications are those that the recorded screens find."""

import math

from nearlinear.recorded import results
from nearlinear.results.depth_specs import shallow_tried
from nearlinear.results.finetuning_specs import finetune_size, rate_screen
from nearlinear.results.finetuning_views import screened_rates
from nearlinear.results.training_specs import CHOSEN, screen, size_of
from nearlinear.results.training_studies import RATES_FOUND, VALUES, deep_tried, encoders_tried, prose_tried, tried
from nearlinear.results.training_views import screened


def test_every_block_has_the_rate_that_its_screen_finds():
    found = screened(results(screen("laptop").values()))
    assert {block: one.rate for block, one in found.items()} == CHOSEN == size_of("laptop").chosen


def test_every_setting_has_the_rate_that_its_screen_finds():
    of_setting = {
        name: [f"train-laptop-values-screen-{name}-{round(1e4 * rate)}e-4" for rate in setting.rates]
        for name, setting in VALUES.items()
    }
    specs = tried("laptop")
    assert sorted(specs) == sorted(name for names in of_setting.values() for name in names)
    found = {}
    for setting, names in of_setting.items():
        runs = results(specs[name] for name in names)
        best = min(runs, key=lambda run: math.inf if run.stopped else run.chosen_loss)
        found[setting] = best.spec.recipe.lr
    assert found == RATES_FOUND["laptop"]


def test_deep_models_have_the_rate_that_their_screen_finds():
    found = screened(results(deep_tried("laptop").values()))
    assert {block: one.rate for block, one in found.items()} == size_of("laptop").chosen_deep


def test_shallow_models_have_the_rate_that_their_screen_finds_and_it_is_bracketed():
    found = screened(results(shallow_tried("laptop").values()))
    chosen = size_of("laptop").chosen
    assert {block: one.rate for block, one in found.items()} == {block: chosen[block] for block in found}
    assert not any(one.edge for one in found.values())


def test_masked_models_have_the_rate_that_their_screen_finds_and_it_is_bracketed():
    found = screened(results(encoders_tried("laptop").values()))
    assert {block: one.rate for block, one in found.items()} == size_of("laptop").chosen_masked
    assert not any(one.edge for one in found.values())


def test_models_of_prose_have_the_rate_that_their_screen_finds_and_it_is_bracketed():
    found = screened(results(prose_tried("laptop").values()))
    assert {block: one.rate for block, one in found.items()} == size_of("laptop").chosen_prose
    assert not any(one.edge for one in found.values())


def test_finetuned_models_have_the_rate_that_their_screen_finds_and_it_is_bracketed():
    found = screened_rates(results(rate_screen("laptop").values()))
    assert {key: one.rate for key, one in found.items()} == finetune_size("laptop").chosen
    assert not any(one.edge for one in found.values())
