"""Under every figure of the book its drawing and its numbers can be taken away, from a server and from a folder."""

import csv
from io import StringIO
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup

from tests.browser.visit import SETTINGS, chromium, opened, served

WITHOUT_NUMBERS = {"08_taking_the_block_apart": 2}
"""Chapter → its figures that are drawings of something, and not of numbers."""


def figures(page) -> list:
    """Every static figure of a page with the line under it."""
    article = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find("article")
    return [(figure, figure.find_next_sibling()) for figure in article.find_all("figure") if figure.figcaption]


def test_every_figure_of_a_chapter_has_a_drawing_and_numbers_beside_the_page(smoke_book):
    for page in smoke_book.chapters:
        lacking, found = 0, figures(page)
        assert found, page.stem
        for n, (figure, line) in enumerate(found, 1):
            assert "nl-downloads" in line["class"], (page.stem, n)
            links = {link["download"].rpartition(".")[2]: page.parent / link["href"] for link in line.find_all("a")}
            assert ElementTree.fromstring(links["svg"].read_bytes()).tag.endswith("svg")
            assert f"figure {n} " in line.a["aria-label"]
            assert "data:" not in figure.img["src"]
            lacking += "csv" not in links
            if "csv" in links:
                a_table_of_numbers(links["csv"].read_text(encoding="utf-8"))
        assert lacking == WITHOUT_NUMBERS.get(page.stem, 0), page.stem


def a_table_of_numbers(text: str) -> None:
    """It names its axes, and has a number or a name in each row."""
    head, *rows = csv.reader(StringIO(text))
    columns = [name.partition(":")[0] for name in head]
    assert columns[:7] == ["panel", "series", "x", "y", "low", "high", "kind"]
    assert rows
    for row in (dict(zip(columns, row, strict=True)) for row in rows):
        said = [row[name] for name in ("x", "y", "low", "high", "x low", "x high", "value") if row.get(name)]
        assert all(isinstance(float(number), float) for number in said)
        assert row["series"]


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def roots(smoke_book):
    with served(smoke_book.site) as address:
        yield {"http": address, "file": smoke_book.site.as_uri()}


KINDS = ("svg", "csv")


def links(visit) -> list:
    """The links under the first figure, as somebody meets them who has no mouse."""
    return list(zip(KINDS, visit.page.locator(".nl-downloads a").all()[:2], strict=True))


def test_a_key_takes_the_files_away(browser, roots, smoke_book):
    page = smoke_book.chapters[0]
    with opened(browser, f"{roots['http']}/notebooks/{page.name}", SETTINGS[0]) as visit:
        for kind, link in links(visit):
            link.focus()
            with visit.page.expect_download() as told:
                visit.page.keyboard.press("Enter")
            assert told.value.suggested_filename == f"{page.stem}-figure-1.{kind}"
            beside = page.parent / "figures" / told.value.suggested_filename
            assert told.value.path().read_bytes() == beside.read_bytes()
        assert visit.outside == []


def test_in_a_folder_the_drawing_opens(browser, roots, smoke_book):
    """Where there is no server a browser opens the file in place of saving it."""
    page = smoke_book.chapters[0]
    with opened(browser, f"{roots['file']}/notebooks/{page.name}", SETTINGS[1]) as visit:
        addresses = [link.evaluate("link => link.href") for _, link in links(visit)]
        assert addresses == [(page.parent / f"figures/{page.stem}-figure-1.{kind}").as_uri() for kind in KINDS]
        links(visit)[0][1].focus()
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_url(addresses[0])
        assert visit.page.evaluate("document.documentElement.tagName") == "svg"
        assert visit.outside == []
