"""A deck in a real browser: moved by keys alone, on paper a slide a page, offline, and read by everybody."""

import re

import pytest

from tests.browser.visit import SETTINGS, chromium, opened
from tools.assets import AXE
from tools.slides import Slide, deck

PICTURE = "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 4'/>"
SHOWN = [
    Slide("Which tokens?", "<p>On which tokens does the line miss?</p>"),
    Slide("Only one.", f'<figure><img src="{PICTURE}" alt="a box"></figure>'),
    Slide("What to remember", "<ul><li>One thing.</li></ul>"),
]


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    """An open deck of three slides, from disk."""
    path = tmp_path_factory.mktemp("slides") / "03_which_tokens.html"
    path.write_text(deck(SHOWN, "03_which_tokens", "made from this"))
    with chromium() as browser, opened(browser, path.as_uri(), SETTINGS[3]) as visit:
        yield visit


def headings_seen(page) -> list[str]:
    """The headings that can be seen now."""
    return page.evaluate(
        """[...document.querySelectorAll("h1, h2")].filter(h => {
             const box = h.getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight;
           }).map(h => h.textContent)"""
    )


def test_keys_move_it_and_stop_at_its_ends(visit):
    keys = ("ArrowRight", "PageDown", " ", "ArrowLeft", "Shift+Space", "PageUp", "End", "Home", "ArrowDown", "ArrowUp")
    seen = []
    for key in keys:
        visit.page.keyboard.press("Space" if key == " " else key)
        visit.page.wait_for_timeout(50)
        seen += headings_seen(visit.page)
    titles = [slide.heading for slide in SHOWN]
    assert seen == [titles[i] for i in (1, 2, 2, 1, 0, 0, 2, 0, 1, 0)]


def test_a_slide_is_a_page_on_paper(visit):
    assert len(re.findall(rb"/Type /Page\b(?!s)", visit.page.pdf(prefer_css_page_size=True))) == len(SHOWN)


def test_it_asks_for_nothing_and_everybody_can_read_it(visit):
    visit.page.add_script_tag(path=AXE.target / "axe.min.js")
    assert visit.page.evaluate("axe.run().then(found => found.violations.map(v => v.id + ': ' + v.help))") == []
    assert (visit.outside, visit.complaints) == ([], [])
