"""A figure's files leave the page whole, under a name of their own, and the page points at them."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from matplotlib.figure import Figure

from nearlinear.show.shown import Shown
from tools.check_html import page_problems
from tools.downloads import lay_out, taken_out

BEFORE, BETWEEN = "<p>&lt;before&gt; &amp; <br></p>", "<figure><img alt='of another kind' src='data:,x'></figure>"


def figure(height: float) -> Shown:
    drawn = Figure()
    drawn.add_subplot().plot([0, 1], [0, height], label="one")
    return Shown(drawn, f"a line up to {height}", "A line.")


@pytest.fixture(scope="module")
def html() -> str:
    """A page with two figures, and one of another origin between them."""
    first, second = (figure(height)._repr_mimebundle_()["text/html"] for height in (0.1 + 0.2, 7))
    return f"<html lang='en'><body>{BEFORE}{first}{BETWEEN}{second}</body></html>"


@pytest.fixture
def page(html, tmp_path) -> Path:
    path = tmp_path / "07_rank_collapse.html"
    path.write_text(html, encoding="utf-8")
    return path


def test_each_figure_has_its_drawing_and_its_numbers_beside_the_page(page):
    assert lay_out(page) == 2
    assert sorted(path.name for path in (page.parent / "figures").iterdir()) == [
        f"07_rank_collapse-figure-{n}.{kind}" for n in (1, 2) for kind in ("csv", "svg")
    ]
    assert (page.parent / "figures/07_rank_collapse-figure-1.csv").read_text() == figure(0.1 + 0.2).csv()
    assert b"<svg" in (page.parent / "figures/07_rank_collapse-figure-2.svg").read_bytes()


def test_the_links_say_which_figure_and_lead_to_its_files(page):
    lay_out(page)
    links = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").select("p.nl-downloads a")
    assert [(link.get_text(), link["aria-label"]) for link in links] == [
        ("figure 1 (SVG)", "Download figure 1 (SVG)"),
        ("data (CSV)", "Download figure 1, data (CSV)"),
        ("figure 2 (SVG)", "Download figure 2 (SVG)"),
        ("data (CSV)", "Download figure 2, data (CSV)"),
    ]
    for link in links:
        assert link.get_text() in link["aria-label"]
        assert link["href"] == f"figures/{link['download']}"


def test_the_picture_is_the_file_that_is_offered(page):
    lay_out(page)
    told = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    (shown, other, last) = (image["src"] for image in told.find_all("img"))
    assert (shown, last) == (f"figures/{page.stem}-figure-1.svg", f"figures/{page.stem}-figure-2.svg")
    assert other == "data:,x"
    assert list(page_problems(page.read_text(encoding="utf-8"), page.parent)) == []


def test_the_rest_of_the_page_stays_as_it_was(page, html):
    lay_out(page)
    assert BEFORE in page.read_text(encoding="utf-8")
    assert BETWEEN in page.read_text(encoding="utf-8")
    assert len(page.read_text(encoding="utf-8")) < len(html) / 4


def test_a_page_is_laid_out_once(page):
    lay_out(page)
    once = page.read_text(encoding="utf-8")
    assert lay_out(page) == 2
    assert page.read_text(encoding="utf-8") == once


def test_a_heavy_figure_is_shown_as_a_picture_and_offered_as_a_drawing(monkeypatch):
    monkeypatch.setattr("nearlinear.show.shown._HEAVY", 10)
    html, files = taken_out(figure(1)._repr_mimebundle_()["text/html"], "x")
    assert sorted(files) == ["x-figure-1.csv", "x-figure-1.png", "x-figure-1.svg"]
    assert files["x-figure-1.png"].startswith(b"\x89PNG")
    assert 'src="figures/x-figure-1.png"' in html
    assert "data:" not in html


def test_a_page_without_figures_stays(tmp_path):
    path = tmp_path / "x.html"
    path.write_text(BEFORE)
    assert lay_out(path) == 0
    assert path.read_text() == BEFORE
    assert not (tmp_path / "figures").exists()
