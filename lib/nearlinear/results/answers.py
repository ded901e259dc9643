"""Results of asking questions: what a model still answers when some of its blocks are removed or replaced.

The questions themselves are others' work and are not kept here: a hash says which they were.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from .provenance import Provenance
from .pruning import How, PruningSpec, PruningStudy
from .records import Number, Record
from .specs import Count
from .types import StoredRecord

Asked = Literal["wordnet", "arc-easy"]

Wording = Literal["short", "bare"]
"""What frames a question in place of lm-eval's "Question: … Answer:": "Q: … A:", or nothing."""

_DIGITS = "-0123456789"


def _digits(numbers: Iterable[int]) -> str:
    return "".join(_DIGITS[1 + number] for number in numbers)


def _numbers(value: object) -> object:
    return tuple(_DIGITS.index(digit) - 1 for digit in value) if isinstance(value, str) else value


Ticks = Annotated[tuple[bool, ...], BeforeValidator(_numbers), PlainSerializer(_digits, return_type=str)]
"""Whether each question was answered right; in JSON a text of one digit a question, 1 where it was."""

Choices = Annotated[tuple[int, ...], BeforeValidator(_numbers), PlainSerializer(_digits, return_type=str)]
"""The likeliest answer to each question, from 0, and -1 where there is none; in JSON one digit or dash a question."""


def up_to(most: int) -> tuple[int, ...]:
    """1, 2, 4, … doubled while it stays below `most`, then `most`: the numbers of blocks that are changed."""
    return (*(2**i for i in range(most.bit_length()) if 2**i < most), most)


class AnswersSpec(Record):
    """Which questions to ask a model, and with which of its blocks changed.

    `study`: the model, and the texts that its maps are fitted on and its orders go by, as in the PruningStudy of the
    same specification; nothing of its own is asked for. In each of `orders`, `ks` blocks are removed, then replaced.
    In the first of them every question is put in other `wordings` as well.
    """

    study: PruningSpec
    questions: Asked = "wordnet"
    n_questions: Count = 300
    orders: Annotated[tuple[str, ...], Field(min_length=1)] = ("score", "bi")
    ks: Annotated[tuple[Count, ...], Field(min_length=1)] = up_to(12)
    wordings: tuple[Wording, ...] = ("short", "bare")
    seed: int = 0

    @model_validator(mode="after")
    def _rising_and_planned(self):
        if sorted(set(self.ks)) != list(self.ks):
            raise ValueError(f"ks must rise, and are {self.ks}")
        for order in self.orders:
            planned = self.study.greedy if order == "greedy" else self.study.count
            if order not in self.study.to_the_end and self.ks[-1] > planned:
                raise ValueError(f"the study follows {order} for {planned} blocks, and ks asks for {self.ks[-1]}")
        return self


class QuestionSource(Record):
    """Which questions: `sha256` is of contexts, answers and right answers, in the order in which they are asked."""

    id: str
    sha256: str
    n: int
    note: str = ""


def questions_sha256(questions: Iterable) -> str:
    """The hash of questions with `context`, `answers` and `right`, in their order."""
    told = json.dumps([[question.context, question.answers, question.right] for question in questions])
    return hashlib.sha256(told.encode()).hexdigest()


class Answered(Record):
    """How a model did on n questions, each with a few answers: `right`, `right_norm`: one entry a question.

    `acc`: the answer with the greatest summed log-likelihood counts. `acc_norm`: the greatest a byte of the answer.
    """

    acc: Number
    acc_norm: Number
    right: Ticks
    right_norm: Ticks

    @model_validator(mode="after")
    def _one_entry_a_question(self):
        if len(self.right) != len(self.right_norm) or not self.right:
            raise ValueError(f"{len(self.right)} questions by acc, {len(self.right_norm)} by acc_norm")
        return self

    @property
    def n(self) -> int:
        return len(self.right)


class ChangedAnswers(Record):
    """How the model did with `layers` changed: the first k of an order."""

    order: str
    how: How
    k: int
    layers: tuple[int, ...]
    answered: Answered
    chosen: Choices

    @model_validator(mode="after")
    def _as_many_as_said(self):
        if len(self.layers) != self.k:
            raise ValueError(f"{self.k} blocks of {self.order} are said to be changed, and {len(self.layers)} are")
        return self


class Reworded(Record):
    """How a model did when the same questions were put in another wording; the unchanged model has k = 0, how None."""

    wording: Wording
    how: How | None
    k: int
    layers: tuple[int, ...]
    answered: Answered


class AnswersStudy(StoredRecord):
    """What a model answers with more and more of its blocks changed, and what it would answer without reading.

    `n_fit`: tokens behind the maps. `chance`: what guessing gets on average. `unread`: the unchanged model, given the
    answers but not the question. `random_twin`: the same architecture with fresh random weights. `chosen`: what the
    unchanged model answers. `longest`: how often that is the longest answer (or one of them), by acc and by acc_norm.
    `reworded`: the first order once more, for each other wording of the questions.
    """

    recorded_as: ClassVar[str] = "answers"
    filename: ClassVar[str] = "answers.json"
    made_by: ClassVar[tuple[str, ...]] = (
        *PruningStudy.made_by,
        "evaluate/answers.py",
        "evaluate/choices.py",
        "evaluate/questions.py",
    )

    L: int
    n_fit: int
    questions: QuestionSource
    chance: Number
    dense: Answered
    unread: Answered
    random_twin: Answered
    chosen: Choices
    longest: tuple[Number, Number]
    changed: tuple[ChangedAnswers, ...]
    reworded: tuple[Reworded, ...]
    provenance: Provenance

    @model_validator(mode="after")
    def _all_of_the_same_questions(self):
        every = [each.n for each in (self.dense, self.unread, self.random_twin)] + [len(self.chosen)]
        every += [n for each in self.changed for n in (each.answered.n, len(each.chosen))]
        every += [each.answered.n for each in self.reworded]
        if wrong := [n for n in every if n != self.questions.n]:
            raise ValueError(f"there are {self.questions.n} questions, and some model answers {wrong[0]}")
        return self

    @property
    def orders(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.order for each in self.changed))

    def by(self, order: str, how: How) -> tuple[ChangedAnswers, ...]:
        """One order, one way of changing, from few blocks to many. Raises KeyError where it was not followed."""
        found = tuple(each for each in self.changed if (each.order, each.how) == (order, how))
        if not found:
            raise KeyError(f"no answers of order {order!r} by {how!r}")
        return tuple(sorted(found, key=lambda each: each.k))

    @property
    def wordings(self) -> tuple[Wording, ...]:
        return tuple(dict.fromkeys(each.wording for each in self.reworded))

    def worded(self, wording: Wording, how: How) -> tuple[Reworded, ...]:
        """The first order in another wording, from no block to many. Raises KeyError for a wording not asked in."""
        found = tuple(each for each in self.reworded if each.wording == wording and each.how in (None, how))
        if not found:
            raise KeyError(f"no answers in the wording {wording!r}")
        return tuple(sorted(found, key=lambda each: each.k))
