"""Cutting a text into the windows that a model reads, and those into batches.

A window never spans documents, and fit and test windows never share one (nor a stretch of the one document there is):
tokens near each other are not independent, and a score held out token by token would flatter the model.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import singledispatch
from itertools import islice, pairwise
from typing import Literal

import torch
from transformers import PreTrainedTokenizerBase

from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.results.specs import CharTokens, CharWindows, TokenWindows

from .split import BLOCKS, evenly_spread, nearest_share
from .text import Corpus


@dataclass(frozen=True)
class Window:
    """Tokens that the model reads at once, and the document (its place in the corpus) that they come from."""

    input_ids: tuple[int, ...]
    document: int


@dataclass(frozen=True)
class WindowSet:
    """Windows to fit on, windows held out, and what a bootstrap draws of the latter: documents, or single windows."""

    fit: tuple[Window, ...]
    test: tuple[Window, ...]
    group: Literal["document", "window"]

    @property
    def n_fit(self) -> int:
        return n_tokens(self.fit)

    @property
    def n_test(self) -> int:
        return n_tokens(self.test)


def n_tokens(windows: Iterable[Window]) -> int:
    return sum(len(window.input_ids) for window in windows)


@singledispatch
def cut(spec: TokenWindows | CharWindows | CharTokens, corpus: Corpus, tokenizer: PreTrainedTokenizerBase) -> WindowSet:
    """The windows that `spec` asks for, without special tokens. Raises NotEnoughTokens where the text runs out."""
    raise TypeError(f"{type(spec).__name__} does not say how to cut windows")


def check_context(windows: WindowSet, context: int) -> None:
    """Raises InputError where a window is longer than the model's context."""
    longest = max((len(window.input_ids) for window in windows.fit + windows.test), default=0)
    if longest > context:
        raise InputError(f"a window has {longest} tokens, and the model takes at most {context}: use shorter windows")


def tokenise(text: str, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """The tokens of a text, with nothing added, nothing cut off, and nothing said about its length."""
    encoded = tokenizer(text, add_special_tokens=False, truncation=False, return_attention_mask=False, verbose=False)
    return tuple(encoded["input_ids"])


@cut.register
def _token_windows(spec: TokenWindows, corpus: Corpus, tokenizer: PreTrainedTokenizerBase) -> WindowSet:
    wanted = spec.n_tokens // spec.context
    if wanted == 0:
        raise InputError(f"{spec.n_tokens} tokens make no window of {spec.context}: ask for more tokens")
    windows = list(islice(_consecutive(spec.context, corpus, tokenizer), wanted))
    if len(windows) < wanted:
        raise NotEnoughTokens(
            f"the text {corpus.id!r} gives {len(windows)} windows of {spec.context} tokens, {wanted} are asked for: "
            "take a longer text, or fewer or shorter windows"
        )
    parts, held_out = _parts(windows, spec)
    pairs = list(zip(windows, parts, strict=True))
    fit = [window for window, part in pairs if part not in held_out]
    return _window_set(fit, [window for window, part in pairs if part in held_out])


def _consecutive(context: int, corpus: Corpus, tokenizer: PreTrainedTokenizerBase) -> Iterator[Window]:
    """The first window of every document, then every second one, and so on, so that few windows still mean many texts.

    Windows of one document follow each other without a gap; what is left at its end is dropped.
    """
    texts = [(document, tokenise(text, tokenizer)) for document, text in enumerate(corpus.documents)]
    for start in range(0, max((len(ids) for _, ids in texts), default=0) - context + 1, context):
        for document, ids in texts:
            if start + context <= len(ids):
                yield Window(ids[start : start + context], document)


def _parts(windows: Sequence[Window], spec: TokenWindows) -> tuple[list[int], frozenset[int]]:
    """The part that each window belongs to (its document, or a stretch of the only one) and which are held out."""
    parts = [window.document for window in windows]
    one = len(set(parts)) == 1
    if one:
        n_parts = min(BLOCKS, len(windows))
        parts = [i * n_parts // len(windows) for i in range(len(windows))]
    if spec.test_fraction == 0:
        return parts, frozenset()
    if one:
        return parts, evenly_spread(n_parts, spec.test_fraction)
    return parts, nearest_share(Counter(parts), spec.test_fraction, spec.seed)


def _window_set(fit: Sequence[Window], test: Sequence[Window]) -> WindowSet:
    documents = {window.document for window in test}
    return WindowSet(tuple(fit), tuple(test), group="document" if len(documents) >= 2 else "window")


@dataclass(frozen=True)
class Stretch:
    """Characters `start` to `stop` of a document, from which windows are drawn."""

    document: int
    start: int
    stop: int

    def places(self, chars: int, rng: random.Random) -> list[int]:
        """Where windows of `chars` characters start: as many as fit without overlap, from a random one, shuffled."""
        count, spare = divmod(self.stop - self.start, chars)
        first = self.start + rng.randint(0, spare)
        return rng.sample([first + i * chars for i in range(count)], count)


@cut.register
def _char_windows(spec: CharWindows, corpus: Corpus, tokenizer: PreTrainedTokenizerBase) -> WindowSet:
    draw = _Draw(corpus, tokenizer, spec.chars, spec.seed)
    fit_part, test_part = draw.split(spec.n_test / (spec.n_fit + spec.n_test))
    fit = draw.take(fit_part, lambda count, tokens: count >= spec.n_fit and tokens >= spec.min_fit_tokens)
    n_test = -(-spec.n_test * len(fit) // spec.n_fit)  # in proportion, rounded up
    return _window_set(fit, draw.take(test_part, lambda count, tokens: count >= n_test))


@cut.register
def _char_tokens(spec: CharTokens, corpus: Corpus, tokenizer: PreTrainedTokenizerBase) -> WindowSet:
    draw = _Draw(corpus, tokenizer, spec.chars, spec.seed)
    fit_part, test_part = draw.split(spec.test_fraction)
    n_test = spec.test_fraction * spec.n_tokens
    fit = draw.take(fit_part, lambda count, tokens: tokens >= spec.n_tokens - n_test)
    return _window_set(fit, draw.take(test_part, lambda count, tokens: tokens >= n_test))


@dataclass(frozen=True)
class _Draw:
    """Windows of characters from random places. The places hang on text and seed alone, never on the tokenizer."""

    corpus: Corpus
    tokenizer: PreTrainedTokenizerBase
    chars: int
    seed: int

    def split(self, fraction: float) -> tuple[list[Stretch], list[Stretch]]:
        """Where to draw fit windows and where test windows: different documents, or stretches of the only one."""
        whole = [Stretch(i, 0, len(text)) for i, text in enumerate(self.corpus.documents) if len(text) >= self.chars]
        if fraction == 0:
            return whole, []
        if len(whole) == 1:
            stretches = self._stretches(whole[0])
            held_out = evenly_spread(len(stretches), fraction)
        else:
            stretches = whole
            held_out = nearest_share(dict.fromkeys(range(len(whole)), 1), fraction, self.seed)
        fit = [stretch for i, stretch in enumerate(stretches) if i not in held_out]
        return fit, [stretches[i] for i in sorted(held_out)]

    def _stretches(self, whole: Stretch) -> list[Stretch]:
        count = min(BLOCKS, whole.stop // self.chars)
        edges = [i * whole.stop // count for i in range(count + 1)]
        return [Stretch(whole.document, start, stop) for start, stop in pairwise(edges)]

    def take(self, stretches: Sequence[Stretch], enough: Callable[[int, int], bool]) -> list[Window]:
        """Windows until there are `enough` (of them, of tokens). Raises NotEnoughTokens where the text runs out."""
        windows: list[Window] = []
        tokens, places = 0, self._places(stretches)
        while not enough(len(windows), tokens):
            window = next(places, None)
            if window is None:
                raise NotEnoughTokens(
                    f"this part of the text {self.corpus.id!r} has {len(windows)} windows of {self.chars} characters "
                    f"({tokens} tokens), and more are asked for: take a longer text, or ask for less"
                )
            windows.append(window)
            tokens += len(window.input_ids)
        return windows

    def _places(self, stretches: Sequence[Stretch]) -> Iterator[Window]:
        """One window of every stretch in random order, then another, until all are used up."""
        rng = random.Random(f"places {self.seed}")
        left = [(stretch.document, stretch.places(self.chars, rng)) for stretch in stretches]
        while left := [pair for pair in left if pair[1]]:
            for document, starts in rng.sample(left, len(left)):
                start = starts.pop()
                text = self.corpus.documents[document][start : start + self.chars]
                if not text.isspace():
                    yield Window(tokenise(text, self.tokenizer), document)


@dataclass(frozen=True)
class Batch:
    """Windows side by side, filled up on the right: input_ids and attention_mask (B, T), window (B,) their indices."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    window: torch.Tensor


def batches(
    windows: Sequence[Window], *, batch_tokens: int = 2048, device: str | torch.device = "cpu", pad_id: int = 0
) -> Iterator[Batch]:
    """All windows, those of similar length together, at most `batch_tokens` a batch with padding (or one window)."""
    group: list[int] = []
    for i in sorted(range(len(windows)), key=lambda i: (len(windows[i].input_ids), i)):
        if group and (len(group) + 1) * len(windows[i].input_ids) > batch_tokens:
            yield _batch(windows, group, device, pad_id)
            group = []
        group.append(i)
    if group:
        yield _batch(windows, group, device, pad_id)


def _batch(windows: Sequence[Window], group: Sequence[int], device: str | torch.device, pad_id: int) -> Batch:
    lengths = torch.tensor([len(windows[i].input_ids) for i in group])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]  # (B, T)
    ids = torch.full(mask.shape, pad_id)
    ids[mask] = torch.tensor([token for i in group for token in windows[i].input_ids])
    return Batch(ids.to(device), mask.long().to(device), torch.tensor(group, device=device))
