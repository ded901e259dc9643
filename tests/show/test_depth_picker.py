"""The picker of depth: every block, depth, axis and seed is on the page, light, described, and true to its run."""

import ipywidgets as widgets
import numpy as np
import pytest

from nearlinear import show
from nearlinear.results.depth_views import deepened, equal_operations
from nearlinear.show import picker as module
from nearlinear.show.depth_picker import AXES, changes_of, depth_frame
from nearlinear.show.picker import BUDGET, weight
from tests.show import depth_made as made
from tests.show.test_learning_picker import alts
from tests.show.test_pickers import all_of

RUNS = made.depth(spread=0.003)


def pair(block, seed=0, **options):
    return tuple(made.run(block, L, seed, **options) for L in made.DEPTHS)


def test_every_block_depth_axis_and_seed_is_there_once_and_light():
    picker = show.depth_picker(RUNS)
    assert weight(picker) < 0.7 * BUDGET
    found = alts(picker)
    assert len(found) == len(set(found)) == 4 * 2 * 2 * 3
    for name in ("Pre-LN", "V-SkipInit", "SAS", "SAS-P"):
        for L in made.DEPTHS:
            for over in AXES:
                starts = [f"{name}, {L} blocks, seed {k}, against {over}: " for k in range(3)]
                assert [sum(alt.startswith(start) for alt in found) for start in starts] == [1, 1, 1]


def test_its_controls_choose_block_depth_axis_and_seed():
    picker = show.depth_picker(RUNS, name="Mine")
    block, depth, axis = all_of(picker, widgets.Dropdown)
    (slider,), (box,) = all_of(picker, widgets.IntSlider), all_of(picker, widgets.BoundedIntText)
    assert block.options == ("Pre-LN", "V-SkipInit", "SAS", "SAS-P")
    assert depth.options == ("6 blocks", "24 blocks")
    assert depth.index == 1
    assert axis.options == AXES
    assert {each.description for each in (block, depth, axis, slider, box)} == {
        "Mine: block", "Mine: how deep", "Mine: x-axis", "Mine: seed", "Mine: seed number",
    }  # fmt: skip
    stacks = all_of(picker, widgets.Stack)
    assert len(stacks) == 1 + 4 + 8 + 16
    assert all(hasattr(stack, "link") for stack in stacks)
    (outer,) = [stack for stack in stacks if len(stack.children) == 4]
    frame = outer.children[2].children[0].children[1].children[2]
    assert "SAS, 6 blocks, seed 2, against operations: " in frame.value


def test_without_stack_a_kernel_changes_the_frame(monkeypatch):
    monkeypatch.delattr(module.widgets, "Stack")
    picker = show.depth_picker(RUNS)
    which, depth, *_, shown = picker.children
    which.index, depth.index = 1, 0
    assert (
        "V-SkipInit, 6 blocks, seed 0, against steps: " in shown.children[0].children[0].children[0].children[0].value
    )


def test_a_frame_says_its_numbers():
    frame = depth_frame(pair("sas"), pair("pre-ln"), 1, "steps")
    assert frame.alt.startswith(
        "SAS, 24 blocks, seed 0, against steps: held-out loss 1.450 nats a byte after 1,500 steps, 6.54 · 10¹² "
        "operations. Held out minus Pre-LN of the same depth and seed: +0.000. Deep minus shallow, at equal steps, "
        "where the shallow one ends: −0.080; Pre-LN: −0.050. 24 blocks, d = 64"
    )
    assert "Rate 0.003." in frame.html
    assert depth_frame(pair("sas"), pair("pre-ln"), 0, "steps").alt.startswith("SAS, 6 blocks")


def test_changes_are_read_where_both_have_come_as_far():
    own = pair("sas-p")
    steps, changes = changes_of(own, "steps")
    assert steps[-1] == 1500
    assert changes == pytest.approx([-0.1 * (1 - (1 - k / 1500) ** 3) for k in steps], abs=1e-4)
    places, changes = changes_of(own, "operations")
    assert np.diff(places).min() > 0
    _, caught = equal_operations(deepened(own))["sas-p"]
    assert changes[-1] == pytest.approx(caught[0])


def test_a_training_that_broke_off_has_a_frame():
    own = made.run("sas", 6), made.run("sas", 24, stopped_at=450)
    for place in (0, 1):
        frame = depth_frame(own, pair("pre-ln"), place, "steps")
        assert "nan" not in frame.html
    assert "held-out loss no answer" in frame.alt


def test_seeds_must_count_from_zero():
    with pytest.raises(ValueError, match="counts seeds from 0"):
        show.depth_picker([*pair("pre-ln", 3), *pair("sas", 3)])
