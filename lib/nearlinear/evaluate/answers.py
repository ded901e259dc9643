"""Questions asked of a model with more and more of its blocks changed; and of it unchanged, with nothing to read."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from nearlinear.edit.begun import begin
from nearlinear.edit.edits import removed, replaced
from nearlinear.edit.ledger import Ledger
from nearlinear.edit.study import HOWS, Work
from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel, load_model
from nearlinear.inputs.windows import n_tokens
from nearlinear.progress import track
from nearlinear.results.answers import (
    Answered,
    AnswersSpec,
    AnswersStudy,
    ChangedAnswers,
    QuestionSource,
    Reworded,
    Wording,
    questions_sha256,
)
from nearlinear.results.pruning import How

from .choices import ChoiceResult, Question, accuracy
from .questions import ARC_EASY, WORDNET, WORDNET_NOTE, arc_easy, wordnet_questions

UNREAD = "Answer:"
"""What is left of a question's context when the question is taken away."""


def run(spec: AnswersSpec, *, device: str = "auto") -> AnswersStudy:
    """Ask what `spec` says. Every model's answers are written down as they come: an interrupted run goes on there.

    Raises InputError for what cannot be loaded, an unknown order, or more questions or blocks than there are;
    NotEnoughTokens where the text is too short for the maps.
    """
    questions, source = asked(spec)
    begun = begin(spec, spec.study, AnswersStudy.made_by, device=device)
    if spec.ks[-1] >= begun.work.L:
        raise InputError(f"{spec.ks[-1]} of {begun.work.L} blocks cannot be changed: leave at least one of them")
    parts = Asking(spec, questions, begun.work, begun.ledger).parts()
    return AnswersStudy(questions=source, **parts, provenance=begun.provenance())


def asked(spec: AnswersSpec) -> tuple[tuple[Question, ...], QuestionSource]:
    """The questions of a specification and what they are. Raises InputError, NoNetwork, BrokenFile."""
    if spec.questions == "wordnet":
        found, name, note = wordnet_questions(spec.n_questions, spec.seed), WORDNET, WORDNET_NOTE
    else:
        found, name, note = _some(arc_easy(), spec.n_questions, spec.seed), "ARC-Easy", f"test split of {ARC_EASY}"
    return found, QuestionSource(id=name, sha256=questions_sha256(found), n=len(found), note=note)


def _some(every: Sequence[Question], n: int, seed: int) -> tuple[Question, ...]:
    if n > len(every):
        raise InputError(f"there are {len(every)} questions, {n} are asked for: ask for fewer")
    return tuple(random.Random(seed).sample(every, n))


def without_question(questions: Sequence[Question]) -> tuple[Question, ...]:
    """The same answers to choose from, and nothing that tells them apart: how much do the answers give away?"""
    return tuple(replace(question, context=UNREAD) for question in questions)


def in_words(question: Question, wording: Wording) -> Question:
    """The question in another frame than "Question: ... Answer:"; the answers stay."""
    text = question.context.removeprefix("Question: ").removesuffix("\nAnswer:")
    return replace(question, context={"short": f"Q: {text}\nA:", "bare": text}[wording])


@dataclass
class Asking:
    """An answers study under way. Log-likelihoods and layers are kept in the ledger, maps made when they are needed."""

    spec: AnswersSpec
    questions: tuple[Question, ...]
    work: Work
    ledger: Ledger

    def parts(self) -> dict:
        """Every field of AnswersStudy but its questions and its provenance."""
        dense = self.dense()
        return {
            "L": self.work.L,
            "n_fit": n_tokens(self.work.texts.fit),
            "chance": float(np.mean([1 / len(question.answers) for question in self.questions])),
            "dense": answered(dense),
            "unread": answered(self.unread()),
            "random_twin": answered(self.twin()),
            "chosen": chosen(dense),
            "longest": longest(dense),
            "changed": tuple(track(self.changed(), "answers", 2 * len(self.spec.orders) * len(self.spec.ks))),
            "reworded": tuple(
                track(self.reworded(), "other words", len(self.spec.wordings) * (1 + 2 * len(self.spec.ks)))
            ),
        }

    def changed(self) -> Iterator[ChangedAnswers]:
        """Every order, both ways, from few blocks to many."""
        for order, how, k in product(self.spec.orders, HOWS, self.spec.ks):
            layers = self.layers(order, how, k)
            found = self.if_changed(how, layers)
            yield ChangedAnswers(
                order=order, how=how, k=k, layers=layers, answered=answered(found), chosen=chosen(found)
            )

    def reworded(self) -> Iterator[Reworded]:
        """The first order once more, in each other wording, after the unchanged model."""
        plans = [(None, 0), *product(HOWS, self.spec.ks)]
        for wording, (how, k) in product(self.spec.wordings, plans):
            layers = self.layers(self.spec.orders[0], how, k) if how else ()
            found = self.if_changed(how, layers, wording) if how else self.dense(wording)
            yield Reworded(wording=wording, how=how, k=k, layers=layers, answered=answered(found))

    def layers(self, order: str, how: How, k: int) -> tuple[int, ...]:
        """The k blocks that an order changes. Raises InputError for an unknown order."""
        known = self.ledger.get(f"layers {order} {how} {k}", lambda: self.work.plan(order, how).steps[k - 1])
        return tuple(int(layer) for layer in known)

    def if_changed(self, how: How, layers: tuple[int, ...], wording: Wording | None = None) -> ChoiceResult:
        """The answers with these blocks changed; asked once, whichever order wants them."""
        key = " ".join([how, *map(str, layers), *([wording] if wording else [])])
        return self._told(key, lambda: self._ask_changed(how, layers, wording))

    def _ask_changed(self, how: How, layers: tuple[int, ...], wording: Wording | None) -> ChoiceResult:
        model, maps = self.work.loaded.model, self.work.maps if how == "replace" else {}
        with removed(model, layers) if how == "remove" else replaced(model, {la: maps[la] for la in layers}):
            return self.ask(self.work.loaded, wording)

    def ask(self, loaded: LoadedModel, wording: Wording | None = None) -> ChoiceResult:
        """Every question, in the words of lm-eval where no other are named."""
        return accuracy(loaded, [in_words(each, wording) for each in self.questions] if wording else self.questions)

    def dense(self, wording: Wording | None = None) -> ChoiceResult:
        """The unchanged model."""
        return self._told(" ".join(filter(None, ["dense", wording])), lambda: self.ask(self.work.loaded, wording))

    def unread(self) -> ChoiceResult:
        """The unchanged model, not told what is asked."""
        return self._told("unread", lambda: accuracy(self.work.loaded, without_question(self.questions)))

    def twin(self) -> ChoiceResult:
        """The same architecture with fresh random weights."""
        study, device = self.spec.study, next(self.work.loaded.model.parameters()).device
        load = {"device": device, "dtype": study.dtype, "random_seed": self.spec.seed}
        return self._told("random twin", lambda: self.ask(load_model(study.model, **load)))

    def _told(self, key: str, ask: Callable[[], ChoiceResult]) -> ChoiceResult:
        """The result from its log-likelihoods, which the ledger keeps in one row."""
        values = iter(self.ledger.get(key, lambda: [nats for each in ask().log_likelihoods for nats in each]))
        return ChoiceResult(
            log_likelihoods=tuple(tuple(next(values) for _ in question.answers) for question in self.questions),
            n_bytes=tuple(tuple(len(answer.encode()) for answer in question.answers) for question in self.questions),
            right=tuple(question.right for question in self.questions),
        )


def answered(result: ChoiceResult) -> Answered:
    """A result to keep: which questions were answered right, without the likelihoods."""
    right, right_norm = (tuple(hits.tolist()) for hits in (result.hits, result.hits_norm))
    return Answered(acc=result.acc, acc_norm=result.acc_norm, right=right, right_norm=right_norm)


def chosen(result: ChoiceResult) -> tuple[int, ...]:
    """The likeliest answer of each question, from 0; -1 where a likelihood is NaN."""
    return tuple(-1 if np.isnan(each).any() else int(np.argmax(each)) for each in result.log_likelihoods)


def longest(result: ChoiceResult) -> tuple[float, float]:
    """How often the answer chosen is as long as any, in bytes: by log-likelihood, and by log-likelihood a byte."""
    sums, lengths = result.log_likelihoods, result.n_bytes
    by_byte = [np.divide(*pair) for pair in zip(sums, lengths, strict=True)]
    return _longest(sums, lengths), _longest(by_byte, lengths)


def _longest(scores: Sequence[Sequence[float]], n_bytes: Sequence[Sequence[int]]) -> float:
    pairs = zip(scores, n_bytes, strict=True)
    found = [not np.isnan(each).any() and lengths[np.argmax(each)] == max(lengths) for each, lengths in pairs]
    return float(np.mean(found))
