"""The picker of drifts: every family, text and step is on the page, light, described, and true to its runs."""

import ipywidgets as widgets
import pytest

from nearlinear import show
from nearlinear.show import picker as module
from nearlinear.show.drift_picker import frames_of
from nearlinear.show.picker import BUDGET, weight
from tests.show import drifts_made as made
from tests.show.test_learning_picker import alts
from tests.show.test_pickers import all_of

RUNS = made.drifts()


def test_every_group_and_step_is_there_once_and_light():
    picker = show.drift_picker(RUNS)
    assert weight(picker) < 0.7 * BUDGET
    found = alts(picker)
    assert len(found) == len(set(found)) == 6 * 10
    for group in ("Llama type on prose", "GPT-NeoX type on code"):
        assert sum(alt.startswith(f"{group}, after 188 steps (look 5): ") for alt in found) == 1
        assert sum(alt.startswith(f"{group}, before training (look 0): ") for alt in found) == 1


def test_its_controls_choose_group_and_step():
    picker = show.drift_picker(RUNS, name="Mine")
    (which,) = all_of(picker, widgets.Dropdown)
    assert which.options[:2] == ("Llama type on prose", "GPT-NeoX type on prose")
    sliders, boxes = all_of(picker, widgets.IntSlider), all_of(picker, widgets.BoundedIntText)
    (slider,), (box,) = ({id(each): each for each in some}.values() for some in (sliders, boxes))  # one for all groups
    assert (slider.min, slider.max, slider.value, box.max) == (0, 9, 9, 9)
    assert {each.description for each in (which, slider, box)} == {"Mine: model", "Mine: look", "Mine: look number"}
    stacks = all_of(picker, widgets.Stack)
    assert sorted(len(stack.children) for stack in stacks) == [6] + [10] * 6
    assert all(hasattr(stack, "link") for stack in stacks)


def test_without_stack_a_kernel_changes_the_frame(monkeypatch):
    monkeypatch.delattr(module.widgets, "Stack")
    picker = show.drift_picker(RUNS)
    which, shown = picker.children
    which.index = 2
    row, box = shown.children[0].children
    row.children[0].value = 3
    assert "Llama type on tales, after 16 steps (look 3): " in box.children[0].value


def test_a_frame_says_its_numbers():
    runs = [made.run(seed=seed) for seed in range(3)]
    frame = frames_of(("llama", "wikipedia-sample"), runs)[-1]
    assert frame.alt.startswith(
        "Llama type on prose, after 3,000 steps (look 9): held-out loss 2.500. Means over seeds: block 0 s_Δ 0.598, "
        "1 − s 0.0812, ‖Δ‖² / ‖Y‖² 0.202; block 1 "
    )
    assert "mean over blocks: s_Δ 0.563, with first tokens 0.613; 1 − s 0.104; ‖Δ‖² / ‖Y‖² 0.237." in frame.html


def test_a_training_that_broke_off_has_frames():
    frames = frames_of(("llama", "wikipedia-sample"), [made.run(stopped_at=500)])
    assert "held-out loss no answer" in frames[-1].alt
    assert "held-out loss no answer" not in frames[0].alt
    assert not any("nan" in frame.html for frame in frames)


def test_groups_that_cannot_stand_together_are_refused():
    with pytest.raises(ValueError, match="differ in more than their seeds"):
        show.drift_picker([made.run(seed=0), made.run(seed=1, lr=1e-3)])
