"""The three parts of a text that is trained on: split by document, after what stands in it twice is taken out."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.inputs.split import nearest_share
from nearlinear.inputs.text import load_corpus
from nearlinear.results.provenance import CorpusSource
from nearlinear.results.training import Reading

from .tokens import encoded, tokenizer_for

LONG_LINE = 20
"""Characters from which on a line says whose it is; shorter ones (`return None`) stand everywhere."""


@dataclass(frozen=True)
class Part:
    """Windows (n, T) of token ids, int32, and the document (n,) of each; the rest of a document is dropped."""

    windows: Tensor
    documents: Tensor

    @property
    def n_tokens(self) -> int:
        return self.windows.numel()


@dataclass(frozen=True)
class Texts:
    """What to train on, what to choose rates on, and what to report. No document is in two of them.

    `n_dropped`: documents that were left out because they stand in another one.
    """

    train: Part
    choose: Part
    evaluate: Part
    tokenizer: PreTrainedTokenizerBase
    source: CorpusSource
    n_dropped: int

    @property
    def vocabulary(self) -> int:
        return len(self.tokenizer)

    @property
    def sha256(self) -> str:
        """Of all windows, part by part."""
        digest = hashlib.sha256()
        for part in (self.train, self.choose, self.evaluate):
            digest.update(f"{tuple(part.windows.shape)}".encode() + part.windows.numpy().tobytes())
        return digest.hexdigest()


def texts_for(reading: Reading, T: int) -> Texts:
    """The parts of a corpus in windows of T tokens.

    The tokenizer, where one is learnt, sees the training part alone. Raises InputError for a text or tokens that are
    not known, NotEnoughTokens where a part has no window.
    """
    corpus = load_corpus(reading.corpus)
    kept = without_copies(corpus.documents)
    train, choose, evaluate = split([corpus.documents[i] for i in kept], reading.held_out, reading.seed)
    tokenizer = tokenizer_for(reading.tokens, train)
    parts = {
        "training": part_of(encoded(tokenizer, train), T),
        "choosing rates": part_of(encoded(tokenizer, choose), T, at_most=reading.n_evaluate),
        "evaluation": part_of(encoded(tokenizer, evaluate), T, at_most=reading.n_evaluate),
    }
    for name, part in parts.items():
        if not len(part.windows):
            raise NotEnoughTokens(
                f"the text {reading.corpus!r} leaves no window of {T} tokens for {name}: take a longer text or a "
                "shorter window"
            )
    return Texts(*parts.values(), tokenizer, corpus.source, n_dropped=len(corpus.documents) - len(kept))


def without_copies(documents: Sequence[str]) -> list[int]:
    """The places of documents that are not, for the most part, an earlier one: no more than half of their different
    long lines stand in what was kept before."""
    seen: set[str] = set()
    kept = []
    for place, document in enumerate(documents):
        lines = {line for line in map(str.strip, document.splitlines()) if len(line) >= LONG_LINE} or {document}
        if len(lines & seen) <= len(lines) / 2:
            seen |= lines
            kept.append(place)
    return kept


def split(documents: Sequence[str], share: float, seed: int) -> tuple[list[str], list[str], list[str]]:
    """(train, choose, evaluate): whole documents, the latter two about `share` of the characters each."""
    if not 0 < share < 0.5:
        raise InputError(f"held_out={share:g} is held out twice, so it must lie between 0 and 0.5")
    sizes = {i: len(document) for i, document in enumerate(documents)}
    held = nearest_share(sizes, 2 * share, seed)
    choose = nearest_share({i: sizes[i] for i in sorted(held)}, 0.5, seed)
    parts = (set(sizes) - held, choose, held - choose)
    return tuple([documents[i] for i in sorted(part)] for part in parts)


def part_of(documents: Sequence[Sequence[int]], T: int, *, at_most: int | None = None) -> Part:
    """Windows of exactly T tokens, the first of every document, then every second one, and so on: `at_most` tokens."""
    places = _in_turn([len(ids) // T for ids in documents])
    if at_most is not None:
        places = places[: at_most // T]
    windows = [documents[document][k * T : (k + 1) * T] for document, k in places]
    ids = torch.tensor(windows, dtype=torch.int32).view(-1, T)
    return Part(ids, torch.tensor([document for document, _ in places], dtype=torch.int32))


def _in_turn(counts: Sequence[int]) -> list[tuple[int, int]]:
    """(document, k) for the k-th window of each document, k by k."""

    def pairs() -> Iterator[tuple[int, int]]:
        for k in range(max(counts, default=0)):
            yield from ((document, k) for document, count in enumerate(counts) if count > k)

    return list(pairs())
