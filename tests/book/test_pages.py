"""The small book on disk: every page keeps to the rules, and shows what a chapter must show."""

import re

import pytest
import yaml
from bs4 import BeautifulSoup

from nearlinear.results.claims import VERDICTS, claims
from nearlinear.show.verdict_words import NOT_YET
from tools import build_book
from tools.build_book import configuration, repository
from tools.check_html import check
from tools.profiles import plan

MODELS = re.compile(r"\btiny-(?:llama|bert)\b")
TOKENS = re.compile(r"\b\d[\d,]* (?:to \d[\d,]* )?(?:held-out )?tokens\b")
SIZE = re.compile(r"\bd = \d+|\bwidth \d+|\b\d+ wide")
COMMAND = re.compile(r'nearlinear (?:(?:score|prune) --model|results --only) |python -c "from nearlinear')
PAPER_AND_OURS = "Paper and ours"
OF_BLOCKS = (
    "07_rank_collapse",
    "08_taking_the_block_apart",
    "09_counting",
    "10_does_it_learn_as_fast",
    "11_values_and_projections",
    "12_deeper",
    "13_an_encoder_too",
    "14_where_the_papers_meet",
    "20_verdict",
)
"""Chapters on blocks, and not on a model that somebody has: their figures are of a size."""


def read(page) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="module")
def chapters(smoke_book):
    """Chapter → its main part."""
    return {page.stem: read(page).find("article") for page in smoke_book.chapters}


def test_every_page_is_light_described_and_loads_nothing_from_outside(smoke_book):
    assert len(list((smoke_book.site / "book").glob("*.html"))) >= 8
    assert check(smoke_book.site) == []


def figures_of(chapter) -> list[tuple[str, str]]:
    """Alt text and caption of every figure."""
    figures = [figure for figure in chapter.find_all("figure") if figure.img and figure.figcaption]
    return [(figure.img["alt"], figure.figcaption.get_text()) for figure in figures]


def test_every_figure_says_which_model_and_how_many_tokens(chapters):
    for name in chapters.keys() - set(OF_BLOCKS):
        figures = figures_of(chapters[name])
        assert len(figures) >= 2, name
        for words in figures:
            assert all(MODELS.search(text) and TOKENS.search(text) for text in words), (name, words)


def test_every_figure_of_blocks_says_how_large_they_are(chapters):
    for name in OF_BLOCKS:
        figures = figures_of(chapters[name])
        assert len(figures) >= 2, name
        assert all(SIZE.search(" ".join(words)) for words in figures), name


def test_every_parameter_is_in_the_table_with_the_value_used(chapters):
    for run in plan("smoke"):
        (table,) = (t for t in chapters[run.name].find_all("table") if t.th and t.th.get_text() == "parameter")
        rows = {tuple(cell.get_text(strip=True) for cell in row.find_all("td")[:2]) for row in table.find_all("tr")}
        assert rows - {()} == {(p.name, run.value(p)) for p in run.parameters}


def test_every_claim_of_paper_and_ours_has_one_of_the_five_verdicts(chapters):
    assert len(VERDICTS) == 5
    for name, chapter in chapters.items():
        of_all = name == "20_verdict"
        tables = [t for t in chapter.find_all("table") if t.caption and t.caption.get_text().startswith(PAPER_AND_OURS)]
        assert len(tables) == (2 if of_all else 1), name
        rows = [(table, row) for table in tables for row in table.tbody.find_all("tr")]
        assert rows, name
        for table, row in rows:
            column = [head.get_text() for head in table.thead.find_all(["th", "td"])].index("verdict")
            sign, _, verdict = row.find_all(["th", "td"])[column].b.get_text().partition(" ")
            assert len(sign) == 1
            assert verdict in ((*VERDICTS, NOT_YET) if of_all else VERDICTS)
            assert verdict == NOT_YET or any(COMMAND.match(code.get_text()) for code in row.find_all("code"))


def test_the_verdict_judges_what_the_chapters_judge(chapters):
    """The same claims with the same verdicts in the same order, and every other claim once, not judged yet."""
    told = {name: verdicts_of(chapter) for name, chapter in chapters.items()}
    (verdict,) = (rows for name, rows in told.items() if name == "20_verdict")
    assert list(dict.fromkeys(id for id, _ in verdict)) == [c.id for c in claims()]
    of_chapters = [row for name, rows in told.items() if name != "20_verdict" for row in rows]
    assert sorted(row for row in verdict if row[1] != NOT_YET) == sorted(of_chapters)


def verdicts_of(chapter) -> list[tuple[str, str]]:
    """Claim and verdict of each row of the tables of claims."""
    found = []
    for table in chapter.find_all("table"):
        if table.caption and table.caption.get_text().startswith(PAPER_AND_OURS):
            column = [head.get_text() for head in table.thead.find_all(["th", "td"])].index("verdict")
            rows = [row.find_all(["th", "td"]) for row in table.tbody.find_all("tr")]
            found += [(cells[0].b.get_text(), cells[column].b.get_text().partition(" ")[2]) for cells in rows]
    return found


def test_every_chapter_has_a_picker_and_says_how_its_numbers_were_made(chapters):
    for name, chapter in chapters.items():
        assert chapter.find("script", type="application/vnd.jupyter.widget-view+json"), name
        assert "How these numbers were made" in chapter.get_text(), name


def test_buttons_are_there_when_the_address_is_known(monkeypatch):
    def theme():
        return yaml.safe_load(configuration(repository()))["sphinx"]["config"]["html_theme_options"]

    monkeypatch.setenv("NEARLINEAR_REPOSITORY", "https://github.com/someone/nearlinear")
    assert theme()["launch_buttons"] == {"colab_url": "https://colab.research.google.com"}
    assert theme()["use_download_button"] is True
    monkeypatch.setenv("NEARLINEAR_REPOSITORY", "")
    assert "launch_buttons" not in theme()
    assert theme()["use_download_button"] is False


def test_the_pages_have_buttons_only_then(smoke_book):
    for page in smoke_book.chapters:
        links = [link["href"] for link in read(page).find_all("a", href=True)]
        assert any("colab.research.google.com" in link for link in links) == (repository() is not None)


def test_a_second_build_does_nothing(smoke_book, monkeypatch, capsys):
    def refuse(*_):
        raise AssertionError("nothing has changed")

    monkeypatch.setattr(build_book, "jupyter_book", refuse)
    monkeypatch.setattr("tools.run_notebooks.run_one", refuse)
    index = smoke_book.site / "index.html"
    before = index.stat().st_mtime_ns
    build_book.build("smoke")
    assert capsys.readouterr().out.count("unchanged") == len(smoke_book.chapters)
    assert index.stat().st_mtime_ns == before


def test_a_change_of_a_page_builds_again(smoke_book, monkeypatch):
    class BuiltAgain(Exception):
        pass

    def tell(*_):
        raise BuiltAgain

    monkeypatch.setattr(build_book, "jupyter_book", tell)
    monkeypatch.setattr(build_book, "configuration", lambda address: configuration(address) + "# another setting\n")
    with pytest.raises(BuiltAgain):
        build_book.build("smoke")
    assert (smoke_book.site / "index.html").exists()
