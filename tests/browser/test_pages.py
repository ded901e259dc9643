"""The small book as readers meet it: served or from a folder, light or dark, on a desk or on a phone."""

from collections import Counter

import pytest
from sphinx_external_toc.parsing import parse_toc_yaml

from tests.browser.keyboard import NOT_REACHED, controls, move
from tests.browser.visit import PICKER, SETTINGS, chromium, opened, served
from tools.assets import AXE
from tools.profiles import ROOT

PAGES = sorted(parse_toc_yaml(ROOT / "book/_toc.yml"))
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
# Pages with pickers in every setting, the others in two that have nothing in common.
VISITS = [(page, setting) for page in PAGES for setting in (SETTINGS if page in CHAPTERS else SETTINGS[:2])]
# Without `preload` axe does not read the style sheets again, which a browser forbids in a page from a folder.
VIOLATIONS = """axe.run(document, {resultTypes: ["violations"], preload: false}).then(found => found.violations.flatMap(
  violation => violation.nodes.map(node => `${violation.id}: ${node.target}: ${node.failureSummary}`)))"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def roots(smoke_book):
    """Where the book begins, by scheme."""
    with served(smoke_book.site) as address:
        yield {"http": address, "file": smoke_book.site.as_uri()}


@pytest.fixture(scope="module", params=VISITS, ids=lambda visit: f"{visit[0].partition('/')[2]}-{visit[1]}")
def visit(request, browser, roots):
    page, setting = request.param
    with opened(browser, f"{roots[setting.scheme]}/{page}.html", setting) as visit:
        yield visit


def violations(page) -> list[str]:
    """What axe finds wrong for readers who cannot see or point, by rule and selector."""
    page.evaluate((AXE.target / "axe.min.js").read_text())
    return page.evaluate(VIOLATIONS)


def too_wide(page) -> int:
    """Pixels by which the page is wider than the screen, so that all of it would have to be moved sideways."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def test_a_page_asks_nobody_and_complains_of_nothing(visit):
    assert visit.outside == []
    assert visit.complaints == []
    assert visit.page.evaluate("document.documentElement.dataset.theme") == visit.setting.colours


def test_formulas_are_set(visit):
    found = visit.page.locator(".math").count()
    assert visit.page.locator(".math mjx-container").count() >= found
    assert visit.page.locator("mjx-merror").count() == 0


def test_a_page_fits_the_screen(visit):
    assert too_wide(visit.page) <= 0


def test_no_tooltip_is_empty_talk(visit):
    assert visit.page.locator("[title=null], [title=None], [title=undefined]").count() == 0


def test_axe_finds_no_violation(visit):
    assert violations(visit.page) == []


def test_every_picker_follows_the_keyboard(visit):
    moved = [(control.kind, move(visit.page, control)) for control in controls(visit.page)]
    assert [problem for _, problems in moved for problem in problems] == []
    kinds, pickers = Counter(kind for kind, _ in moved), visit.page.locator(PICKER).count()
    assert kinds["slider"] == kinds["number"] == pickers
    assert (pickers > 0) == ("/notebooks/" in visit.page.url)
    assert visit.page.evaluate(NOT_REACHED, PICKER) == []
    assert visit.outside == []
    assert visit.complaints == []


DEAF = """["keydown", "input", "change"].forEach(type => document.addEventListener(
  type, event => event.stopImmediatePropagation(), {capture: true}))"""


def test_a_picker_that_does_not_follow_is_seen(browser, roots):
    with opened(browser, f"{roots['file']}/{CHAPTERS[0]}.html", SETTINGS[1]) as visit:
        visit.page.evaluate(DEAF)
        moved = {control.kind: move(visit.page, control, patience=500) for control in controls(visit.page)}
    assert list(moved) == ["dropdown", "slider", "number"]
    for problems in moved.values():
        assert any("the picture stays the same" in problem for problem in problems)


@pytest.mark.parametrize("page", CHAPTERS)
def test_figures_need_no_script(browser, smoke_book, page):
    with browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto((smoke_book.site / f"{page}.html").as_uri())
        pictures = tab.locator("figure img").all()
        assert pictures
        assert all(picture.is_visible() and picture.bounding_box()["height"] > 100 for picture in pictures)


def test_the_book_has_formulas_and_pictures(browser, roots):
    with opened(browser, f"{roots['http']}/book/scorer.html", SETTINGS[0]) as visit:
        assert visit.page.locator("mjx-container").count() > 10


BAD = """<!doctype html><html lang=en><title>bad</title><body><main><h1>Bad</h1>
<img src='https://example.org/outside.png'><img src='gone.png' alt=gone><p style='width:2000px'>wide</p>
<script>console.error('a complaint'); throw new Error('an error')</script></main></body></html>"""


def test_a_bad_page_is_seen(browser, tmp_path):
    (tmp_path / "bad.html").write_text(BAD)
    with served(tmp_path) as address, opened(browser, f"{address}/bad.html", SETTINGS[1]) as visit:
        assert visit.outside == ["https://example.org/outside.png"]
        for told in ("404", "a complaint", "an error"):
            assert any(told in complaint for complaint in visit.complaints), told
        assert [line.split(":")[0] for line in violations(visit.page)] == ["image-alt"]
        assert too_wide(visit.page) > 1000
