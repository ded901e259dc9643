"""Figures of values and projections: they draw what was planted, and say what was run."""

import re

import numpy as np
import pytest

from nearlinear import show
from nearlinear.results.training_studies import BETAS, VALUES
from nearlinear.show.values_gains import depth_colours
from nearlinear.show.values_words import BASES, CHANGES, NAMES
from tests.show import settings_made as made
from tests.show.contrast import contrast
from tests.show.test_learning import line, panels
from tests.show.test_signal import texts

RUNS = made.settings()

FIGURES = {
    "sweep": show.values_sweep,
    "duality": show.values_duality,
    "ratios": show.values_ratios,
    "gains": show.values_gains,
    "changes": show.values_changes,
    "short": show.short_values,
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_what_was_run_and_how(name):
    shown = FIGURES[name](RUNS)
    for said in (texts(shown), shown.alt, shown.caption):
        for part in ("6 blocks", "d = 64", "1,500 steps", "1,536,000 tokens of python-stdlib (bytes)", "3 seeds"):
            assert part in said, part
        assert "recorded 2026-11-22" in said
    small = FIGURES[name](made.settings(seeds=1, L=1, d=16, command="papermill"))
    for said in (texts(small), small.alt, small.caption):
        assert "1 block, d = 16" in said
        assert "1 seed" in said
        assert "1 seeds" not in said
        assert "computed for this page" in said


@pytest.mark.parametrize("name", sorted(FIGURES.keys() - {"short"}))
def test_a_figure_without_its_settings_says_which_are_missing(name):
    with pytest.raises(ValueError, match=r"no training of .* is here: give runs of every setting"):
        FIGURES[name]([made.run("tied-last-0")])


def test_every_setting_has_a_name_of_its_own_and_something_to_stand_beside():
    assert list(NAMES) == list(VALUES)
    assert len(set(NAMES.values())) == len(NAMES)
    assert set(BASES) == set(NAMES)
    assert set(BASES.values()) <= set(NAMES)
    assert all(base != name for name, base in BASES.items())
    assert {BASES[change.name] for change in CHANGES} == {"sas", "pre-ln", "identity-0"}


def test_the_sweep_draws_means_dots_and_lines_across():
    shown = show.values_sweep(RUNS)
    left, right = panels(shown)
    for start in ("orthogonal", "identity"):
        x, y = line(left, start)
        assert x.tolist() == [0, 1, 2, 3]
        assert y == pytest.approx([made.ENDS[f"{start}-{100 * beta:g}"] + 0.004 for beta in BETAS])
    assert line(left, "Pre-LN")[1] == pytest.approx([1.506, 1.506])
    dots = [np.asarray(each.get_ydata()) for each in right.get_lines() if len(each.get_ydata()) == 3]
    assert np.array(dots) == pytest.approx(np.array([[e, e + 0.004, e + 0.008] for e in (1.55, 1.60, 1.52, 1.62)]))
    assert "identity, β = 0 1.506 (1.502 to 1.510)." in shown.alt


def test_the_duality_shows_both_ways_and_how_far_matrices_moved():
    shown = show.values_duality(RUNS)
    left, right = panels(shown)
    assert line(left, "a gain β")[1] == pytest.approx([1.624, 1.604, 1.664])
    assert line(left, "a rate times β")[1] == pytest.approx([1.625, 1.603, 1.664])
    assert [each.get_ydata()[-1] for each in right.get_lines()] == pytest.approx([0.1, 0.3, 1.0] * 2)
    assert "orthogonal, β = 0.1 minus orthogonal, rate × 0.1: −0.001" in shown.alt
    assert "moved by 0.100 and 0.100 of W_init; orthogonal, β = 0.1 minus β = 1: −0.040." in shown.alt


def test_the_ratios_are_of_two_gains_above_and_of_two_matrices_below():
    shown = show.values_ratios(RUNS)
    axes = panels(shown)
    assert [ax.get_title("left") for ax in axes[:3]] == ["identity", "orthogonal", "Pre-LN, identity (own scale)"]
    assert axes[0].get_ylim() == axes[1].get_ylim() != axes[2].get_ylim()
    assert axes[2].get_ylim()[0] == 0
    first, *others = [each.get_ydata()[-1] for each in axes[0].get_lines() if len(each.get_ydata()) > 2]
    assert first == pytest.approx(made.FIRST)
    assert others == pytest.approx([0.02] * 11)
    assert {round(each.get_ydata()[-1], 6) for each in axes[5].get_lines()} == {0.2}
    assert "identity, α and β trained, |β/α| at the end, by block: W_V 0.300, 0.020" in shown.alt
    assert "W_P 0.500, 0.500" in shown.alt
    assert "the paper's measure, of two gains" in texts(shown)


def test_a_gain_that_turns_negative_has_a_ratio_all_the_same():
    assert "0.020" in show.values_ratios(made.settings(gains={"identity-gains": -0.02})).alt


def test_the_gains_start_and_end_where_they_were_planted():
    shown = show.values_gains(RUNS)
    axes = panels(shown)
    assert [ax.get_title("left") for ax in axes] == ["α", "β", "γ", "β_FF"]
    for ax, end in zip(axes, (0.8, 1.2, 0.7, 0.3), strict=True):
        assert [each.get_ydata()[-1] for each in ax.get_lines()] == pytest.approx([end] * 6)
        assert sorted(each.get_text() for each in ax.texts) == list("012345")
        assert ax.get_ylim()[0] == 0
    assert "β_FF starts at 0.20 and ends, by block, at 0.300, 0.300" in shown.alt
    assert "α 0.10, β 0.10, γ 0.10" in texts(shown)


def test_the_colours_of_blocks_can_be_read_on_the_panel():
    for L in (1, 6, 18):
        colours = depth_colours(L)
        assert len(set(colours)) == L
        assert all(contrast(colour, "#ffffff") >= 3 for colour in colours)


def test_changes_are_paired_by_seed():
    shown = show.values_changes(RUNS)
    left, right = panels(shown)
    rows = [tick.get_text() for tick in left.get_yticklabels()]
    assert rows[0] == "SAS: no skip around the MLP"
    dots = [np.asarray(each.get_xdata()) for each in left.get_lines() if len(each.get_xdata()) == 3]
    assert np.array(dots)[:, 0] == pytest.approx([0.4, 0.1, 0.01, 0.02, 0.003, 0.008, 0.008, -0.012, 0.001])
    assert np.ptp(dots, axis=1) == pytest.approx(np.zeros(9), abs=1e-9)
    assert rows[-1] == "identity, β = 0: nothing (other weights)"
    assert "The blank: up to 0.001." in shown.alt
    assert "SAS: no skip around the MLP: +0.400, seeds +0.400 to +0.400" in shown.alt
    assert right.get_xlim()[1] < 0.05 < left.get_xlim()[1]
    assert "interval over the 4 held-out files" in texts(shown)


def test_a_change_whose_training_broke_off_has_no_place():
    runs = [run for run in RUNS if run.spec.architecture.variant != "sas-no-mlp-skip"]
    shown = show.values_changes([*runs, *(made.run("sas-no-mlp-skip", k, stopped_at=300) for k in range(3))])
    assert re.search("no skip around the MLP: no answer", shown.alt)


def test_the_short_training_names_its_settings():
    runs = [made.run("identity-0", steps=60), made.run("orthogonal-100", steps=60)]
    (ax,) = panels(show.short_values(runs))
    x, y = line(ax, "identity, β = 0, training")
    assert tuple(x) == runs[0].steps
    assert tuple(y) == runs[0].losses
    assert tuple(line(ax, "orthogonal, β = 1, held out")[1]) == runs[1].held_out[1]
