"""The calculator on a page of its own, by keyboard alone: what the script adds up is what Python counts."""

from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from nearlinear import show
from nearlinear.results.sizes import DECODER, OTHERS, PAPER_MODELS
from nearlinear.show.calculator import CHOICES, fields, rows
from tests.browser.visit import SETTINGS, chromium, opened
from tools.assets import AXE

MODELS = PAPER_MODELS | OTHERS
ODD = replace(DECODER, L=7, d=96, h=6, f=250, V=1013, P=77, tied=False, share=0.375)
CHANGES = {
    "as it is": ODD,
    "gated": replace(ODD, mlp="gated"),
    "an encoder": replace(ODD, causal=False),
    "tied": replace(ODD, tied=True),
    "no norm": replace(ODD, norm="none"),
    **{positions: replace(ODD, positions=positions) for positions in CHOICES["positions"][1]},
}


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("page") / "calculator.html"
    head = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    path.write_text(f"{head}<title>t</title><main><h1>t</h1>{show.calculator(MODELS).html}</main>", encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def visit(browser, address):
    with opened(browser, address, SETTINGS[1]) as visit:
        yield visit
        assert (visit.outside, visit.complaints) == ([], [])


@pytest.fixture
def page(visit) -> Page:
    """The page as it is when it opens."""
    visit.page.reload()
    return visit.page


def shown(page: Page) -> dict[str, dict[str, str]]:
    return page.evaluate("""Object.fromEntries([...document.querySelectorAll("tr[data-block]")].map(line => [
        line.dataset.block, Object.fromEntries([...line.querySelectorAll("td")].map(
          cell => [cell.dataset.column, cell.textContent]))]))""")


def give(page: Page, name: str, value: str) -> None:
    """Type a number, or choose by its first letters, as a reader without a mouse does."""
    field = page.locator(f"[name='{name}']")
    field.focus()
    if field.evaluate("element => element.matches('select')"):
        field.select_option(value)
    else:
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.press("Backspace")
        page.keyboard.type(value)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_to_start_from_fills_the_form_and_the_table(page, name):
    give(page, "model", name)
    assert shown(page) == rows(MODELS[name], 128)
    for field, value in fields(MODELS[name], 128).items():
        assert page.locator(f"[name='{field}']").input_value() == str(value)


@pytest.mark.parametrize("change", CHANGES)
def test_any_sizes_give_what_python_counts(page, change):
    for field, value in fields(CHANGES[change], 53).items():
        give(page, field, str(value))
    assert shown(page) == rows(CHANGES[change], 53)
    assert page.locator("[name=model]").input_value() == ""


def test_tab_goes_through_every_field_and_arrows_move_it(page):
    seen = []
    for _ in range(len(fields(DECODER, 1)) + 1):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.name"))
    assert set(seen) == {"model", *fields(DECODER, 1)}
    page.locator("[name=L]").focus()
    page.keyboard.press("ArrowUp")
    assert shown(page) == rows(replace(DECODER, L=19), 128)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"h": "7"}, "Width 768 is not divisible by 7 heads: every head needs the same width."),
        ({"L": ""}, "blocks (L): give a whole number of 1 or more."),
        ({"V": "2.5"}, "vocabulary (V): give a whole number of 1 or more."),
        ({"share": "101"}, "Logits: give a share from 0 to 100 %."),
        ({"mlp": "gated", "f": "7"}, "A gated MLP halves its width, and 7 is odd: give an even one."),
    ],
)
def test_sizes_that_no_model_has_are_told_and_not_counted(page, given, told):
    for name, value in given.items():
        give(page, name, value)
    expect(page.locator("[role=status]")).to_have_text(told)
    assert {cell for row in shown(page).values() for cell in row.values()} == {"–"}


def test_more_tokens_than_positions_are_told_and_counted(page):
    give(page, "T", "2048")
    expect(page.locator("[role=status]")).to_have_text(
        "The model has 1024 learned positions: it cannot read 2048 tokens."
    )
    assert shown(page) == rows(DECODER, 2048)


def test_it_fits_a_phone_and_bars_nobody(page):
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    page.evaluate((AXE.target / "axe.min.js").read_text())
    found = page.evaluate("axe.run(document, {preload: false}).then(found => found.violations.map(each => each.id))")
    assert found == []


def test_without_script_the_table_of_the_first_model_stays(browser, address):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address)
        assert page.locator("tr[data-block=sas] td").first.text_content() == rows(DECODER, 128)["sas"]["parameters"]
        assert page.locator("[name=L]").is_disabled()
