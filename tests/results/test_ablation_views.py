"""Settings side by side: each is known by its specification, and gains are read look by look."""

import math

import numpy as np
import pytest

from nearlinear.results.ablation_views import (
    by_setting,
    gain_curves,
    gain_names,
    has_ratios,
    moved_curves,
    ratio_curves,
    screened_settings,
    setting_of,
)
from nearlinear.results.training_specs import SIZES, core
from nearlinear.results.training_studies import VALUES, ablations, tried
from tests.show import settings_made as made
from tests.show import trainings


@pytest.mark.parametrize("size", SIZES)
def test_every_specification_of_the_study_is_known_by_its_name(size):
    for study, start in ((ablations, f"train-{size}-values-"), (tried, f"train-{size}-values-screen-")):
        for name, spec in study(size).items():
            assert name.removeprefix(start).rpartition("-")[0].removesuffix(f"-{round(1e4 * spec.recipe.lr)}e") == (
                setting_of(spec)
            )


def test_settings_come_in_the_studys_order_and_seeds_from_low_to_high():
    found = by_setting(reversed(made.settings()))
    assert list(found) == list(VALUES)
    assert all([run.spec.seed for run in each] == [0, 1, 2] for each in found.values())


def test_a_block_with_other_options_is_no_setting():
    (spec, *_) = [spec for name, spec in core("laptop").items() if "sas-p" in name]
    with pytest.raises(ValueError, match="this training of sas-p is no setting"):
        setting_of(spec)
    other = made.run("identity-0").spec
    shape = other.architecture.model_copy(update={"options": (("vp_beta", 0.05), ("vp_init", "identity"))})
    with pytest.raises(ValueError, match="is no setting of the study"):
        setting_of(other.model_copy(update={"architecture": shape}))


@pytest.mark.parametrize("other", [{"steps": 500}, {"d": 32}, {"L": 4}, {"corpus": "tales"}])
def test_trainings_of_other_sizes_texts_or_steps_are_refused(other):
    with pytest.raises(ValueError, match="differ in size, text or steps"):
        by_setting([made.run(), made.run("sas-cosine", **other)])


def test_other_windows_and_no_runs_are_refused():
    elsewhere = made.run("pre-ln")
    source = elsewhere.provenance.model_copy(update={"windows_sha256": "6" * 64})
    with pytest.raises(ValueError, match="other windows of text"):
        by_setting([made.run(), elsewhere.model_copy(update={"provenance": source})])
    with pytest.raises(ValueError, match="no training to show"):
        by_setting([])


def test_blocks_of_the_core_are_settings_too():
    """Pre-LN and SAS as they are: a specification says what was trained, not which study asked for it."""
    assert setting_of(trainings.run("pre-ln").spec) == "pre-ln"
    assert setting_of(trainings.run("sas").spec) == "sas"


def test_the_best_rate_is_that_of_the_lowest_loss_and_what_broke_off_has_none():
    found = screened_settings(made.screen({"sas": 9e-3}, broken=[("pre-ln", 3e-3)]))
    assert found["sas"].rate == 9e-3
    assert found["pre-ln"].rate == 9e-3
    assert math.isnan(found["pre-ln"].losses[0])
    assert found["sas-no-mlp-skip"].rates == (3e-4, 1e-3, 3e-3, 9e-3)


def test_gains_are_those_of_every_look():
    runs = [made.run("sas", k, gains={"attn.alpha": 0.5 + 0.1 * k}) for k in range(3)]
    curves = gain_curves(runs, "attn.alpha")
    assert curves.shape == (3, len(runs[0].looks), 6)
    assert curves[:, 0] == pytest.approx(np.ones((3, 6)))
    assert curves[:, -1, 2] == pytest.approx([0.5, 0.6, 0.7])
    assert gain_names(runs[0]) == ("attn.alpha", "attn.beta", "attn.gamma", "beta_ff")
    assert gain_names(made.run("value-skip")) == ("attn.alpha", "attn.beta", "beta_ff")
    assert gain_names(made.run("pre-ln")) == ()


def test_ratios_are_of_gains_and_distances_of_matrices():
    runs = [made.run("identity-gains", k, gains={"identity-gains": -0.02}) for k in range(2)]
    assert has_ratios(runs[0])
    assert not has_ratios(made.run("identity-30"))
    assert ratio_curves(runs, "value")[:, -1] == pytest.approx(np.array([[0.3, *[0.02] * 5]] * 2))
    assert ratio_curves(runs, "project")[:, 0] == pytest.approx(np.full((2, 6), 0.2))
    assert moved_curves([made.run("orthogonal-30")], "value")[0, -1] == pytest.approx([0.3] * 6)
    with pytest.raises(KeyError):
        moved_curves([made.run("pre-ln")], "value")


def test_after_a_training_broke_off_there_is_nothing():
    curves = gain_curves([made.run("sas", stopped_at=300)], "beta_ff")
    steps = made.run("sas").spec.looks
    assert np.isnan(curves[0, :, 0]).tolist() == [step > 300 for step in steps]
