"""A planted book in one file: all its words, in order, no empty page, bookmarks, and links that arrive."""

import re
from pathlib import Path

import pytest
from pypdf import PdfReader

from nearlinear.errors import InputError
from tools import pdf
from tools.pdf import chapters, make

TOC = """format: jb-book
root: book/index
parts:
  - caption: How linear?
    chapters:
      - file: notebooks/01_x
      - file: notebooks/02_y
        sections:
          - file: notebooks/03_z
"""
HEAD = "<!doctype html><html lang=en><meta charset=utf-8><title>t</title><body><article>"
LONG = "<p>filling</p>" * 120
PAGES = {
    "book/index": "<h1>Is it “linear”?</h1><p>opening words</p><a href='../notebooks/02_y.html#term'>there</a>",
    "notebooks/01_x": f"<h1>First</h1><p>words of the first</p>{LONG}<h2 id=deep>Far down</h2><h3>Deeper</h3>"
    "<a href='#top'>up</a><h2>Near the end</h2><a class=external href='https://example.org/paper'>paper</a>"
    "<a download href='figures/a.svg'>figure</a><a href='03_z.html'>last</a>",
    "notebooks/02_y": f"<h1>Second</h1>{LONG}<dl><dt id=term>a term</dt></dl><a href='01_x.html#deep'>back</a>"
    "<details><summary>fold</summary><p>folded words</p></details>",
    "notebooks/03_z": "<h1 id=top>Third</h1><p>closing words</p>",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    for name, body in PAGES.items():
        path = folder / f"{name}.html"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{HEAD}{body}</article>", encoding="utf-8")
    (folder / "_toc.yml").write_text(TOC)
    return folder


@pytest.fixture(scope="module")
def made(site):
    target = site / "out/book.pdf"
    assert make(site, target, site / "_toc.yml") == len(PdfReader(target).pages)
    return PdfReader(target)


@pytest.fixture(scope="module")
def texts(made) -> list[str]:
    return [page.extract_text() for page in made.pages]


def page_with(texts, words: str) -> int:
    """The one page after the contents that has these words."""
    (found,) = (i for i, text in enumerate(texts) if words in text and i >= 2)
    return found


def test_all_words_are_there_in_the_order_of_the_book(texts):
    places = [page_with(texts, words) for words in ("opening words", "words of the first", "a term", "closing words")]
    assert places == sorted(set(places))
    assert "folded words" in texts[page_with(texts, "a term")]


def test_no_page_is_empty(texts):
    assert all(re.sub(r"\W|\d", "", text) for text in texts)


def test_it_opens_with_its_title_and_the_contents(made, texts):
    assert "nearlinear" in texts[0]
    assert re.search(r"Is it “linear”\?\s*1\b", texts[1])
    assert re.search(rf"Third\s*{page_with(texts, 'closing words') - 1}\b", texts[1])
    assert made.metadata.title.startswith("nearlinear")


def test_pages_are_numbered_on_paper_and_on_the_screen(made, texts):
    assert made.page_labels[:3] == ["i", "ii", "1"]
    for number, text in enumerate(texts[2:], 1):
        assert re.search(rf"(?<!\d){number}(?!\d)", text), number


def test_bookmarks_name_part_chapter_and_section(made, texts):
    assert titles(made) == [
        (0, "Is it “linear”?"),
        (0, "How linear?"),
        (1, "First"),
        (2, "Far down"),
        (2, "Near the end"),
        (1, "Second"),
        (1, "Third"),
    ]
    (far,) = (each for each in flat(made.outline) if each.title == "Far down")
    assert made.get_destination_page_number(far) == page_with(texts, "Far down")


def flat(outline) -> list:
    return [each for part in outline for each in (flat(part) if isinstance(part, list) else [part])]


def titles(made) -> list[tuple[int, str]]:
    def walk(outline, depth):
        for each in outline:
            if isinstance(each, list):
                yield from walk(each, depth + 1)
            else:
                yield depth, each.title

    return list(walk(made.outline, 0))


def targets(made, number: int) -> list[int | str]:
    """Where the links of a page lead: the number of a page, or an address."""
    links = [each.get_object() for each in made.pages[number].get("/Annots", ())]
    pages = [page.indirect_reference.idnum for page in made.pages]
    return [pages.index(link.raw_get("/Dest")[0].idnum) if "/Dest" in link else link["/A"]["/URI"] for link in links]


def test_links_lead_to_the_page_of_the_place(made, texts):
    term, far, last = (page_with(texts, words) for words in ("a term", "Far down", "closing words"))
    assert targets(made, 2) == [term]
    assert targets(made, term) == [far]
    assert targets(made, page_with(texts, "Near the end")) == [page_with(texts, "words of the first"),
                                                               "https://example.org/paper", last]  # fmt: skip
    assert targets(made, 1) == [
        2,
        page_with(texts, "words of the first"),
        min(i for i in range(2, term + 1) if "Second" in texts[i]),
        last,
    ]


def test_nothing_of_this_machine_is_in_it(site, made):
    told = (site / "out/book.pdf").read_bytes()
    streams = b"".join(repr(each.get_object()).encode() for page in made.pages for each in page.get("/Annots", ()))
    assert b"file:" not in told + streams
    assert str(site).encode() not in told + streams


def test_a_book_may_be_named_from_where_one_stands(monkeypatch, site):
    monkeypatch.chdir(site)
    assert [chapter.path for chapter in chapters(Path(), Path("_toc.yml"))] == [site / f"{name}.html" for name in PAGES]


def test_a_book_that_is_not_built_is_told(tmp_path, site):
    with pytest.raises(InputError, match="build the book first, with make book"):
        chapters(tmp_path, site / "_toc.yml")


def test_without_a_browser_one_sentence_says_what_to_do(monkeypatch, capsys, site):
    monkeypatch.setattr(pdf, "make", lambda *_: (_ for _ in ()).throw(pdf.NoChromium("install it")))
    monkeypatch.setattr("sys.argv", ["pdf", "--book", str(site)])
    assert pdf.main() == 2
    assert capsys.readouterr().err == "pdf: install it\n"
