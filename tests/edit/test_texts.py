"""Fit, choice and evaluation never share a document."""

import pytest

from nearlinear.edit.texts import three_texts
from nearlinear.errors import NotEnoughTokens
from nearlinear.inputs.text import Corpus
from nearlinear.inputs.tiny import byte_tokenizer
from nearlinear.inputs.windows import n_tokens


def corpus(n_documents: int, length: int = 400) -> Corpus:
    return Corpus("made up", tuple(chr(97 + i) * (length + 7 * i) for i in range(n_documents)), note="")


SIZES = {"context": 32, "n_fit": 3200, "n_choose": 640, "n_evaluate": 640}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_document_serves_two_ends(seed):
    texts = three_texts(corpus(26), byte_tokenizer(), **SIZES, seed=seed)
    documents = [{window.document for window in part} for part in (texts.fit, texts.choose, texts.evaluate)]
    assert all(documents)
    assert not documents[0] & documents[1]
    assert not documents[0] & documents[2]
    assert not documents[1] & documents[2]
    assert n_tokens(texts.every) == 3200 + 640 + 640
    for part, wanted in ((texts.fit, 3200), (texts.choose, 640), (texts.evaluate, 640)):
        assert abs(n_tokens(part) - wanted) <= 0.3 * wanted


def test_the_seed_draws_other_documents():
    first, second = (three_texts(corpus(26), byte_tokenizer(), **SIZES, seed=seed) for seed in (0, 1))
    assert {w.document for w in first.evaluate} != {w.document for w in second.evaluate}


def test_a_text_with_too_few_documents_is_refused():
    with pytest.raises(NotEnoughTokens, match="too short to hold a part of it out"):
        three_texts(corpus(2, length=3000), byte_tokenizer(), **SIZES)


def test_one_document_is_cut_in_stretches():
    text = "".join(f"{i:05d}" for i in range(1200))
    texts = three_texts(Corpus("one", (text,)), byte_tokenizer(), **SIZES)
    seen = [{w.input_ids for w in part} for part in (texts.fit, texts.choose, texts.evaluate)]
    assert all(seen)
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]
