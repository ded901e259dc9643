"""Questions with a few answers each: which of them does the model find likeliest?

An answer's likelihood is that of its tokens after the question's. What is compared is its logarithm (acc), or that
divided by the answer's length in bytes (acc_norm), so that long answers are not at a disadvantage. Both are those of
lm-eval: the same tokens, the same space between question and answer. (lm-eval's own acc_norm counts characters, and
its acc_bytes bytes; in plain English text that is the same.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedTokenizerBase

from nearlinear.errors import InputError, UnsupportedModel
from nearlinear.inputs.load import LoadedModel
from nearlinear.progress import track

from .head import Head, check_fits


@dataclass(frozen=True)
class Question:
    """What is asked, as the model reads it; what may be answered; which answer is right, from 0.

    One space is put between context and answer. Raises InputError where there is nothing to choose.
    """

    context: str
    answers: tuple[str, ...]
    right: int

    def __post_init__(self):
        if not self.context.strip():
            raise InputError("a question has an empty context: give the text before its answers")
        if len(self.answers) < 2 or not all(self.answers):
            raise InputError(f"the question {self.context!r} needs two answers or more, none of them empty")
        if not 0 <= self.right < len(self.answers):
            raise InputError(f"the question {self.context!r} has no answer number {self.right}: count from 0")


@dataclass(frozen=True)
class ChoiceResult:
    """The summed log-likelihood of every answer, in nats, with its length in bytes; one entry a question."""

    log_likelihoods: tuple[tuple[float, ...], ...]
    n_bytes: tuple[tuple[int, ...], ...]
    right: tuple[int, ...]

    @property
    def hits(self) -> np.ndarray:
        """(n,) bool: whether the likeliest answer is the right one. Where a likelihood is NaN, it is not."""
        return self._hits(self.log_likelihoods)

    @property
    def hits_norm(self) -> np.ndarray:
        """(n,) bool: the same by log-likelihood a byte."""
        return self._hits([np.divide(*pair) for pair in zip(self.log_likelihoods, self.n_bytes, strict=True)])

    @property
    def acc(self) -> float:
        return float(self.hits.mean())

    @property
    def acc_norm(self) -> float:
        return float(self.hits_norm.mean())

    def _hits(self, scores: Sequence[Sequence[float]]) -> np.ndarray:
        pairs = zip(scores, self.right, strict=True)
        return np.array([not np.isnan(each).any() and np.argmax(each) == right for each, right in pairs], dtype=bool)


def accuracy(loaded: LoadedModel, questions: Sequence[Question], *, batch_tokens: int = 2048) -> ChoiceResult:
    """Ask every question; its context is run once for all answers, at most `batch_tokens` of contexts at a time.

    Raises UnsupportedModel for a model that predicts no next token or keeps no key-value cache, InputError
    where there is no question or one does not fit the model's context.
    """
    if not questions:
        raise InputError("there are no questions to ask: give one or more")
    head = Head.of(loaded)
    items = [Item.of(question, loaded.tokenizer) for question in questions]
    check_fits(loaded, max(len(item.context) + len(answer) for item in items for answer in item.answers), "a question")
    found: dict[int, tuple[float, ...]] = {}
    with torch.inference_mode():
        for group in track(list(_groups(items, batch_tokens)), "questions", len(items), size=len):
            found |= zip(group, _log_likelihoods(head, [items[i] for i in group]), strict=True)
    head.check()
    return ChoiceResult(
        log_likelihoods=tuple(found[i] for i in range(len(items))),
        n_bytes=tuple(tuple(len(answer.encode()) for answer in question.answers) for question in questions),
        right=tuple(question.right for question in questions),
    )


@dataclass(frozen=True)
class Item:
    """A question in tokens: those of the context, and those that each answer adds to them."""

    context: tuple[int, ...]
    answers: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, question: Question, tokenizer: PreTrainedTokenizerBase) -> "Item":
        """As lm-eval does it: spaces at the end of the context belong to the answer, because tokens begin with them.

        Context and answer are tokenised together, with what the tokenizer adds in front of any text; the answer's
        tokens are those after as many as the context has alone. Raises InputError where that leaves none.
        """
        context = tokenizer.encode(question.context.rstrip())
        n = len(context)
        wholes = [tokenizer.encode(f"{question.context} {answer}") for answer in question.answers]
        if short := [answer for answer, whole in zip(question.answers, wholes, strict=True) if len(whole) <= n]:
            raise InputError(f"the answer {short[0]!r} adds no token to its question {question.context!r}")
        return cls(tuple(context), tuple(tuple(whole[n:]) for whole in wholes))


def _groups(items: Sequence[Item], batch_tokens: int) -> Iterator[list[int]]:
    """Questions whose contexts have the same number of tokens, so that these need no padding."""
    group: list[int] = []
    for i in sorted(range(len(items)), key=lambda i: (len(items[i].context), i)):
        length = len(items[i].context)
        if group and (length != len(items[group[0]].context) or (len(group) + 1) * length > batch_tokens):
            yield group
            group = []
        group.append(i)
    yield group


def _log_likelihoods(head: Head, items: Sequence[Item]) -> Iterator[tuple[float, ...]]:
    """Of every answer of every item; the contexts (Q, T) are of one length."""
    context = torch.tensor([item.context for item in items], device=head.device)
    states, output = head.run(context, torch.ones_like(context), use_cache=True)
    owner = torch.tensor([q for q, item in enumerate(items) for _ in item.answers], device=head.device)  # (A,)
    answers = [answer for item in items for answer in item.answers]
    first = torch.tensor([answer[0] for answer in answers], device=head.device)
    nats = head.losses(states[:, -1].index_select(0, owner), first)  # (A,)
    longer = [a for a, answer in enumerate(answers) if len(answer) > 1]
    if longer:
        which = torch.tensor(longer, device=head.device)
        cache = _divided(output.past_key_values, owner[which])
        nats.index_add_(0, which, _rest(head, [answers[a] for a in longer], cache, context[owner[which]]))
    values = iter((-nats).tolist())
    return (tuple(next(values) for _ in item.answers) for item in items)


def _divided(cache: object, rows: Tensor) -> DynamicCache:
    """The cache of the contexts, with the row of each answer's. Raises UnsupportedModel where it has no rows."""
    if not isinstance(cache, DynamicCache):
        raise UnsupportedModel("this model keeps no key-value cache, which several answers to one question share")
    cache.batch_select_indices(rows)
    return cache


def _rest(head: Head, answers: Sequence[Sequence[int]], cache: DynamicCache, context: Tensor) -> Tensor:
    """The log-loss (A,) of all but the first token of each answer, after the cached contexts (A, T)."""
    longest = max(map(len, answers))
    padded = torch.tensor([[*answer, *[0] * (longest - len(answer))] for answer in answers], device=head.device)
    known = torch.tensor([[i < len(answer) for i in range(longest)] for answer in answers], device=head.device)
    mask = torch.cat([torch.ones_like(context), known[:, :-1].long()], dim=1)
    states, _ = head.run(padded[:, :-1], mask, past_key_values=cache, use_cache=True)
    nats = head.losses(states.flatten(0, 1), padded[:, 1:].flatten()).view(len(answers), -1)
    return nats.masked_fill(~known[:, 1:], 0).sum(1)
