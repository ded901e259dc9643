"""Questions that a model answers as it stands, no example before them: words by their definitions, endings of passages.

Endings stand in for StoryCloze, one of the paper's: the passages are of the evaluated documents, which nobody trains
on, and every wrong ending is that of a passage of another document.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.evaluate.choices import Item, Question, accuracy
from nearlinear.evaluate.questions import N_ANSWERS, wordnet_questions
from nearlinear.inputs.load import LoadedModel
from nearlinear.results.answers import questions_sha256
from nearlinear.results.drift import QuestionSpec
from nearlinear.results.drift_looks import Asked

from .drift_looking import evaluating
from .texts import Part

QUARTERS = 4
"""A passage goes on for one, two or three of these parts of a window, and its ending is the next."""


@dataclass(frozen=True)
class Quiz:
    """Questions of one kind that fit the model, and how many did not."""

    kind: str
    questions: tuple[Question, ...]
    n_long: int


@dataclass(frozen=True)
class Passage:
    """The first `quarters` of a window's words, and the quarter after them."""

    document: int
    quarters: int
    context: str
    ending: str


def quizzes(spec: QuestionSpec, loaded: LoadedModel, part: Part) -> tuple[Quiz, ...]:
    """The questions that `spec` asks for. `part`: the evaluated text.

    Raises InputError where none of a kind fits the model, NotEnoughTokens for a text of too few documents.
    """
    kinds = {
        "words": wordnet_questions(spec.n_words, spec.seed) if spec.n_words else (),
        "endings": endings(part, loaded.tokenizer, spec.n_endings, spec.seed),
    }
    return tuple(fitting(kind, questions, loaded) for kind, questions in kinds.items() if questions)


def fitting(kind: str, questions: Sequence[Question], loaded: LoadedModel) -> Quiz:
    """Those that are no longer than the model's context. Raises InputError where none is left."""
    kept = tuple(question for question in questions if _length(question, loaded.tokenizer) <= loaded.context)
    if not kept:
        raise InputError(
            f"none of the questions about {kind} fits the {loaded.context} tokens that the model takes: ask for none"
        )
    return Quiz(kind, kept, len(questions) - len(kept))


def _length(question: Question, tokenizer: PreTrainedTokenizerBase) -> int:
    item = Item.of(question, tokenizer)
    return len(item.context) + max(map(len, item.answers))


def endings(part: Part, tokenizer: PreTrainedTokenizerBase, n: int, seed: int) -> tuple[Question, ...]:
    """At most `n` questions "how does this go on?", drawn by the seed, with one right ending in four.

    The wrong ones stand as far from the beginning of their windows. Raises NotEnoughTokens where there are fewer than
    three of them.
    """
    rng = random.Random(f"endings {seed}")
    whole = list(_passages(part, tokenizer))
    return tuple(_question(passage, whole, rng) for passage in rng.sample(whole, min(n, len(whole))))


def _passages(part: Part, tokenizer: PreTrainedTokenizerBase) -> Iterator[Passage]:
    """Up to three of every window, of whole words: its first and its last may be cut, and are left out."""
    for ids, document in zip(part.windows.tolist(), part.documents.tolist(), strict=True):
        words = tokenizer.decode(ids, clean_up_tokenization_spaces=False).split()[1:-1]
        size = len(words) // QUARTERS
        for quarters in range(1, QUARTERS if size else 1):
            start = quarters * size
            yield Passage(document, quarters, " ".join(words[:start]), " ".join(words[start : start + size]))


def _question(passage: Passage, whole: Sequence[Passage], rng: random.Random) -> Question:
    others = {
        other.ending for other in whole if other.document != passage.document and other.quarters == passage.quarters
    }
    wrong = sorted(others - {passage.ending})
    if len(wrong) < N_ANSWERS - 1:
        raise NotEnoughTokens("the evaluated text has too few documents to take wrong endings from: take a longer one")
    answers = [passage.ending, *rng.sample(wrong, N_ANSWERS - 1)]
    rng.shuffle(answers)
    return Question(passage.context, tuple(answers), answers.index(passage.ending))


def asked(loaded: LoadedModel, quiz: Quiz) -> Asked:
    """How the model as it stands answers them."""
    with evaluating(loaded.model):
        found = accuracy(loaded, quiz.questions)
    return Asked(
        kind=quiz.kind,
        right=tuple(found.hits.tolist()),
        right_norm=tuple(found.hits_norm.tolist()),
        n_long=quiz.n_long,
        questions_sha256=questions_sha256(quiz.questions),
    )
