"""Texts by name: files, the packaged corpora with their hashes, Python's library, and data sets."""

import hashlib
import sys
import time
from types import SimpleNamespace

import pytest

from nearlinear.errors import InputError, NoNetwork
from nearlinear.inputs import corpora
from nearlinear.inputs.corpora import CORPORA, join_wikitext
from nearlinear.inputs.text import Corpus, load_corpus

KNOWN = {
    "wikipedia-sample": (97, "6b07af83ae7a91fc603b4f049e2c402259937ed3f3c86ce5090e7e3c2d8a4c7b"),
    "tales": (57, "1c9f5c03ea0fda0aafbb4c68df15e1d9d61111c9b8968573fd5efae9f5440f39"),
}


def test_a_source_hashes_the_documents_joined_by_nul():
    """So the same letters cut elsewhere are another text."""
    source = Corpus("x", ("a", "bc"), "note").source
    assert source.sha256 == hashlib.sha256(b"a\0bc").hexdigest()
    assert (source.id, source.n_documents, source.note) == ("x", 2, "note")
    assert source.sha256 != Corpus("x", ("ab", "c")).source.sha256


@pytest.mark.parametrize("name", KNOWN)
def test_packaged_corpora_are_the_same_everywhere(name):
    source = load_corpus(name).source
    assert (source.n_documents, source.sha256) == KNOWN[name]


def test_the_wikipedia_sample_is_clean_and_quick():
    start = time.process_time()
    corpus = load_corpus("wikipedia-sample")
    assert time.process_time() - start < 5
    assert all(len(text) > 500 for text in corpus.documents)
    assert corpus.documents[0].startswith("Anarchism is a political philosophy that advocates self-governed societies")
    text = "\n".join(corpus.documents)
    assert not [mark for mark in ("{{", "}}", "[[", "]]", "''", "<ref", "==", "&nbsp;", "http://") if mark in text]


def test_the_tales_are_whole():
    tales = load_corpus("tales").documents
    assert tales[0].startswith("A certain father had two sons")
    assert tales[-1].endswith("while I was an ugly duckling.”")


def test_the_standard_library_without_its_tests():
    corpus = load_corpus("python-stdlib")
    assert len(corpus.documents) > 400
    assert any("class JSONDecoder" in text for text in corpus.documents)
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}" in corpus.source.note


def test_installed_packages_come_after_the_standard_library(monkeypatch):
    monkeypatch.setattr(corpora, "_sources", lambda root: (root.name,))
    library, *packages = load_corpus("python-packages").documents
    assert library.startswith("python3")
    assert packages == ["torch", "transformers"]


def test_every_corpus_says_whose_it_is():
    assert all(card.what and card.licence and card.attribution and card.note for card in CORPORA.values())


def test_a_text_file_is_one_document(tmp_path):
    (tmp_path / "story.txt").write_text("\ufeffOnce upon a time.\r\nThe end.\n", encoding="utf-8", newline="")
    corpus = load_corpus(str(tmp_path / "story.txt"))
    assert corpus.documents == ("Once upon a time.\nThe end.\n",)
    assert corpus.id == "story.txt"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the text 'story.txt' is empty"),
        (b" \n\t ", "the text 'story.txt' is empty"),
        (b"abc\x00def", "looks binary"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "is not a text in UTF-8"),
        ("naïve".encode("latin-1"), "is not a text in UTF-8"),
    ],
)
def test_files_that_are_no_text(tmp_path, content, message):
    (tmp_path / "story.txt").write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_corpus(str(tmp_path / "story.txt"))


@pytest.mark.parametrize("name", ["wikipedia", "/no/such/file.txt", ""])
def test_an_unknown_name_lists_the_known_ones(name):
    with pytest.raises(
        InputError,
        match=r"no text .*: give one of wikipedia-sample, tales, python-stdlib, python-packages, a text file",
    ):
        load_corpus(name)


@pytest.fixture
def datasets(monkeypatch):
    """A stand-in for the library of data sets, with one data set; it notes what it was asked for."""
    asked = []

    class Rows(dict):
        column_names = ("text", "title", "label")

    def load_dataset(name, config, split):
        asked.append((name, config, split))
        if name != "org/poems":
            raise ConnectionError
        if split != "train":
            raise ValueError
        return Rows(text=["one", "", "two"], title=["T", "U", "V"], label=[0, 1, 1])

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset, asked=asked))
    monkeypatch.setattr(corpora, "check_dataset", lambda _: None)
    return asked


def test_a_data_set_by_name(datasets):
    corpus = load_corpus("hf:org/poems")
    assert corpus.documents == ("one", "two")
    assert corpus.id == "hf:org/poems"
    assert load_corpus("hf:org/poems:small:train:title").documents == ("T", "U", "V")
    assert datasets == [("org/poems", None, "train"), ("org/poems", "small", "train")]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("hf:", InputError, "names no data set"),
        ("hf:org/poems::train:words", InputError, "no column 'words': choose one of text, title, label"),
        ("hf:org/poems::train:label", InputError, "does not hold texts"),
        ("hf:org/poems::dev", InputError, "no data set 'org/poems' with configuration None and split 'dev'"),
        ("hf:org/other", NoNetwork, "hub does not answer, and 'org/other' is not at hand"),
    ],
)
def test_data_sets_that_cannot_be_read(datasets, name, error, message):
    with pytest.raises(error, match=message):
        load_corpus(name)


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match="needs the package datasets: pip install datasets"):
        load_corpus("hf:org/poems")


def test_the_lines_of_wikitext_become_articles():
    rows = ["", " = One = \n", " a \n", " = = Part = = \n", " b \n", "", " = Two = \n", " c \n"]
    assert list(join_wikitext(rows)) == [" = One = \n a \n = = Part = = \n b \n", " = Two = \n c \n"]
    assert list(join_wikitext(["x", " ", "y"])) == ["x", "y"]
