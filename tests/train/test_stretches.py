"""A text that is one document is cut, and no stretch serves two ends; every other text is read as before."""

import pytest
import torch

from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.inputs.text import Corpus
from nearlinear.results.training import Reading
from nearlinear.train import stretches, texts
from nearlinear.train.stretches import any_texts, in_stretches, texts_from

TEXT = "".join(f"Line {i} says that {i * i} is the square of {i}.\n" for i in range(800))


@pytest.fixture
def file(tmp_path) -> str:
    (tmp_path / "text.txt").write_text(TEXT)
    return str(tmp_path / "text.txt")


@pytest.mark.parametrize("share", [0.01, 0.04, 0.3])
def test_two_stretches_are_held_out_for_each_end(share, file):
    found = any_texts(Reading(corpus=file, held_out=share, n_evaluate=10**6), 64)
    assert len(found.choose.documents.unique()) == len(found.evaluate.documents.unique()) == stretches.HELD
    n = {name: getattr(found, name).n_tokens for name in ("train", "choose", "evaluate")}
    assert n["evaluate"] == pytest.approx(share * sum(n.values()), rel=0.2)
    parts = [{bytes(row.tolist()) for row in getattr(found, name).windows} for name in n]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


def test_nothing_is_lost_by_cutting():
    cut = in_stretches(Corpus("one", (TEXT,), note="a note"), 0.04)
    assert "".join(cut.documents) == TEXT
    assert len(cut.documents) == 50
    assert cut.note.startswith("a note; one document, cut into stretches")
    assert cut.source.sha256 != Corpus("one", (TEXT,)).source.sha256  # another text, to whoever compares


def test_several_documents_are_read_as_they_always_were(monkeypatch):
    documents = tuple(
        "".join(f"{name}, line {i}, of {i**3} lines.\n" for i in range(60)) for name in "abcdefghijklmnopqrst"
    )
    corpus = Corpus("made up", documents)
    monkeypatch.setattr(stretches, "load_corpus", lambda _name: corpus)
    monkeypatch.setattr(texts, "load_corpus", lambda _name: corpus)
    reading = Reading(corpus="made up", held_out=0.1)
    found, usual, given = any_texts(reading, 16), texts.texts_for(reading, 16), texts_from(corpus, reading, 16)
    assert found.sha256 == usual.sha256 == given.sha256
    assert torch.equal(given.evaluate.documents, usual.evaluate.documents)
    assert (found.source, found.n_dropped) == (given.source, given.n_dropped)


def test_a_text_that_is_too_short_or_a_share_that_cannot_be(file, tmp_path):
    (tmp_path / "short.txt").write_text(TEXT[:600])
    with pytest.raises(NotEnoughTokens, match="take a longer text or a shorter window"):
        any_texts(Reading(corpus=str(tmp_path / "short.txt")), 64)
    with pytest.raises(InputError, match="must lie between 0 and"):
        any_texts(Reading(corpus=file, held_out=0), 16)
