"""Any text to train on, a single long document among them: it is cut into stretches, so that some can be held out."""

import math
from dataclasses import replace

from nearlinear.errors import NotEnoughTokens
from nearlinear.inputs.text import Corpus, load_corpus
from nearlinear.results.training import Reading

from .texts import Texts, part_of, split, texts_for, without_copies
from .tokens import encoded, tokenizer_for

HELD = 2
"""Stretches of a single document in each of the two parts that are held out."""


def any_texts(reading: Reading, T: int) -> Texts:
    """As `texts_for`; a text of one document is cut into stretches first. Raises as that does."""
    corpus = load_corpus(reading.corpus)
    if len(corpus.documents) > 1:
        return texts_for(reading, T)
    return texts_from(in_stretches(corpus, reading.held_out), reading, T)


def in_stretches(corpus: Corpus, share: float) -> Corpus:
    """One document as equal stretches, so many that the share is HELD of them."""
    (text,) = corpus.documents
    n = math.ceil(HELD / share) if share else 1
    size = max(1, math.ceil(len(text) / n))
    stretches = tuple(text[start : start + size] for start in range(0, len(text), size))
    note = "one document, cut into stretches that stand for documents"
    return replace(corpus, documents=stretches, note="; ".join(filter(None, [corpus.note, note])))


def texts_from(corpus: Corpus, reading: Reading, T: int) -> Texts:
    """What `texts_for` does, with a corpus that is there already."""
    kept = without_copies(corpus.documents)
    train, choose, evaluate = split([corpus.documents[i] for i in kept], reading.held_out, reading.seed)
    tokenizer = tokenizer_for(reading.tokens, train)
    parts = (
        part_of(encoded(tokenizer, train), T),
        part_of(encoded(tokenizer, choose), T, at_most=reading.n_evaluate),
        part_of(encoded(tokenizer, evaluate), T, at_most=reading.n_evaluate),
    )
    if not all(len(part.windows) for part in parts):
        raise NotEnoughTokens(
            f"the text {corpus.id!r} leaves no window of {T} tokens for each part that is held out: take a longer text "
            "or a shorter window"
        )
    return Texts(*parts, tokenizer, corpus.source, n_dropped=len(corpus.documents) - len(kept))
