"""The book without a mouse: past the side bar in one step, every control reached, and always seen where one is."""

import pytest

from tests.browser.visit import SETTINGS, chromium, opened

MOST_TABS = 700
PLACES = [("notebooks/01_linearity_by_layer", SETTINGS[3]), ("book/index", SETTINGS[2])]

# What has the focus: a name for it, whether it can be seen, and whether something shows that the keyboard is there.
FOCUSED = """() => {
  const element = document.activeElement;
  if (element === document.body) return null;
  const again = "tabbed" in element.dataset, card = element.matches(".sd-stretched-link");
  element.dataset.tabbed = "yes";
  const whole = card ? element.closest(".sd-card") : element.querySelector(".toctree-toggle") ?? element;
  const box = whole.getBoundingClientRect();
  const look = getComputedStyle(card ? element : whole, card ? "::after" : null);
  const ringed = (look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2) || look.boxShadow !== "none";
  return {again, name: element.outerHTML.slice(0, 140), seen: box.width > 0 && box.height > 0, ringed};
}"""

# What a mouse could use and Tab did not come to.
NOT_REACHED = """() => [...document.querySelectorAll("a[href], button, summary, input, select, [role=button]")].filter(
  element => element.checkVisibility({visibilityProperty: true, opacityProperty: true}) && !element.disabled
    && element.tabIndex >= 0 && !("tabbed" in element.dataset) && !element.matches(".headerlink, [type=radio]"))
  .map(element => element.outerHTML.slice(0, 140))"""

MOUSE_ONLY = """() => [...document.querySelectorAll("[onclick]:not(a, button, input, select, summary)")].length"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module", params=PLACES, ids=lambda place: f"{place[0].rpartition('/')[2]}-{place[1]}")
def visit(request, browser, smoke_book):
    page, setting = request.param
    with opened(browser, f"{smoke_book.site.as_uri()}/{page}.html", setting) as visit:
        yield visit


def test_the_first_step_offers_to_skip_to_the_text(visit):
    page = visit.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Skip to main content"
    page.wait_for_function("document.activeElement.getBoundingClientRect().top >= 0")  # it slides in
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_every_control_is_reached_and_shows_it(visit):
    page, stops = visit.page, []
    page.reload()
    page.evaluate("window.MathJax?.startup?.promise")
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None or stop["again"]:
            break
        stops.append(stop)
    assert len(stops) > 20
    assert [stop["name"] for stop in stops if not stop["seen"]] == []
    assert [stop["name"] for stop in stops if not stop["ringed"]] == []
    assert page.evaluate(NOT_REACHED) == []
    assert page.evaluate(MOUSE_ONLY) == 0


def test_a_key_opens_the_search_and_finds(browser, smoke_book):
    with opened(browser, f"{smoke_book.site.as_uri()}/book/index.html", SETTINGS[1]) as visit:
        page = visit.page
        page.keyboard.press("ControlOrMeta+k")
        page.keyboard.type("perplexity")
        page.keyboard.press("Enter")
        page.locator("#search-results li a").first.wait_for()
        assert "search.html?q=perplexity" in page.url
        assert visit.outside == []


def test_a_key_changes_day_to_night(browser, smoke_book):
    with opened(browser, f"{smoke_book.site.as_uri()}/book/index.html", SETTINGS[3]) as visit:
        page, seen = visit.page, set()
        page.locator(".theme-switch-button:visible").first.focus()
        for _ in range(3):
            page.keyboard.press("Enter")
            seen.add(page.evaluate("document.documentElement.dataset.mode"))
        assert seen == {"auto", "light", "dark"}
