"""Pickers hold every frame, are linked without a kernel, stay light, and fall back where there is no Stack."""

import re

import ipywidgets as widgets
import pytest
from ipywidgets import embed

from nearlinear import show
from nearlinear.show import picker as module
from nearlinear.show.picker import BUDGET, weight
from tests.show import synthetic

DEEP, SHALLOW = synthetic.profile(), synthetic.profile("gpt2", L=3, note="")
PICKERS = {
    "block": lambda: show.block_picker([DEEP, synthetic.twin(), synthetic.encoder()]),
    "update": lambda: show.update_picker([DEEP, synthetic.encoder()]),
    "histogram": lambda: show.histogram_picker([synthetic.token_errors(), synthetic.token_errors("gpt2", L=3)]),
    "token map": lambda: show.token_map_picker(synthetic.token_errors()),
}


def frame(alt: str) -> show.Frame:
    return show.Frame.of("<svg></svg>", alt)


def all_of(picker, kind) -> list:
    """Every widget of a kind inside a picker, each once."""
    found, todo = {}, [picker]
    while todo:
        widget = todo.pop(0)
        todo += getattr(widget, "children", ())
        if isinstance(widget, kind):
            found[widget.model_id] = widget
    return list(found.values())


@pytest.mark.parametrize("name", PICKERS)
def test_every_picker_is_light_and_its_frames_have_words_of_their_own(name):
    picker = PICKERS[name]()
    assert weight(picker) < BUDGET
    alts = [re.search(r"aria-label='([^']+)'", w.value)[1] for w in all_of(picker, widgets.HTML)]
    assert len(alts) >= 30
    assert len(set(alts)) == len(alts)
    assert all("tokens" in alt for alt in alts)


def test_a_picker_of_one_model_has_no_dropdown_and_counts_from_zero():
    picker = show.layer_picker({"m": [frame(f"alt {i}") for i in range(5)]}, name="Mine")
    assert not all_of(picker, widgets.Dropdown)
    (slider,), (box,) = all_of(picker, widgets.IntSlider), all_of(picker, widgets.BoundedIntText)
    assert (slider.min, slider.max, box.min, box.max) == (0, 4, 0, 4)
    assert (slider.description, box.description) == ("Mine: block", "Mine: block number")


def test_models_of_one_depth_share_their_controls_and_others_have_their_own():
    five, three = [frame(f"{i}") for i in range(5)], [frame(f"{i}") for i in range(3)]
    picker = show.layer_picker({"a": five, "b": five, "c": three}, name="Mine")
    (dropdown,) = all_of(picker, widgets.Dropdown)
    assert dropdown.options == ("a", "b", "c")
    assert sorted(s.max for s in all_of(picker, widgets.IntSlider)) == [2, 4]


def test_links_work_in_the_browser_and_travel_with_the_page():
    picker = show.layer_picker({"a": [frame("0"), frame("1")], "b": [frame("2"), frame("3")]}, name="Mine")
    state = embed.dependency_state([picker])
    links = [s["state"] for s in state.values() if s["model_name"] == "LinkModel"]
    ends = {(link["source"][1], link["target"][1]) for link in links}
    assert ends == {("value", "value"), ("value", "selected_index"), ("index", "selected_index")}
    assert len(links) == 4  # slider to box, to either stack of frames, and model to page


def test_start_is_kept_inside_a_shallow_model():
    picker = show.layer_picker({"a": [frame(str(i)) for i in range(9)], "b": [frame("0")]}, name="Mine", start=4)
    assert sorted(s.value for s in all_of(picker, widgets.IntSlider)) == [0, 4]
    assert {s.selected_index for s in all_of(picker, widgets.Stack)} == {0, 4}


def test_without_stack_the_kernel_changes_the_frame(monkeypatch):
    monkeypatch.delattr(module.widgets, "Stack")
    picker = show.layer_picker({"a": [frame("a0"), frame("a1")], "b": [frame("b0"), frame("b1")]}, name="Mine")
    (slider,), (dropdown,) = all_of(picker, widgets.IntSlider), all_of(picker, widgets.Dropdown)

    def shown() -> list[str]:
        return re.findall(r"aria-label='(\w+)'", " ".join(w.value for w in all_of(picker, widgets.HTML)))

    assert shown() == ["a0"]
    slider.value = 1
    assert shown() == ["a1"]
    dropdown.value = "b"
    assert shown() == ["b1"]


def test_a_heavy_picker_is_refused():
    with pytest.raises(ValueError, match=r"'Mine' weighs [\d,]+ bytes, more than 800,000: show fewer models"):
        show.layer_picker({"m": [frame("x" * 100_000) for _ in range(9)]}, name="Mine")


@pytest.mark.parametrize("frames", [{}, {"m": []}])
def test_an_empty_picker_is_refused(frames):
    with pytest.raises(ValueError, match="'Mine' has nothing to show: give at least one frame for each model"):
        show.layer_picker(frames, name="Mine")


def test_frames_name_block_numbers_intervals_and_the_ratio():
    html = all_of(show.block_picker(SHALLOW), widgets.HTML)[1].value
    strict = SHALLOW.held_out.no_first_token
    assert "<b>Block 1</b> · gpt2: 22,080 tokens" in html
    assert "fitted on 14,720 (n/d = 25.6)" in html
    low, high = strict.intervals.scores[1]
    assert f"held out, first token out {strict.scores[1]:.3f} [{low:.3f}, {high:.3f}]" in html
    assert f"held out, massive out too {SHALLOW.held_out.no_massive_token.scores[1]:.3f} [" in html


def test_frames_say_what_is_not_reliable_and_what_has_no_answer():
    html = all_of(show.update_picker(synthetic.profile(L=3, broken_from=1, reliable=False)), widgets.HTML)[2].value
    assert "Not reliable: smollm2-135m" in html
    assert "in-sample, first token out no answer" in html
    assert "NaN" not in html
    assert "nan" not in html


def test_a_model_that_broke_from_the_first_block_still_has_frames():
    broken = synthetic.profile(L=3, broken_from=0)
    assert len(all_of(show.block_picker(broken), widgets.HTML)) == 3
    assert len(all_of(show.update_picker(broken), widgets.HTML)) == 3


@pytest.mark.parametrize("broken_from", [0, 1])
def test_error_pickers_stand_blocks_without_an_answer(broken_from):
    broken = synthetic.token_errors(L=3, windows=4, broken_from=broken_from)
    assert "There is no answer at this block." in all_of(show.histogram_picker(broken), widgets.HTML)[2].value
    assert "Median no answer" in all_of(show.token_map_picker(broken), widgets.HTML)[2].value


def test_model_names_are_escaped():
    html = all_of(show.block_picker(synthetic.profile("<script>'x'", L=1)), widgets.HTML)[0].value
    assert "<script" not in html
