"""The picker of finetunings: every task, block and seed is on the page, light, described, and true to its run."""

import ipywidgets as widgets
import pytest

from nearlinear import show
from nearlinear.results.finetuning_views import by_task
from nearlinear.show import picker as module
from nearlinear.show.finetuning_picker import control_of, finetuning_frame
from nearlinear.show.picker import BUDGET, weight
from tests.show import encoders_made as made
from tests.show.test_learning_picker import alts
from tests.show.test_pickers import all_of

RUNS = made.finetunings()


def test_every_task_block_and_seed_is_there_once_and_light():
    picker = show.finetuning_picker(RUNS)
    assert weight(picker) < 0.5 * BUDGET
    found = alts(picker)
    assert len(found) == len(set(found)) == 2 * 6 * 3
    assert sum(alt.startswith("words in context, SAS, seed 2: ") for alt in found) == 1


def test_its_controls_choose_task_block_and_seed():
    picker = show.finetuning_picker(RUNS, name="Mine")
    task, which = all_of(picker, widgets.Dropdown)
    (slider,), (box,) = all_of(picker, widgets.IntSlider), all_of(picker, widgets.BoundedIntText)
    assert task.options == ("film sentences", "words in context")
    assert which.options[3] == "SAS"
    assert {each.description for each in (task, which, slider, box)} == {
        "Mine: task",
        "Mine: block",
        "Mine: seed",
        "Mine: seed number",
    }
    stacks = all_of(picker, widgets.Stack)
    assert sorted(len(stack.children) for stack in stacks) == [2, *[3] * 12, 6, 6]
    assert all(hasattr(stack, "link") for stack in stacks)
    (outer,) = [stack for stack in stacks if len(stack.children) == 2]
    assert "words in context, SAS, seed 2: " in outer.children[1].children[3].children[2].value


def test_without_stack_a_kernel_changes_the_frame(monkeypatch):
    monkeypatch.delattr(module.widgets, "Stack")
    picker = show.finetuning_picker(RUNS)
    task, which, _, shown = picker.children
    task.index, which.index = 1, 3
    assert "words in context, SAS, seed 0: " in shown.children[0].children[0].children[0].value


def test_a_frame_says_its_numbers_and_those_of_its_control():
    frame = finetuning_frame(made.finetuned("sas", 1, 0.75), made.finetuned("pre-ln", 1, 0.6, how="scratch"))
    assert frame.alt.startswith(
        "film sentences, SAS, seed 1: right on 75.0 % of the test, on 85.0 % of what was learnt from. Pre-LN, from "
        "scratch, with the same seed: right on 60.0 % of the test, on 70.0 % of what was learnt from."
    )
    assert "95 % interval over the test 7" in frame.html
    assert "Dashed: Pre-LN, from scratch" in frame.html
    alone = finetuning_frame(made.finetuned("sas"), None)
    assert "from scratch" not in alone.html


def test_the_control_is_the_blocks_own_where_it_has_one():
    tasks = by_task(RUNS)
    control = {block: control_of(tasks, made.finetuned(block, 2)) for block in ("sas-p", "sas", "pre-ln")}
    assert {block: run.spec.model.architecture.block for block, run in control.items()} == {
        "sas-p": "sas-p",
        "sas": "pre-ln",
        "pre-ln": "pre-ln",
    }
    assert {run.spec.seed for run in control.values()} == {2}
    assert control_of(by_task([made.finetuned()]), made.finetuned()) is None


def test_a_finetuning_that_broke_off_has_a_frame():
    frame = finetuning_frame(made.finetuned("sas", stopped_at=100, texts=2), made.finetuned("pre-ln", how="scratch"))
    assert "SAS, seed 0: broke off: the loss is no longer a number at step 100" in frame.alt
    assert "95 % interval over the test no answer to no answer" not in frame.html
    early = finetuning_frame(made.finetuned("sas", stopped_at=1), None)
    assert "nan" not in early.html


def test_seeds_must_count_from_zero():
    with pytest.raises(ValueError, match="counts seeds from 0"):
        show.finetuning_picker([made.finetuned("sas", 3)])
    with pytest.raises(ValueError, match="counts seeds from 0"):
        show.finetuning_picker(
            [run for run in RUNS if (run.spec.seed, run.spec.model.architecture.block) != (2, "sas")]
        )
