"""A deck says what its chapter says: its question, its figures with a sentence each, and what to remember."""

import base64

import pytest
from bs4 import BeautifulSoup

from nearlinear.errors import InputError
from tools import slides

PNG = base64.b64encode(b"a picture").decode()
PAGE = f"""<html><body><article>
<section id="t"><h1>Which <em>tokens</em>?<a class="headerlink" href="#t">#</a></h1>
<section id="question"><h2>Question<a class="headerlink" href="#q">#</a></h2><p>
Where does <span class="math notranslate">\\(xA + b\\)</span> miss, see <a href="x.html">there</a> &amp; here?</p>
</section><section><h2>Figure</h2>
<figure><a href="a"><img src="data:image/png;base64,{PNG}" alt="Two &lt;lines&gt;"/></a>
<figcaption><p><span>As in Fig. 9, n/d = 26.4 here. smollm2-135m: 7,798 tokens.</span><a class="headerlink">#</a></p>
</figcaption></figure>
<figure><img src="../_images/b.png" alt="b"/><figcaption><p>Only one</p></figcaption></figure>
<figure><img src="data:," alt="no caption"/></figure></section>
<section><h2>Exercises</h2><p>Do this.</p></section>
<section><h2>What to remember</h2><ul><li><p>One <strong>thing</strong>.</p></li><li>Another.</li></ul>
<table><tr><td><p>not this</p></td></tr></table></section>
</section></article></body></html>"""


@pytest.fixture
def book(tmp_path):
    """A built book of one chapter, beside pages that are none."""
    for name in ("notebooks", "_images"):
        (tmp_path / "html" / name).mkdir(parents=True)
    (tmp_path / "html/_images/b.png").write_bytes(b"another picture")
    (tmp_path / "html/notebooks/03_which_tokens.html").write_text(PAGE)
    (tmp_path / "html/notebooks/to_come.html").write_text("<html></html>")
    return tmp_path / "html"


def sections(path) -> list[BeautifulSoup]:
    return BeautifulSoup(path.read_text(), "html.parser").find_all("section")


def test_a_deck_has_the_question_the_figures_and_what_to_remember(book):
    assert slides.make(book, book.parent / "slides") == (1, 1)
    question, first, second, remember = sections(book.parent / "slides/03_which_tokens.html")
    assert question.h1.get_text() == "Which tokens?"
    assert question.p.get_text() == "Where does \\(xA + b\\) miss, see there & here?"
    assert first.h2.get_text() == "As in Fig. 9, n/d = 26.4 here."
    assert first.img["alt"] == "Two <lines>"
    assert second.h2.get_text() == "Only one"
    assert [point.decode_contents() for point in remember.find_all("li")] == ["One <strong>thing</strong>.", "Another."]


def test_pictures_are_in_the_deck(book):
    slides.make(book, book.parent / "slides")
    _, first, second, _ = sections(book.parent / "slides/03_which_tokens.html")
    assert first.img["src"] == f"data:image/png;base64,{PNG}"
    kind, _, content = second.img["src"].partition(";base64,")
    assert (kind, base64.b64decode(content)) == ("data:image/png", b"another picture")


def test_formulas_are_set_by_the_books_own_script_and_only_where_there_are_some(book):
    deck = book.parent / "slides/03_which_tokens.html"
    slides.make(book, deck.parent)
    scripts = [script["src"] for script in BeautifulSoup(deck.read_text(), "html.parser").find_all("script", src=True)]
    assert scripts == ["../html/_static/vendor/mathjax/tex-mml-chtml.js"]
    (book / "notebooks/03_which_tokens.html").write_text(PAGE.replace("math notranslate", ""))
    slides.make(book, deck.parent)
    assert "mathjax" not in deck.read_text()


def test_a_deck_finds_its_book_wherever_the_two_lie(book):
    deck = book.parent / "far/away/03_which_tokens.html"
    slides.make(book, deck.parent)
    assert 'href="../../html/notebooks/03_which_tokens.html"' in deck.read_text()
    assert slides.make(book, deck.parent, "../book") == (1, 1)
    assert 'href="../book/notebooks/03_which_tokens.html"' in deck.read_text()


def test_the_title_of_another_page_is_set_apart_and_other_words_of_a_link_are_not(book):
    page = PAGE.replace(
        "see <a href",
        '<a><span class="doc">Deeper</span></a>, the <a><span class="doc">next chapter</span></a>, see <a href',
    )
    (book / "notebooks/03_which_tokens.html").write_text(page)
    slides.make(book, book.parent / "slides")
    question = sections(book.parent / "slides/03_which_tokens.html")[0]
    assert "<em>Deeper</em>, the next chapter, see there" in question.p.decode_contents()


@pytest.mark.parametrize(
    ("letters", "parts"),
    [([], []), ([9], [1]), ([200, 200, 200], [3]), ([200] * 6, [3, 3]), ([800], [1]), ([100] * 20, [7, 7, 6])],
)
def test_points_are_parted_evenly_over_as_many_slides_as_they_need(letters, parts):
    points = [f"<em>{'a' * n}</em>" for n in letters]
    made = slides.in_parts(points)
    assert [len(part) for part in made] == parts
    assert [point for part in made for point in part] == points


def test_a_second_run_makes_nothing_and_a_changed_chapter_is_made_again(book):
    into = book.parent / "slides"
    slides.make(book, into)
    before = (into / "03_which_tokens.html").stat().st_mtime_ns
    assert slides.make(book, into) == (1, 0)
    assert (into / "03_which_tokens.html").stat().st_mtime_ns == before
    (book / "notebooks/03_which_tokens.html").write_text(PAGE.replace("Only one", "Only two"))
    assert slides.make(book, into) == (1, 1)
    assert "Only two" in (into / "03_which_tokens.html").read_text()


def test_the_list_names_every_deck_and_decks_of_chapters_that_are_gone_go(book):
    into = book.parent / "slides"
    (book / "notebooks/04_other.html").write_text(PAGE.replace("tokens", "blocks"))
    slides.make(book, into)
    (book / "notebooks/04_other.html").unlink()
    listed = [link["href"] for link in BeautifulSoup((into / "index.html").read_text(), "html.parser").find_all("a")]
    assert listed == ["03_which_tokens.html", "04_other.html"]
    slides.make(book, into)
    assert sorted(path.name for path in into.iterdir()) == ["03_which_tokens.html", "index.html"]


@pytest.mark.parametrize(
    ("caption", "sentence"),
    [
        ("One. Two.", "One."),
        ("One", "One"),
        ("In Figs. 2 and 5, e.g. here, 0.5 of it. Then", "In Figs. 2 and 5, e.g. here, 0.5 of it."),
        ("Score of smollm2-135m: n/d = 39.9. minilm: 3.", "Score of smollm2-135m: n/d = 39.9."),
        (f"Short enough: {'a' * 100}. Then", f"Short enough: {'a' * 100}."),
        (f"Too long: {'a' * 200}; and more. Then", "Too long."),
        (f"{'a' * 200} without a part. Then", f"{'a' * 200} without a part."),
    ],
)
def test_the_first_sentence(caption, sentence):
    assert slides.first_sentence(caption) == sentence


@pytest.mark.parametrize("missing", ["<h1>", "<h2>Question", "<figure>"])
def test_a_page_that_is_no_chapter_is_refused(book, missing):
    page = PAGE.replace(missing, "<p>" + "x")
    (book / "notebooks/03_which_tokens.html").write_text(page)
    with pytest.raises(InputError, match="lacks a title, a question or a figure: build the book again with make book"):
        slides.make(book, book.parent / "slides")


def test_a_picture_that_is_gone_is_refused(book):
    (book / "_images/b.png").unlink()
    with pytest.raises(InputError, match=r"shows ../_images/b.png, which is not there"):
        slides.make(book, book.parent / "slides")


def test_without_a_book_one_sentence_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["slides", "--book", str(tmp_path), "--into", str(tmp_path / "slides")])
    assert slides.main() == 2
    assert "run make book first" in capsys.readouterr().err
    assert not (tmp_path / "slides").exists()


def test_the_command_says_where_the_slides_are(book, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["slides", "--book", str(book), "--into", str(book.parent / "slides")])
    assert slides.main() == 0
    assert "lists 1, and 1 of them were made now" in capsys.readouterr().out
