"""The picker of finetunings: every lesson, seed and block is on the page, light, described, and true to its runs."""

import ipywidgets as widgets
import pytest

from nearlinear import show
from nearlinear.show import picker as module
from nearlinear.show.picker import BUDGET, weight
from nearlinear.show.tuning_picker import Seen, block_frame, seed_frame
from tests.show import tunings_made as made
from tests.show.test_learning_picker import alts
from tests.show.test_pickers import all_of

RUNS = made.tunings()


def test_every_lesson_seed_and_block_is_there_once_and_light():
    picker = show.tuning_picker(RUNS)
    assert weight(picker) < 0.7 * BUDGET
    found = alts(picker)
    assert len(found) == len(set(found)) == 14 * (3 + 3)
    for lesson in ("SmolLM2-135M on film sentences", "GPT-NeoX type on more text"):
        assert sum(alt.startswith(f"{lesson}, seed 2: ") for alt in found) == 1
        assert sum(alt.startswith(f"{lesson}, block 2: ") for alt in found) == 1


def test_its_controls_choose_lesson_seed_and_block():
    picker = show.tuning_picker(RUNS, name="Mine")
    (which,) = all_of(picker, widgets.Dropdown)
    assert which.options[:2] == ("SmolLM2-135M on film sentences", "SmolLM2-135M on words in context")
    sliders, boxes = all_of(picker, widgets.IntSlider), all_of(picker, widgets.BoundedIntText)
    assert {each.description for each in (which, *sliders, *boxes)} == {
        "Mine: lesson", "Mine: seed", "Mine: seed number", "Mine: block", "Mine: block number",
    }  # fmt: skip
    assert {(slider.min, slider.max) for slider in sliders} == {(0, 2)}
    stacks = all_of(picker, widgets.Stack)
    assert sorted(len(stack.children) for stack in stacks) == [3] * 28 + [14]
    assert all(hasattr(stack, "link") for stack in stacks)


def test_without_stack_a_kernel_changes_the_frame(monkeypatch):
    monkeypatch.delattr(module.widgets, "Stack")
    picker = show.tuning_picker(RUNS)
    which, shown = picker.children
    which.index = 5
    seed_row, by_seed, block_row, by_block = shown.children[0].children
    seed_row.children[0].value = 1
    block_row.children[0].value = 2
    assert "Llama type on words in context, seed 1: " in by_seed.children[0].value
    assert "Llama type on words in context, block 2: " in by_block.children[0].value


def test_frames_say_their_numbers():
    runs = made.lessons("film", ends={"film": {"size": (0.2, 0.4)}})
    seen = Seen.of(("llama", "film"), runs)
    assert seed_frame(seen, 0).alt.startswith(
        "Llama type on film sentences, seed 0: mean over blocks: s_Δ 0.450 to 0.550; less unexplained "
    )
    assert "larger updates +0.693; loss on the measured text 2.000 to 2.100" in seed_frame(seen, 0).html
    assert block_frame(seen, 1).alt == (
        "Llama type on film sentences, block 1: seed 0 s_Δ 0.450 to 0.550, ‖Δ‖² / ‖Y‖² 0.200 to 0.400; seed 1 s_Δ "
        "0.452 to 0.553, ‖Δ‖² / ‖Y‖² 0.200 to 0.400; seed 2 s_Δ 0.454 to 0.556, ‖Δ‖² / ‖Y‖² 0.200 to 0.400."
    )
    assert "mean rise +0.101" in block_frame(seen, 1).html


def test_a_finetuning_that_broke_off_has_frames():
    seen = Seen.of(("llama", "film"), [made.run(stopped_at=100), made.run(seed=1, stopped_at=100)])
    assert "seed 0: the finetuning broke off, and there is nothing after it." in seed_frame(seen, 0).html
    assert "mean rise no answer" in block_frame(seen, 0).html
    assert "nan" not in block_frame(seen, 0).html


def test_seeds_that_do_not_count_from_0_are_refused():
    with pytest.raises(ValueError, match=r"^the picker counts seeds from 0 for every lesson"):
        show.tuning_picker([made.run(seed=1)])
