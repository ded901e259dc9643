"""The picker of settings: every setting and seed is on the page, light, described, and true to its run."""

import ipywidgets as widgets
import pytest

from nearlinear import show
from nearlinear.show import picker as module
from nearlinear.show.picker import BUDGET, weight
from nearlinear.show.values_picker import setting_frame
from nearlinear.show.values_words import NAMES
from tests.show import settings_made as made
from tests.show.test_learning_picker import alts
from tests.show.test_pickers import all_of

RUNS = made.settings()


def test_every_setting_and_seed_is_there_once_and_light():
    picker = show.values_picker(RUNS)
    assert weight(picker) < 0.8 * BUDGET
    found = alts(picker)
    assert len(found) == len(set(found)) == 24 * 3
    for name in NAMES.values():
        assert [sum(alt.startswith(f"{name}, seed {k}: ") for alt in found) for k in range(3)] == [1, 1, 1]


def test_its_controls_choose_setting_and_seed():
    picker = show.values_picker(RUNS, name="Mine")
    (which,) = all_of(picker, widgets.Dropdown)
    (slider,), (box,) = all_of(picker, widgets.IntSlider), all_of(picker, widgets.BoundedIntText)
    assert which.options == tuple(NAMES.values())
    assert {which.description, slider.description, box.description} == {
        "Mine: setting", "Mine: seed", "Mine: seed number",
    }  # fmt: skip
    assert (slider.min, slider.max, box.min, box.max) == (0, 2, 0, 2)
    stacks = all_of(picker, widgets.Stack)
    assert sorted(len(stack.children) for stack in stacks) == [3] * 24 + [24]
    assert all(hasattr(stack, "link") for stack in stacks)
    (outer,) = [stack for stack in stacks if len(stack.children) == 24]
    place = list(NAMES).index("sas-cosine")
    assert "SAS, cosine schedule, seed 2: " in outer.children[place].children[2].value


def test_without_stack_a_kernel_changes_the_frame(monkeypatch):
    monkeypatch.delattr(module.widgets, "Stack")
    picker = show.values_picker(RUNS)
    which, _, shown = picker.children
    which.index = 4
    assert "identity, β = 0, seed 0: " in shown.children[0].children[0].value


def test_a_frame_says_its_numbers():
    frame = setting_frame(made.run("sas-cosine", 1, end=1.53), made.run("sas", 1, end=1.5))
    assert frame.alt.startswith(
        "SAS, cosine schedule, seed 1: held-out loss 1.530 nats a byte after 1,500 steps, training loss 1.230. Held "
        "out minus SAS of the same seed: +0.030. Gains at the end, means over blocks: α 0.80, β 1.20, γ 0.70, "
        "β_FF 0.30. 6 blocks, d = 64"
    )
    assert "Rates 0.003 and 0.003." in frame.html


def test_a_frame_shows_ratios_where_they_are_trained_and_says_where_nothing_is():
    ratios = setting_frame(made.run("orthogonal-gains"), made.run("pre-ln"))
    assert "W_V β/α 0.04, W_P β/α 0.04." in ratios.alt
    assert "No gains are trained." in setting_frame(made.run("pre-ln-identity"), made.run("pre-ln")).alt


def test_a_training_that_broke_off_has_a_frame():
    frame = setting_frame(made.run("sas-no-mlp-skip", stopped_at=300), made.run("sas"))
    assert "held-out loss no answer" in frame.alt
    assert "nan" not in frame.html


def test_seeds_must_count_from_zero_and_bases_be_there():
    with pytest.raises(ValueError, match="counts seeds from 0"):
        show.values_picker([made.run("sas", 3), made.run("pre-ln", 3)])
    with pytest.raises(ValueError, match="counts seeds from 0"):
        show.values_picker(RUNS[:-1])
    with pytest.raises(ValueError, match="no training of identity-0 is here to compare with"):
        show.values_picker([made.run("value-skip")])
