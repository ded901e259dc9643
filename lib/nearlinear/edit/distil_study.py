"""From a specification of distillation to its result: choose a recipe on one text, train, and evaluate on another."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nearlinear.errors import InputError
from nearlinear.evaluate.choices import Question, accuracy
from nearlinear.evaluate.perplexity import WindowLosses, compare, losses
from nearlinear.evaluate.questions import WORDNET, WORDNET_NOTE, wordnet_questions
from nearlinear.inputs.windows import WindowSet, n_tokens
from nearlinear.results.answers import Answered, QuestionSource, questions_sha256
from nearlinear.results.distillation import (
    STARTS,
    Distilled,
    DistilSpec,
    DistilStudy,
    Paired,
    Screened,
    best_of,
    thinned,
)
from nearlinear.results.pruning import Changed
from nearlinear.study import windows_sha256

from .begun import begin
from .distil_runs import Trainer
from .distil_texts import rest_of
from .edits import removed, replaced
from .study import HOWS, Work
from .training import Diverged


def run(spec: DistilSpec, *, device: str = "auto") -> DistilStudy:
    """Train and measure what `spec` says. What is done is written down, and training every few minutes, so that an
    interrupted study goes on there.

    Raises InputError for what cannot be loaded or more blocks than the study follows; NotEnoughTokens where the text is
    too short; Diverged where a run by the chosen recipe breaks.
    """
    questions = wordnet_questions(spec.n_questions, spec.seed) if spec.n_questions else ()
    begun = begin(spec, spec.study, DistilStudy.made_by, device=device)
    work, step = begun.work, spec.tokens_per_step
    rest = rest_of(begun.corpus, work.loaded.tokenizer, work.texts, context=spec.study.context, at_least=step)
    parts = Distilling(Trainer(spec, work, rest), questions).parts()
    return DistilStudy(**parts, provenance=begun.provenance())


@dataclass
class Distilling:
    """A study under way. Trained models are thrown away once they are evaluated."""

    trainer: Trainer
    questions: tuple[Question, ...] = ()

    @property
    def spec(self) -> DistilSpec:
        return self.trainer.spec

    @property
    def work(self) -> Work:
        return self.trainer.work

    def parts(self) -> dict:
        """Every field of DistilStudy but its provenance."""
        spec, texts, source = self.spec, self.work.texts, self.work.loaded.source
        sets = [self.layers(k) for k in reversed(spec.ks)][::-1]  # the longest first, so that too long a one is refused
        screen = self.screen()
        return {
            **{name: getattr(spec, name) for name in ("way", "order", "steps", "tokens_per_step", "mixed")},
            "L": source.L,
            "d": source.d,
            "context": spec.study.context,
            "n_fit": n_tokens(texts.fit),
            "n_distil": n_tokens(self.trainer.windows),
            "n_distil_documents": len({window.document for window in self.trainer.windows}),
            "distil_sha256": windows_sha256(WindowSet(self.trainer.windows, (), group="document")),
            "epochs": spec.steps * spec.tokens_per_step / n_tokens(self.trainer.windows),
            "n_choose": n_tokens(texts.choose),
            "n_evaluate": n_tokens(texts.evaluate),
            "n_documents": len({window.document for window in texts.evaluate}),
            "dense_perplexity": self.work.dense.perplexity,
            "screen_k": spec.screen_k,
            "screen_steps": spec.screen_steps,
            "screen_plain": self.screen_plain(),
            "screen": screen,
            "plain": {how: self.work.changed(how, sets) for how in HOWS},
            "questions": question_source(self.questions),
            "runs": tuple(self.run(k, seed, recipe) for k, seed, recipe in self.wanted(screen)),
        }

    @cached_property
    def _plan(self) -> tuple[tuple[int, ...], ...]:
        return self.work.plan(self.spec.order, STARTS[self.spec.way]).steps

    def layers(self, k: int) -> tuple[int, ...]:
        """The k blocks that are changed. Raises InputError where the study does not go so far."""
        known = self.work.ledger.get(f"layers {k}", lambda: self._plan[k - 1] if k <= len(self._plan) else ())
        if not known:
            raise InputError(
                f"{k} blocks are to be distilled, and the study follows {self.spec.order!r} for fewer: raise its count"
            )
        return tuple(int(layer) for layer in known)

    def wanted(self, screen: Sequence[Screened]) -> Iterator[tuple[int, int, Screened]]:
        """Blocks, seed and recipe of every run: by the best recipe, and once by the paper's where another is best."""
        best = best_of(screen)
        for k, seed in self.spec.runs:
            yield k, seed, best
        if best.error != "squared" and "squared" in self.spec.errors:
            seeds = [seed for k, seed in self.spec.runs if k == self.spec.screen_k]
            yield self.spec.screen_k, seeds[0], best_of(screen, "squared")

    def screen(self) -> tuple[Screened, ...]:
        """Every recipe tried for a few steps, and what it makes of the text for choices."""
        pairs = [(error, lr) for error in self.spec.errors for lr in self.spec.rates]
        return tuple(Screened(error=error, lr=lr, log_loss=self._tried(error, lr)) for error, lr in pairs)

    def _tried(self, error: str, lr: float) -> float:
        key = f"screen {error} {lr}"

        def try_it() -> list[float]:
            recipe = {"error": error, "lr": lr, "seed": self.spec.screen_seed, "steps": self.spec.screen_steps}
            try:
                with self.trainer.trained(key, self.layers(self.spec.screen_k), **recipe) as (loaded, _):
                    return [losses(loaded, self.work.texts.choose).mean]
            except Diverged:
                return [math.nan]

        return self.trainer.kept(key, try_it)[0]

    def screen_plain(self) -> float:
        """The log-loss on the text for choices before any training."""
        return self.work.ledger.get("screen", lambda: [self._plain_on_choose()])[0]

    def _plain_on_choose(self) -> float:
        model, layers = self.work.loaded.model, self.layers(self.spec.screen_k)
        with replaced(model, self.trainer.maps(layers)) if self.spec.way == "linear" else removed(model, layers):
            return losses(self.work.loaded, self.work.texts.choose).mean

    def run(self, k: int, seed: int, recipe: Screened) -> Distilled:
        """Train by a recipe and evaluate."""
        layers, key = self.layers(k), f"run {k} {seed} {recipe.error} {recipe.lr}"
        curve, nats, *hits = self._parted(
            self.trainer.kept(key, lambda: self._trained_and_evaluated(key, layers, seed, recipe))
        )
        found = replace(self.work.dense, nats=np.array(nats))
        return Distilled(
            k=k,
            seed=seed,
            error=recipe.error,
            lr=recipe.lr,
            losses=thinned(curve),
            changed=self._changed(layers, found),
            over={how: self._paired(found, self.work.losses_if(how, layers)) for how in HOWS},
            answered=answered(*hits) if self.questions else None,
            seconds=self.trainer.seconds(key),
        )

    def _trained_and_evaluated(self, key: str, layers: tuple[int, ...], seed: int, recipe: Screened) -> list[float]:
        """One row for the ledger: the loss of each step, of each window, and whether each answer is right, twice."""
        how = {"error": recipe.error, "lr": recipe.lr, "seed": seed, "steps": self.spec.steps}
        with self.trainer.trained(key, layers, **how) as (loaded, curve):
            row = [*curve, *losses(loaded, self.work.texts.evaluate).nats]
            if self.questions:
                asked = accuracy(loaded, self.questions)
                row += [*asked.hits, *asked.hits_norm]
        return row

    def _parted(self, row: list[float]) -> list[list[float]]:
        """Such a row in its parts."""
        sizes = [self.spec.steps, len(self.work.texts.evaluate), len(self.questions), len(self.questions)]
        ends = np.cumsum(sizes)
        return [row[end - size : end] for size, end in zip(sizes, ends, strict=True)]

    def _changed(self, layers: tuple[int, ...], found: WindowLosses) -> Changed:
        paired = self._paired(found, self.work.dense)
        return Changed(layers=layers, perplexity=found.perplexity, **dict(paired))

    def _paired(self, found: WindowLosses, other: WindowLosses) -> Paired:
        worse = compare(found, other, seed=self.spec.seed)
        return Paired(difference=worse.mean, interval=(worse.low, worse.high))


def answered(right: Sequence[float], right_norm: Sequence[float]) -> Answered:
    """Which questions were answered right, from what the ledger keeps of it."""
    return Answered(
        acc=float(np.mean(right)),
        acc_norm=float(np.mean(right_norm)),
        right=tuple(map(bool, right)),
        right_norm=tuple(map(bool, right_norm)),
    )


def question_source(questions: Sequence[Question]) -> QuestionSource | None:
    """What was asked; None where nothing was."""
    if not questions:
        return None
    return QuestionSource(id=WORDNET, sha256=questions_sha256(questions), n=len(questions), note=WORDNET_NOTE)
