"""A link that somebody shares says what the page says, and names an address only where there is one."""

import pytest
from bs4 import BeautifulSoup

from tools.check_html import page_problems
from tools.previews import LONGEST, PICTURE, alt_of_the_book, description, give, site_address, title

SITE = "https://someone.github.io/near.linear"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="20pt" height="10pt" viewBox="0 0 20 10"><path d="M0 0h9v9z"/></svg>'
)
FIRST = (
    "<h1>How much?<a class='headerlink' href='#x'>#</a></h1><p>Two papers say: less than you “think” &amp; more.</p>"
)
CHAPTER = """<h1>Rank <em>collapse</em></h1><div class="sd-card"><p>Time: 3 seconds.</p></div>
<p>A skip is a wire, cf. Fig. 1 &lt;there&gt;. What happens without it? {long}</p><p>Not this any more.</p>
<figure><img alt="a &quot;line&quot;" src="figures/01_x-figure-1.svg"></figure>"""


def page(body: str) -> str:
    return f'<html lang="en"><head><title>t</title></head><body><article>{body}</article></body></html>'


@pytest.fixture
def site(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "notebooks/figures").mkdir(parents=True)
    (tmp_path / "notebooks/figures/01_x-figure-1.svg").write_text(SVG)
    (tmp_path / "index.html").write_text('<meta http-equiv="Refresh" content="0; url=book/index.html" />')
    (tmp_path / "book/index.html").write_text(page(FIRST))
    (tmp_path / "notebooks/01_x.html").write_text(page(CHAPTER.format(long="long " * 60)))
    (tmp_path / "genindex.html").write_text(page("<h1>Index</h1>"))
    return tmp_path


def told(path) -> dict[str, str]:
    """Name → content, each once."""
    tags = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").head.find_all("meta", content=True)
    named = [(tag.get("property") or tag.get("name"), tag["content"]) for tag in tags if not tag.get("http-equiv")]
    assert len(dict(named)) == len(named)
    return dict(named)


def test_a_chapter_tells_its_title_and_its_first_sentences(site):
    give(site, None)
    about = told(site / "notebooks/01_x.html")
    assert about["og:title"] == "Rank collapse"
    assert about["og:description"] == "A skip is a wire, cf. Fig. 1 <there>. What happens without it?"
    assert about["description"] == about["og:description"]
    assert (about["og:type"], about["og:site_name"], about["twitter:card"]) == ("article", "nearlinear", "summary")


def test_without_an_address_no_picture_is_promised(site):
    give(site, None)
    for path in site.rglob("*.html"):
        assert not {"og:image", "og:url"} & told(path).keys()
        assert "://" not in path.read_text(encoding="utf-8")


def test_with_an_address_the_first_figure_is_shown_as_a_picture(site):
    give(site, SITE)
    about = told(site / "notebooks/01_x.html")
    assert about["og:url"] == f"{SITE}/notebooks/01_x.html"
    assert about["og:image"] == f"{SITE}/notebooks/figures/01_x-preview.png"
    assert about["og:image:alt"] == 'a "line"'
    assert about["twitter:card"] == "summary_large_image"
    assert (site / "notebooks/figures/01_x-preview.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_without_a_figure_shows_that_of_the_book(site):
    give(site, f"{SITE}")
    about = told(site / "genindex.html")
    assert about["og:image"] == f"{SITE}/{PICTURE}"
    assert about["og:image:alt"] == alt_of_the_book()
    assert about["og:description"] == told(site / "book/index.html")["og:description"]


def test_the_door_of_the_book_tells_what_its_first_page_does(site):
    give(site, SITE)
    door, first = told(site / "index.html"), told(site / "book/index.html")
    assert first["og:description"] == "Two papers say: less than you “think” & more."
    assert first["og:type"] == "book"
    assert {name: door[name] for name in first if name != "og:url"} == {n: t for n, t in first.items() if n != "og:url"}
    html = (site / "index.html").read_text(encoding="utf-8")
    assert list(page_problems(html)) == []
    assert 'content="0; url=book/index.html"' in html


def test_the_rest_of_a_page_stays(site):
    before = (site / "genindex.html").read_text()
    give(site, None)
    after = (site / "genindex.html").read_text(encoding="utf-8")
    begin, end = before.split("</head>")
    assert after.startswith(begin)
    assert after.endswith(end)


@pytest.mark.parametrize(
    ("body", "first"),
    [
        ("<p>One.</p><p>Two.</p>", "One. Two."),
        (f"<p>{'a' * 120}.</p><p>Two.</p>", f"{'a' * 120}."),
        (f"<p>{'a' * 300}. Two.</p>", f"{'a' * 300}."),
        ("<table><tr><td><p>No.</p></td></tr></table><ul><li><p>No.</p></li></ul>", ""),
        ("", ""),
    ],
)
def test_a_description_is_whole_sentences_of_the_text(body, first):
    assert description(BeautifulSoup(f"<article>{body}</article>", "html.parser")) == first
    assert LONGEST < 300


def test_a_page_without_a_heading_is_called_by_its_title():
    assert title(BeautifulSoup("<title>Search</title>", "html.parser")) == "Search"


def test_the_address_is_told_or_that_of_the_repository(monkeypatch):
    monkeypatch.delenv("NEARLINEAR_SITE", raising=False)
    assert site_address("https://github.com/Someone/near.linear") == SITE
    assert site_address(None) is None
    monkeypatch.setenv("NEARLINEAR_SITE", "https://example.org/book/")
    assert site_address(None) == "https://example.org/book"
