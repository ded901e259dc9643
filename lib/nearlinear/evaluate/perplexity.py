"""Perplexity of a language model on windows of text, and the difference between two models on the same windows.

Each predicted token weighs the same, whatever window it stands in.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.windows import Batch, Window, batches, tokenise
from nearlinear.progress import track

from .head import Head, check_fits

N_RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class WindowLosses:
    """What a model makes of n windows, each (n,): summed log-loss in nats, tokens predicted, document of the window."""

    nats: np.ndarray
    tokens: np.ndarray
    document: np.ndarray

    @property
    def mean(self) -> float:
        """Log-loss a token, in nats; NaN where nothing was predicted."""
        return _ratio(self.nats.sum(), self.tokens.sum())

    @property
    def perplexity(self) -> float:
        """exp of the mean log-loss a token; infinite where that is more than a float holds."""
        with np.errstate(over="ignore"):
            return float(np.exp(self.mean))


class Difference(NamedTuple):
    """Of two models' mean log-losses, in nats a token, with its 95 % interval; positive: the first is the worse."""

    mean: float
    low: float
    high: float


def losses(loaded: LoadedModel, windows: Sequence[Window], *, batch_tokens: int = 2048) -> WindowLosses:
    """The log-loss of every token but the first of each window; no window sees another's text.

    Raises UnsupportedModel for a model that predicts no next token, InputError for windows longer than its context.
    """
    return losses_after(loaded, windows, [1] * len(windows), batch_tokens=batch_tokens)


def losses_after(
    loaded: LoadedModel, windows: Sequence[Window], starts: Sequence[int], *, batch_tokens: int = 2048
) -> WindowLosses:
    """As `losses`, but only of the tokens at position `starts[i]` and later of window i; those before are context."""
    head = Head.of(loaded)
    check_fits(loaded, max((len(window.input_ids) for window in windows), default=0), "a window")
    nats = torch.zeros(len(windows), dtype=torch.float64, device=head.device)
    with torch.inference_mode():
        for batch in track(batches(windows, batch_tokens=batch_tokens), "perplexity", unit=" batches"):
            _add_losses(nats, head, batch, starts)
    head.check()
    lengths = np.array([len(window.input_ids) for window in windows], dtype=np.int64)
    return WindowLosses(
        nats=nats.cpu().numpy(),
        tokens=np.maximum(lengths - np.maximum(np.array(starts, dtype=np.int64), 1), 0),
        document=np.array([window.document for window in windows], dtype=np.int64),
    )


def _add_losses(nats: Tensor, head: Head, batch: Batch, starts: Sequence[int]) -> None:
    """Add each window's summed log-loss to its entry of `nats`; what to predict is picked on the CPU, with no wait."""
    T = batch.input_ids.shape[1]
    start = torch.tensor([max(starts[int(window)], 1) for window in batch.window])  # (B,)
    predicted = batch.attention_mask.bool() & (torch.arange(T) >= start[:, None])  # (B, T)
    row, position = predicted.nonzero(as_tuple=True)  # (n,) each
    before = (row * T + position - 1).to(nats.device)  # the state before a token is what predicts it
    states, _ = head.run(batch.input_ids.to(nats.device), batch.attention_mask.to(nats.device))
    nll = head.losses(states.flatten(0, 1).index_select(0, before), batch.input_ids[row, position].to(nats.device))
    nats.index_add_(0, batch.window[row].to(nats.device), nll)


def strided_perplexity(loaded: LoadedModel, text: str, *, context: int, stride: int, batch_tokens: int = 2048) -> float:
    """Perplexity of one text that is longer than the context, by windows of `context` tokens that overlap.

    Every window starts `stride` tokens after the last and counts only the tokens that no window before it reached, so
    each token but the first is predicted once, most of them from at least context - stride tokens. The recipe is the
    one in transformers' guide "Perplexity of fixed-length models"; as there, with stride = context the first token of
    each window is not predicted. Raises InputError for a stride out of range, a text of one token, a context too long.
    """
    if not 1 <= stride <= context:
        raise InputError(f"a stride of {stride} does not fit a context of {context}: choose 1 to {context}")
    ids = tokenise(text, loaded.tokenizer)
    if len(ids) < 2:
        raise InputError("the text has fewer than two tokens, so there is nothing to predict: take a longer one")
    places = _overlapping(len(ids), context, stride)
    windows = [Window(ids[begin:end], 0) for begin, end, _ in places]
    starts = [first - begin for begin, _, first in places]
    return losses_after(loaded, windows, starts, batch_tokens=batch_tokens).perplexity


def _overlapping(n: int, context: int, stride: int) -> list[tuple[int, int, int]]:
    """Begin and end of each window of n tokens, and the first token that it counts."""
    begins = range(0, max(n - context, 0) + stride, stride)
    ends = [min(begin + context, n) for begin in begins]
    return list(zip(begins, ends, [0, *ends], strict=False))


def compare(a: WindowLosses, b: WindowLosses, *, seed: int) -> Difference:
    """How much more `a` loses a token than `b` on the same windows: mean log-loss of a minus that of b.

    The interval is the 95 % percentile interval of 2,000 paired resamples: of documents, or of windows where there is
    one document; NaN where there is nothing to resample. Raises InputError where the windows differ.
    """
    if not (np.array_equal(a.tokens, b.tokens) and np.array_equal(a.document, b.document)):
        raise InputError("the two losses are not of the same windows: evaluate both models on the same ones")
    labels, group = np.unique(a.document, return_inverse=True)
    if len(labels) < 2:
        group = np.arange(len(a.document))
    nats = np.bincount(group, weights=a.nats - b.nats)  # (groups,)
    tokens = np.bincount(group, weights=a.tokens)
    low, high = _interval(nats, tokens, seed)
    return Difference(_ratio(nats.sum(), tokens.sum()), low, high)


def _interval(nats: np.ndarray, tokens: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % percentile interval of Σ nats / Σ tokens, resampling the groups (n,) that they are sums of."""
    nats, tokens = nats[tokens > 0], tokens[tokens > 0]
    n = len(nats)
    if n < 2 or not np.isfinite(nats).all():
        return math.nan, math.nan
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES)  # (resamples, groups)
    low, high = np.percentile((counts @ nats) / (counts @ tokens), [2.5, 97.5])
    return float(low), float(high)


def _ratio(nats: float, tokens: float) -> float:
    return float(nats / tokens) if tokens else math.nan
