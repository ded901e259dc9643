"""Finetuning on a labelled task: which model, which task, by which recipe; and what came of it."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from .answers import Ticks
from .provenance import Provenance
from .records import Interval, Record
from .specs import Count
from .training import Curve, Kept, Recipe, TrainSpec, VariantRun, VariantSpec
from .types import CurveRecord

RESAMPLES = 2000


def _of_its_kind(model: TrainSpec) -> TrainSpec:
    """Masked models and variants are specified as VariantSpec, which JSON alone does not say."""
    variant = model.architecture.variant or model.reading.task == "masked"
    return VariantSpec.model_validate(model.model_dump()) if variant else model


class FinetuneSpec(Record):
    """One finetuning of a model trained here.

    `pretrained`: after how many steps it is taken; None: after all; 0: before the first, so that it learns from the
    task alone. `seed` draws its new head, and the order of the examples.

    Texts are cut to T tokens. "shuffled" labels: those of the training part are dealt out anew, as a control.
    Losses are averaged over every `every` steps, and the model is looked at, at `n_looks` even places.
    """

    model: Annotated[TrainSpec, AfterValidator(_of_its_kind)]
    pretrained: Annotated[int, Field(ge=0)] | None = None
    task: str = "film-sentences"
    task_seed: int = 0
    labels: Literal["true", "shuffled"] = "true"
    T: Annotated[int, Field(ge=2)] = 96
    recipe: Recipe
    seed: int = 0
    every: Count = 25
    n_looks: Count = 2

    @property
    def looks(self) -> tuple[int, ...]:
        """After how many steps the model is looked at, before the first among them."""
        steps = self.recipe.steps
        return tuple(sorted({0, *(round(steps * k / self.n_looks) for k in range(1, self.n_looks + 1))}))

    @property
    def stops(self) -> tuple[int, ...]:
        """After how many steps something is written down."""
        steps = self.recipe.steps
        return tuple(sorted({*self.looks, *range(self.every, steps, self.every), steps} - {0}))

    @property
    def start(self) -> Literal["pretrained", "scratch"]:
        return "scratch" if self.pretrained == 0 else "pretrained"


class FinetuneLook(Record):
    """The model after `step` steps, on the part of the task that rates are chosen on: accuracy, and nats an example."""

    step: int
    accuracy: Kept
    loss: Kept


class Broken(Record):
    """In step `step`, counted from 1, the losses of `texts` of its `batch` texts were no number, for the first time."""

    step: int
    texts: int
    batch: int


class FinetuneRun(CurveRecord):
    """One finetuning: its curve, one entry a stop, looks on the way, and which test examples it gets right at the end.

    `n_cut`: test texts longer than T. `majority`: what the commonest label gets right. `train_accuracy`: at the end, on
    the labels that were learnt, so far as they are looked at. `right`: of each test example; nothing where training
    broke off. `groups`: sizes of the groups that the test examples come in, in their order. `test_broken`: of the test
    examples, those whose answer is no number. `stopped`: why training ended early, in a sentence, or nothing; what is
    said of the model is then said of the last stop before.
    """

    recorded_as: ClassVar[str] = "finetuning"
    filename: ClassVar[str] = "finetuning.json"
    made_by: ClassVar[tuple[str, ...]] = (
        *(f"train/{name}.py" for name in ("classify", "finetune", "kept")),
        *VariantRun.made_by,
    )

    spec: FinetuneSpec
    labels: tuple[str, ...]
    n_parameters: int
    n_train: int
    n_choose: int
    n_test: int
    n_cut: int
    majority: float
    epochs: Kept
    steps: tuple[int, ...]
    losses: Curve
    grad_norms: Curve
    seconds: Curve
    looks: tuple[FinetuneLook, ...]
    train_accuracy: Kept
    right: Ticks
    groups: tuple[int, ...]
    test_broken: int
    broken: Broken | None
    stopped: str
    weights_sha256: str
    provenance: Provenance

    @model_validator(mode="after")
    def _fits_together(self):
        if len(self.right) != (0 if self.stopped else self.n_test):
            raise ValueError(f"there are {self.n_test} test examples, and {len(self.right)} answers to them")
        if sum(self.groups) != self.n_test:
            raise ValueError(f"the groups hold {sum(self.groups)} examples, and there are {self.n_test}")
        return self

    @property
    def accuracy(self) -> float:
        """On the test, at the end. NaN where training broke off."""
        return math.nan if self.stopped else sum(self.right) / self.n_test

    @property
    def chosen_accuracy(self) -> float:
        """At the end, on the part for choices. NaN where training broke off."""
        return math.nan if self.stopped else self.looks[-1].accuracy

    @property
    def interval(self) -> Interval:
        """95 %, over groups of test examples."""
        return accuracy_of([self]).interval


class Accuracy(Record):
    """A mean over runs of the same task. `interval`: 95 %, over groups of test examples, the runs taken as they are.

    `spread`: standard deviation over runs; NaN for one. `n_runs`: those that ended; `n_broken`: those that broke off,
    which the mean leaves out.
    """

    mean: Kept
    interval: tuple[Kept, Kept]
    spread: Kept
    n_runs: int
    n_broken: int


def accuracy_of(runs: Sequence[FinetuneRun], *, seed: int = 0) -> Accuracy:
    """How often the runs are right on the test. Raises ValueError where they are not of one task."""
    same_test(runs)
    ended = [run for run in runs if not run.stopped]
    n_broken = len(runs) - len(ended)
    if not ended:
        return Accuracy(mean=math.nan, interval=(math.nan,) * 2, spread=math.nan, n_runs=0, n_broken=n_broken)
    return _mean(np.array([run.right for run in ended], float), ended[0].groups, n_broken, seed)


def difference(runs: Sequence[FinetuneRun], others: Sequence[FinetuneRun], *, seed: int = 0) -> Accuracy:
    """How much more often `runs` are right than `others`, pair by pair, on the same test examples.

    A pair in which one broke off is left out. Raises ValueError where tests or numbers of runs differ.
    """
    same_test([*runs, *others])
    pairs = [pair for pair in zip(runs, others, strict=True) if not any(run.stopped for run in pair)]
    n_broken = len(runs) - len(pairs)
    if not pairs:
        return Accuracy(mean=math.nan, interval=(math.nan,) * 2, spread=math.nan, n_runs=0, n_broken=n_broken)
    values = np.array([np.subtract(one.right, other.right, dtype=float) for one, other in pairs])
    return _mean(values, runs[0].groups, n_broken, seed)


def same_test(runs: Sequence[FinetuneRun]) -> None:
    """Raises ValueError where runs answered different test examples."""
    if len({(run.spec.task, run.spec.task_seed, run.provenance.corpus.sha256) for run in runs}) != 1:
        raise ValueError("only runs of one task can be put together, at the same seed of the task")


def _mean(values: np.ndarray, groups: Sequence[int], n_broken: int, seed: int) -> Accuracy:
    """Of values (runs, examples)."""
    starts = np.cumsum([0, *groups[:-1]])
    sums, sizes = np.add.reduceat(values.mean(0), starts), np.array(groups, float)  # (groups,)
    counts = _resampled(len(groups), seed)
    low, high = np.percentile(counts @ sums / (counts @ sizes), [2.5, 97.5])
    each = values.mean(1)
    return Accuracy(
        mean=each.mean(),
        interval=(low, high),
        spread=each.std(ddof=1) if len(each) > 1 else math.nan,
        n_runs=len(each),
        n_broken=n_broken,
    )


@lru_cache(maxsize=4)
def _resampled(G: int, seed: int) -> np.ndarray:
    """How often each of G groups is drawn, (resamples, groups); remembered, because every run of a task asks for it."""
    counts = np.random.default_rng(seed).multinomial(G, np.full(G, 1 / G), size=RESAMPLES)
    return counts.astype(float)
