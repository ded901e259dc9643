"""Bytes and learnt pieces: nothing is lost, as many as were asked for, and learnt where they may be."""

import pytest

from nearlinear.errors import InputError
from nearlinear.train import texts as texts_module
from nearlinear.train.texts import texts_for
from nearlinear.train.tokens import encoded, tokenizer_for

from .made import T, corpus, pages, reading

ODD = "Tabs\tand  spaces ,  a naïve café, 日本語, 🦉, \x00\x7f\r\n   indented = {'a': 1}\n\n"


@pytest.mark.parametrize("tokens", ["bytes", "bpe-257", "bpe-400"])
def test_every_text_comes_back_as_it_went(tokens):
    tokenizer = tokenizer_for(tokens, pages())
    ids = encoded(tokenizer, [ODD, pages()[3], ""])
    assert [tokenizer.decode(each) for each in ids] == [ODD, pages()[3], ""]
    assert all(0 <= i < len(tokenizer) for each in ids for i in each)


def test_bytes_are_the_bytes_of_utf_8():
    tokenizer = tokenizer_for("bytes", [])
    assert len(tokenizer) == 256
    assert len(encoded(tokenizer, [ODD])[0]) == len(ODD.encode())
    everything = bytes(range(256)).decode("latin-1")
    assert len(set(encoded(tokenizer, [everything])[0])) == len(set(everything.encode()))


@pytest.mark.parametrize("n", [257, 300, 400])
def test_as_many_pieces_as_asked_for_and_the_text_is_shorter_in_them(n):
    tokenizer = tokenizer_for(f"bpe-{n}", pages())
    assert len(tokenizer) == n
    text = pages()[0]
    assert len(encoded(tokenizer, [text])[0]) < len(text.encode())
    assert max(i for document in encoded(tokenizer, pages()) for i in document) == n - 1


def test_pieces_are_a_function_of_the_text():
    first, again, other = (tokenizer_for("bpe-300", pages(seed=seed)).get_vocab() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_too_small_a_text_is_one_sentence():
    with pytest.raises(InputError, match=r"^the text gives 257 pieces, and 300 are asked for: take a longer text or"):
        tokenizer_for("bpe-300", ["aa"])


@pytest.mark.parametrize("word", ["words", "bpe", "bpe-", "bpe-256", "bpe-0", "bpe--300", "bpe-300 ", "Bytes", ""])
def test_another_word_is_one_sentence(word):
    with pytest.raises(InputError) as caught:
        tokenizer_for(word, pages())
    assert str(caught.value) == f'no tokens {word!r}: say "bytes", or "bpe-8192" for so many pieces (257 or more)'


def test_pieces_are_learnt_from_the_training_part_alone(monkeypatch):
    """What stands in the held-out documents alone, however often, is no piece."""
    seen = []
    monkeypatch.setattr(texts_module, "tokenizer_for", lambda *a: seen.extend(a[1]) or tokenizer_for(*a))
    with corpus(pages()):
        plain = texts_for(reading(tokens="bpe-300"), T)
        held = [page for page in pages() if page not in seen]
        assert 0 < len(held) < len(pages()) == len(held) + len(seen)
    marked = [page.replace("the ", "zqx ") if page in held else page for page in pages()]
    with corpus(marked):
        texts = texts_for(reading(tokens="bpe-300"), T)
    assert texts.tokenizer.get_vocab() == plain.tokenizer.get_vocab()
    assert "zqx" in tokenizer_for("bpe-300", held and [p for p in marked if "zqx" in p]).get_vocab()
