"""The picker of trainings: every block, axis and seed is on the page, light, described, and true to its run."""

import re
from html import unescape

import ipywidgets as widgets
import pytest

from nearlinear import show
from nearlinear.show.learning_picker import AXES, training_frame
from nearlinear.show.picker import BUDGET, weight
from tests.show import trainings
from tests.show.test_learning import SECONDS
from tests.show.test_pickers import all_of


def alts(picker) -> list[str]:
    labels = (re.search("aria-label='([^']+)'", widget.value) for widget in all_of(picker, widgets.HTML))
    return [unescape(found[1]) for found in labels if found]


def test_every_block_axis_and_seed_is_there_once_and_light():
    picker = show.learning_picker(trainings.core(steps=4000), SECONDS)
    assert weight(picker) < 0.7 * BUDGET
    found = alts(picker)
    assert len(found) == len(set(found)) == 6 * 3 * 3
    for name in ("Pre-LN", "parallel", "V-SkipInit", "SAS", "SAS-P", "SAS-P, no norm"):
        for over in AXES:
            assert [sum(alt.startswith(f"{name}, seed {k}, against {over}:") for alt in found) for k in range(3)] == [
                1, 1, 1,
            ]  # fmt: skip


def test_its_controls_choose_block_axis_and_seed():
    picker = show.learning_picker(trainings.core(), SECONDS, name="Mine")
    block, axis = all_of(picker, widgets.Dropdown)
    assert block.options[3] == "SAS"
    assert axis.options == AXES
    (slider,), (box,) = all_of(picker, widgets.IntSlider), all_of(picker, widgets.BoundedIntText)
    assert (slider.min, slider.max, box.min, box.max) == (0, 2, 0, 2)
    block.index, axis.index, slider.value = 3, 1, 2
    stacks = all_of(picker, widgets.Stack)
    assert len(stacks) == 1 + 6 + 18
    assert {len(stack.children) for stack in stacks} == {6, 3}
    (outer,) = [stack for stack in stacks if len(stack.children) == 6]
    frame = outer.children[3].children[1].children[2]
    assert "SAS, seed 2, against tokens:" in frame.value
    assert all(hasattr(stack, "link") for stack in stacks)


def test_a_frame_says_its_numbers():
    frame = training_frame(trainings.run("sas", 1, end=1.53), trainings.run(seed=1), "steps", {})
    assert frame.alt.startswith(
        "SAS, seed 1, against steps: held-out loss 1.530 nats a byte after 1,000 steps, training loss 1.230. Held out "
        "minus Pre-LN of the same seed, where both were last looked at: +0.030. 10 blocks, d = 64"
    )
    assert "<b>SAS, seed 1</b> · held out 1.530, training 1.230 nats a byte" in frame.html


def test_the_axes_are_steps_tokens_and_seconds():
    pair = trainings.run("sas"), trainings.run()
    ends = {over: re.search(r"after (\S+) ", training_frame(*pair, over, SECONDS).alt)[1] for over in AXES}
    assert ends == {"steps": "1,000", "tokens": "1.0M", "seconds": "66"}
    assert "steps times the median time of one in a benchmark" in training_frame(*pair, "seconds", SECONDS).html
    own = training_frame(*pair, "seconds", {})
    assert "after 50 seconds" in own.alt
    assert "by the clock of the run itself" in own.html
    assert "clock" not in training_frame(*pair, "steps", {}).html


def test_in_seconds_the_difference_is_read_at_the_same_second():
    slow = training_frame(trainings.run("sas"), trainings.run(), "seconds", {"sas": 0.1, "pre-ln": 0.05})
    told = float(re.search(r"last looked at: ([+−]\d+\.\d+)", slow.alt)[1].replace("−", "-"))
    assert told == pytest.approx(trainings.loss_at(500, 1.5, 1000) - 1.5, abs=0.001)


def test_seeds_must_count_from_zero():
    with pytest.raises(ValueError, match="counts seeds from 0"):
        show.learning_picker([trainings.run(seed=3), trainings.run("sas", 3)], {})


def test_a_training_that_broke_off_has_a_frame():
    frame = training_frame(trainings.run("sas", stopped_at=300), trainings.run(), "steps", {})
    assert "held-out loss no answer" in frame.alt
    assert "nan" not in frame.html
