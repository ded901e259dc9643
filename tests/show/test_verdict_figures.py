"""All verdicts drawn and turned through: every claim once in each figure, every list in the picker, light."""

import re
import xml.etree.ElementTree as ET

import ipywidgets as widgets
import pytest

from nearlinear import show
from nearlinear.results.claims import claims
from nearlinear.show import picker as module
from nearlinear.show.picker import BUDGET, weight
from nearlinear.show.verdict_figure import LOOKS
from nearlinear.show.verdict_picker import verdict_frame
from nearlinear.show.verdict_words import NOT_YET, PARTS, STANDINGS, Chapter, judged
from tests.show import verdicts_made as made
from tests.show.contrast import contrast
from tests.show.test_learning_picker import alts
from tests.show.test_pickers import all_of

CHAPTERS = made.chapters()
IDS = sorted(c.id for c in claims())


def tiles(figure) -> list[str]:
    """The names on the tiles."""
    words = [text.get_text() for sub in figure.subfigs for ax in sub.axes for text in ax.texts]
    return [found[0] for word in words if (found := re.search(r"[LS]\d+$", word))]


@pytest.mark.parametrize("draw", [show.verdicts_by_paper, show.verdicts_by_part])
def test_every_claim_is_one_tile_and_is_named_in_words(draw):
    shown = draw(CHAPTERS)
    assert sorted(tiles(shown.figure)) == IDS
    assert sorted(re.findall(r"\b[LS]\d+\b", shown.alt)) == IDS
    assert "1 contradicted (S8)" in shown.alt
    assert "d = 12" in shown.alt
    assert "d = 12" in shown.caption
    ET.fromstring(shown.svg())
    assert len(shown.svg()) < 160_000


def test_a_book_without_verdicts_is_drawn_too():
    assert sorted(tiles(show.verdicts_by_paper([]).figure)) == IDS
    assert f"22 {NOT_YET} (L1, L2," in show.verdicts_by_paper([]).alt


def test_letters_stand_out_from_their_tiles_and_edges_from_the_panel():
    assert tuple(LOOKS) == STANDINGS
    assert len({*LOOKS.values()}) == len(STANDINGS)
    for face, edge, letters in LOOKS.values():
        assert contrast(face, letters) >= 4.5
        assert contrast(edge, "#ffffff") >= 3


def test_the_picker_has_every_part_and_every_verdict_that_was_given():
    picker = show.verdict_picker(CHAPTERS)
    assert weight(picker) < BUDGET / 2
    (which,) = all_of(picker, widgets.Dropdown)
    given = [each for each in STANDINGS if each in (*made.PLANTED.values(), NOT_YET)]
    assert which.options == (*PARTS, *given)
    found = alts(picker)
    assert len(found) == len(set(found)) == 2 * len(IDS)
    for id in IDS:
        assert sum(f": {id}, " in alt for alt in found) == 2
    assert "norms, claim 0: S10, norms can go with little loss of speed: not judged yet." in found


def test_its_controls_turn_through_a_list_and_a_single_claim_needs_none():
    picker = show.verdict_picker(CHAPTERS, name="Mine")
    (which,) = all_of(picker, widgets.Dropdown)
    sliders, boxes = all_of(picker, widgets.IntSlider), all_of(picker, widgets.BoundedIntText)
    lists = {**{part: len(ids) for part, ids in PARTS.items()}, "reproduced": 2, NOT_YET: 44}
    assert [(each.description, each.max) for each in sliders] == [
        (f"Mine, {about}: claim", n - 1) for about, n in lists.items()
    ]
    assert [each.description for each in boxes] == [f"Mine, {about}: claim number" for about in lists]
    names = [which.description, *(each.description for each in (*sliders, *boxes))]
    assert len(set(names)) == len(names)
    assert all(hasattr(stack, "link") for stack in all_of(picker, widgets.Stack))


def test_without_stack_a_kernel_changes_the_frame(monkeypatch):
    monkeypatch.delattr(module.widgets, "Stack")
    picker = show.verdict_picker(CHAPTERS)
    which, shown = picker.children
    which.index = list(PARTS).index("norms")
    assert "norms, claim 0" in shown.children[0].children[1].children[0].value


def test_a_frame_shows_every_row_and_escapes_it():
    frame = verdict_frame("S8", judged(CHAPTERS)["S8"], "the MLP and its skip, claim 0")
    assert frame.alt.startswith("the MLP and its skip, claim 0: S8, removing the sequential MLP skip costs speed")
    assert frame.alt.count("a number about S8: 0.930 [0.920, 0.940].") == 3
    assert frame.html.count("held out") == 3
    hostile = made.row("L1", what="<script>", controls="<script>", command="<script>", number="<script>")
    shown = verdict_frame("L1", judged([Chapter("01_a", (hostile,))])["L1"], "<script>").html
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
