"""The picker of changed blocks in the small book, by keyboard alone: each choice shows its frame, and says which."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.visit import PICKER, SETTINGS, chromium, opened, served
from tools.assets import AXE

CHAPTER = "notebooks/04_remove_replace_distil"
SLIDER, NUMBER = ".noUi-handle:visible", "input[type=number]:visible"


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def roots(smoke_book):
    """Where the book begins, by scheme."""
    with served(smoke_book.site) as address:
        yield {"http": address, "file": smoke_book.site.as_uri()}


@pytest.fixture(params=SETTINGS[:2], ids=str)
def visit(request, browser, roots):
    """Two settings that have nothing in common; test_pages.py walks through this picker in all of them."""
    with opened(browser, f"{roots[request.param.scheme]}/{CHAPTER}.html", request.param) as visit:
        yield visit


@pytest.fixture
def picker(visit) -> Locator:
    return visit.page.locator(PICKER).filter(has_text="Layers: how")


def shows(picker: Locator, words: str) -> None:
    """The one frame that can be seen says this of itself."""
    frame = picker.locator(".nl-frame:visible > [role=group]")
    expect(frame).to_have_count(1)
    expect(frame).to_have_attribute("aria-label", re.compile(words))


def press(page: Page, control: Locator, *keys: str) -> None:
    control.focus()
    for key in keys:
        page.keyboard.press(key)


def type_number(page: Page, picker: Locator, number: int) -> None:
    press(page, picker.locator(NUMBER), "ControlOrMeta+a", *str(number), "Enter")


def test_every_choice_shows_its_frame(visit, picker):
    how, which = (picker.locator("select").nth(i) for i in (0, 1))
    shows(picker, "with one block replaced by a line, block 0:")
    press(visit.page, picker.locator(SLIDER), "ArrowRight")
    shows(picker, "with one block replaced by a line, block 1:")
    press(visit.page, how, "ArrowUp")
    shows(picker, "with one block removed, block 1:")  # another way keeps the block
    type_number(visit.page, picker, 2)
    shows(picker, "with one block removed, block 2:")
    expect(picker.locator(SLIDER)).to_have_attribute("aria-valuenow", "2.0")
    press(visit.page, picker.locator("select:visible").nth(1), "ArrowDown")
    assert which.input_value() == "the greedy order"
    type_number(visit.page, picker, 1)
    shows(picker, r"with 1 block removed in the greedy order \(\d+\):")
    press(visit.page, picker.locator(SLIDER), "ArrowRight")
    shows(picker, r"with 2 blocks removed in the greedy order \(\d+, \d+\):")
    press(visit.page, how, "ArrowDown")
    shows(picker, r"with 2 blocks replaced by a line in the greedy order \(\d+, \d+\):")
    type_number(visit.page, picker, 0)
    shows(picker, "unchanged:")
    assert (visit.outside, visit.complaints) == ([], [])


def test_the_unchanged_model_needs_no_other_choice(visit, picker):
    press(visit.page, picker.locator("select").first, "Home")
    shows(picker, "unchanged: perplexity")
    expect(picker.locator("select:visible")).to_have_count(1)
    expect(picker.locator(SLIDER)).to_have_count(0)
    expect(picker.locator("mark:visible")).to_have_count(0)


def test_what_is_changed_is_marked_without_colour_and_said_without_sight(visit, picker):
    mark = picker.locator("mark:visible").first
    assert mark.evaluate("element => parseFloat(getComputedStyle(element).borderBottomWidth)") >= 1
    said = mark.locator(".nl-sr")
    assert said.text_content().strip() == "(different from here:)"
    assert said.bounding_box()["width"] <= 1
    assert picker.locator(".nl-frame:visible").inner_text().count("tokens; unchanged, it goes on: …") >= 1


def test_nothing_in_the_picker_is_wider_than_the_screen_or_bars_anybody(visit, picker):
    frame = picker.locator(".nl-frame:visible")
    assert frame.evaluate("element => element.scrollWidth - element.clientWidth") <= 0
    visit.page.evaluate((AXE.target / "axe.min.js").read_text())
    found = visit.page.evaluate(
        "output => axe.run(output, {preload: false}).then(found => found.violations.map(each => each.id))",
        picker.element_handle(),
    )
    assert found == []
