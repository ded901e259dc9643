"""The atlas in a real browser, by keyboard: the table sorts, a row lights up its lines, and the page bars nobody."""

import pytest
from playwright.sync_api import Page, expect

from nearlinear.fleet.atlas_page import write
from nearlinear.fleet.atlas_rows import Entry
from tests.browser.visit import SETTINGS, chromium, opened
from tests.fleet.made import changed
from tests.show import synthetic
from tools.assets import AXE
from tools.atlas import part

NAMES = ["alpha", "beta", "gamma"]


def fleet() -> list[Entry]:
    """alpha is the smallest and has a twin, beta has nothing held out."""
    sizes = dict(zip(NAMES, (10, 200, 3000), strict=True))
    made = {
        n: changed(synthetic.profile(n, L=4, seed=i), model={"n_parameters": sizes[n]}) for i, n in enumerate(NAMES)
    }
    made["beta"] = made["beta"].model_copy(update={"held_out": None})
    twin = changed(synthetic.profile("alpha#random-0", L=4), model={"n_parameters": 10})
    return [Entry(made[name], (twin,) if name == "alpha" else ()) for name in NAMES]


@pytest.fixture(scope="module")
def addresses(tmp_path_factory) -> dict[str, str]:
    """The atlas as a page of its own, and as the piece that stands in the book."""
    folder = tmp_path_factory.mktemp("atlas")
    alone, *_ = write(fleet(), folder / "alone.html")
    inside = part(fleet()).removeprefix("````{raw} html\n").removesuffix("````\n")
    head = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    (folder / "inside.html").write_text(f"{head}<title>t</title><main><h1>t</h1>{inside}</main>", encoding="utf-8")
    return {"alone": alone.as_uri(), "inside": (folder / "inside.html").as_uri()}


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module", params=[("alone", SETTINGS[1]), ("inside", SETTINGS[3])], ids=lambda p: p[0])
def visit(request, browser, addresses):
    place, setting = request.param
    with opened(browser, addresses[place], setting) as visit:
        yield visit
        assert (visit.outside, visit.complaints) == ([], [])


@pytest.fixture
def page(visit) -> Page:
    """The page as it is when it opens."""
    visit.page.reload()
    return visit.page


def order(page: Page) -> list[str]:
    return page.locator("tbody th").all_inner_texts()


def press(page: Page, name: str, key: str = "Enter") -> None:
    page.get_by_role("button", name=name, exact=True).focus()
    page.keyboard.press(key)


def lit(page: Page) -> set[str]:
    """The rows whose lines are lit, in the figures."""
    return set(page.eval_on_selector_all("svg .nl-on", "all => all.map(each => each.dataset.row)"))


def test_a_heading_sorts_up_and_then_down(page):
    for key, wanted, way in [("Enter", NAMES, "ascending"), ("Space", NAMES[::-1], "descending")]:
        press(page, "parameters", key)
        assert order(page) == wanted
        expect(page.locator("th[aria-sort]")).to_have_count(1)
        expect(page.get_by_role("columnheader", name="parameters")).to_have_attribute("aria-sort", way)
        expect(page.get_by_role("status")).to_have_text(f"Sorted by parameters, {way}.")
    press(page, "model")
    assert order(page) == NAMES


def test_what_has_no_answer_comes_last_both_ways(page):
    for _ in range(2):
        press(page, "update score, held out")
        assert order(page)[-1] == "beta"
    first = order(page)[0]
    press(page, "update score, held out")
    assert order(page)[1] == first


def test_numbers_are_sorted_as_numbers_and_not_as_words(page):
    press(page, "score, median")
    shown = [float(text) for text in page.locator("tbody tr td:nth-child(8)").all_inner_texts()]
    assert shown == sorted(shown)
    press(page, "parameters")
    assert page.locator("tbody tr td:nth-child(3)").all_inner_texts() == ["10", "200", "3,000"]


def test_a_row_lights_up_its_lines_and_dims_the_others(page):
    assert lit(page) == set()
    press(page, "gamma")
    page.locator("summary").focus()
    assert lit(page) == {"2"}
    expect(page.get_by_role("button", name="gamma")).to_have_attribute("aria-pressed", "true")
    faint = "document.querySelector('#nl-atlas-depth-row-{}-0')"
    dim = [float(page.evaluate(f"getComputedStyle({faint.format(i)}).opacity")) for i in (0, 2)]
    assert dim[0] < 0.5
    assert dim[1] == 1
    press(page, "alpha")
    page.locator("summary").focus()
    assert lit(page) == {"0", "2"}
    assert page.locator("#nl-atlas-depth-row-0-0-0.nl-on").count() == 1  # its twin too
    press(page, "gamma")
    press(page, "alpha")
    page.locator("summary").focus()
    assert lit(page) == set()
    assert page.locator(".nl-some").count() == 0


def test_focus_alone_shows_a_row_for_as_long_as_it_lasts(page):
    page.get_by_role("button", name="beta").focus()
    assert lit(page) == {"1"}
    page.locator("summary").focus()
    assert lit(page) == set()


def test_a_line_lights_up_its_row_whatever_the_order(page):
    press(page, "parameters")
    press(page, "parameters")
    page.locator("#nl-atlas-depth-row-1-0").dispatch_event("click")
    assert page.locator("tbody tr.nl-on th").all_inner_texts() == ["beta"]


def test_tab_reaches_every_heading_and_row(page):
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.closest('th')?.textContent ?? ''"))
    assert {*NAMES, *page.locator("thead th").all_inner_texts()} <= {text.strip() for text in seen}


def test_it_fits_the_screen_and_bars_nobody(page):
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    press(page, "parameters")
    press(page, "alpha")
    page.evaluate((AXE.target / "axe.min.js").read_text())
    found = page.evaluate("axe.run(document, {preload: false}).then(found => found.violations.map(each => each.id))")
    assert found == []


def test_without_script_there_is_a_table_and_nothing_to_press(browser, addresses):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(addresses["alone"])
        assert order(page) == NAMES
        assert page.locator("button").count() == 0
        assert page.get_by_text("Press a heading").is_hidden()
        assert all(svg.bounding_box()["height"] > 200 for svg in page.locator("svg").all())
