"""A chapter on paper: its text and figures whole, pickers in the state they show, none of the screen's furniture."""

import re
from io import BytesIO

import pytest
from pypdf import PdfReader

from tests.browser.visit import PICKER, SETTINGS, chromium, opened

CHAPTER = "notebooks/01_linearity_by_layer"
HEIGHT = 1123 - 2 * 38
"""Pixels of a sheet of A4 between its margins."""

FURNITURE = """.bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, .prev-next-footer, .headerlink,
  .copybtn, .nl-downloads, .noUi-handle, .toggle-button"""
SEEN = "selector => [...document.querySelectorAll(selector)].filter(element => element.checkVisibility()).length"
WHOLE = """selector => [...document.querySelectorAll(selector)].map(element => ({
  name: element.outerHTML.slice(0, 80), broken: getComputedStyle(element).breakInside !== "avoid",
  height: element.getBoundingClientRect().height, cut: element.scrollWidth - element.clientWidth > 1}))"""


@pytest.fixture(scope="module", params=SETTINGS[:2], ids=str)
def visit(request, smoke_book):
    """A chapter as it is printed, from a light and from a dark screen."""
    with chromium() as browser, opened(browser, f"{smoke_book.site.as_uri()}/{CHAPTER}.html", request.param) as visit:
        visit.page.set_viewport_size({"width": 718, "height": HEIGHT})
        visit.page.emulate_media(media="print")
        yield visit


@pytest.fixture(scope="module")
def printed(visit) -> PdfReader:
    return PdfReader(BytesIO(visit.page.pdf(format="A4", print_background=True)))


def test_nothing_of_the_screen_is_printed(visit):
    assert visit.page.evaluate(SEEN, FURNITURE) == 0
    assert visit.page.evaluate(SEEN, "figure img") >= 2


@pytest.mark.parametrize("selector", ["figure", ".widget-subarea"])
def test_figures_and_pickers_stay_on_one_sheet(visit, selector):
    found = visit.page.evaluate(WHOLE, selector)
    assert found
    for each in found:
        assert not each["broken"], each
        assert not each["cut"], each
        assert each["height"] < HEIGHT, each


def test_a_picker_prints_what_it_shows(visit):
    picker = visit.page.locator(PICKER).first
    assert picker.locator(".nl-frame:visible").count() == 1
    assert picker.locator("select:visible, input[type=number]:visible").count() >= 1


def test_it_is_black_on_white(visit):
    colours = visit.page.evaluate("['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])")
    ink, paper = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
    assert ink < 200
    assert paper > 700 or colours[1] == "rgba(0, 0, 0, 0)"


def test_every_sheet_says_something_and_all_headings_are_there(visit, printed):
    sheets = [page.extract_text() for page in printed.pages]
    assert all(len(text.strip()) > 40 for text in sheets)
    told = re.sub(r"\s+", "", "".join(sheets))
    headings = visit.page.locator("article h2, article h3").all_inner_texts()
    assert len(headings) > 8
    assert [heading for heading in headings if re.sub(r"\s+|#", "", heading) not in told] == []


def test_a_link_out_of_the_book_says_where_to(visit):
    after = visit.page.evaluate(
        """() => {
          const link = document.querySelector("article p").appendChild(document.createElement("a"));
          link.className = "external";
          link.href = "https://example.org/x";
          const told = getComputedStyle(link, "::after").content;
          link.remove();
          return told;
        }"""
    )
    assert "https://example.org/x" in after
