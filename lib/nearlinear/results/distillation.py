"""Results of distillation: what training gives back of what a pruned model has lost."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from nearlinear.errors import InputError

from .answers import Answered, QuestionSource
from .provenance import Provenance
from .pruning import Changed, How, PruningSpec, PruningStudy
from .records import Interval, Number, Record
from .specs import Count
from .types import StoredRecord

Way = Literal["linear", "all"]
"""Whether the maps of a replaced model are trained, or all weights of a model with blocks removed."""

ErrorName = Literal["squared", "relative"]
Rate = Annotated[float, Field(gt=0)]

STARTS: dict[Way, How] = {"linear": "replace", "all": "remove"}
"""The plain edit that each way of distilling starts from."""

TRAINING = ("checkpoint", "distil", "distil_runs", "distil_study", "distil_texts", "imitation", "ledger", "training")
"""The modules of `edit` that these numbers come from, beside those of a PruningStudy."""

CURVE = 100
"""At most so many numbers of a training curve are kept."""


class DistilSpec(Record):
    """Which pruned models of a study to distil, how long, and what to try before.

    `study`: model, texts and windows, the same as those of its PruningStudy. The blocks changed are the first k of
    `order`, for every (k, seed) in `runs`. Error and learning rate are chosen on the study's text for choices: each of
    `errors` with each of `rates`, for `screen_steps` steps at `screen_k` blocks, by `screen_seed`. Where the relative
    error wins, the paper's squared error is run too, at its own best rate, once: at `screen_k` blocks, by the first
    seed. `n_questions`: WordNet questions to ask each distilled model.
    """

    study: PruningSpec
    way: Way
    rates: Annotated[tuple[Rate, ...], Field(min_length=1)]
    errors: Annotated[tuple[ErrorName, ...], Field(min_length=1)] = ("squared", "relative")
    order: str = "score"
    runs: Annotated[tuple[tuple[Count, int], ...], Field(min_length=1)] = ((2, 0), (4, 0), (4, 1), (4, 2), (8, 0))
    steps: Count = 100
    tokens_per_step: Count = 1024
    mixed: Literal["bfloat16", "none"] = "bfloat16"
    screen_steps: Count = 30
    screen_k: Count = 4
    screen_seed: int = 100
    n_questions: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _each_once(self):
        if len(set(self.runs)) < len(self.runs):
            raise ValueError("a run is named twice: name each (k, seed) once")
        if self.screen_k not in {k for k, _ in self.runs}:
            raise ValueError(f"the screen is at {self.screen_k} blocks, and no run is: choose one of the runs' numbers")
        return self

    @property
    def seed(self) -> int:
        return self.study.seed

    @property
    def ks(self) -> tuple[int, ...]:
        """Every number of changed blocks, once, in order."""
        return tuple(sorted({k for k, _ in self.runs}))


def thinned(curve: Sequence[float], most: int = CURVE) -> tuple[float, ...]:
    """A curve as it is, or means over at most so many stretches of it that are as equal as may be."""
    return tuple(float(part.mean()) for part in np.array_split(curve, min(most, len(curve))))


class Screened(Record):
    """A recipe tried: the log-loss (nats a token) on the text for choices after it; NaN where training diverged."""

    error: ErrorName
    lr: float
    log_loss: Number


class Paired(Record):
    """Log-loss of one model less that of another on the same windows, in nats a token: negative where it is better.

    `interval`: 95 %, paired bootstrap over documents.
    """

    difference: Number
    interval: Interval


class Distilled(Record):
    """One run: its recipe, its training, and what came of it on the text that is reported.

    `losses`: of the steps or, of a long run, means over equal stretches of them. `changed`: against the dense model.
    `over`: against the plain edits of the same blocks. `answered`: None where nothing was asked. `seconds`: of
    training.
    """

    k: int
    seed: int
    error: ErrorName
    lr: float
    losses: tuple[Number, ...]
    changed: Changed
    over: dict[How, Paired]
    answered: Answered | None
    seconds: Number

    @model_validator(mode="after")
    def _fits(self):
        if len(self.changed.layers) != self.k:
            raise ValueError(f"a run of {self.k} blocks changes {len(self.changed.layers)}")
        if len(self.losses) > CURVE:
            raise ValueError(f"a training curve has {len(self.losses)} numbers: keep {CURVE} at most")
        return self


class DistilStudy(StoredRecord):
    """What distillation gives back, in one of its two ways.

    `n_distil` tokens of `n_distil_documents` documents are there to train on, and no window of them is read for
    anything else; a run passes over `epochs` of them. `plain`: both plain edits, for every number of blocks. `screen`:
    every recipe tried, beside `screen_plain`, the log-loss that they all started from. `runs`: by the best recipe, and
    once by the paper's error, where another one won.
    """

    recorded_as: ClassVar[str] = "distillation"
    filename: ClassVar[str] = "distillation.json"
    made_by: ClassVar[tuple[str, ...]] = (
        *PruningStudy.made_by,
        *(f"edit/{name}.py" for name in TRAINING),
        "evaluate/choices.py",
        "evaluate/questions.py",
    )

    way: Way
    order: str
    L: int
    d: int
    context: int
    steps: int
    tokens_per_step: int
    mixed: str
    n_fit: int
    n_distil: int
    n_distil_documents: int
    distil_sha256: str
    epochs: float
    n_choose: int
    n_evaluate: int
    n_documents: int
    dense_perplexity: Number
    screen_k: int
    screen_steps: int
    screen_plain: Number
    screen: tuple[Screened, ...]
    plain: dict[How, tuple[Changed, ...]]
    questions: QuestionSource | None
    runs: tuple[Distilled, ...]
    provenance: Provenance

    @model_validator(mode="after")
    def _beside_both_plain_edits(self):
        for how in ("remove", "replace"):
            there = [changed.layers for changed in self.plain.get(how, ())]
            if any(len(a) >= len(b) for a, b in pairwise(there)):
                raise ValueError("the plain edits do not go from few blocks to many")
            if missing := [run.changed.layers for run in self.runs if run.changed.layers not in there]:
                raise ValueError(f"no plain edit by {how} of blocks {', '.join(map(str, missing[0]))}")
        return self

    @property
    def best(self) -> Screened:
        """The recipe with the least log-loss on the text for choices. Raises InputError where all diverged."""
        return best_of(self.screen)

    @property
    def main(self) -> tuple[Distilled, ...]:
        """The runs by the best recipe."""
        return tuple(run for run in self.runs if run.error == self.best.error)

    @property
    def by_paper(self) -> tuple[Distilled, ...]:
        """The runs by the squared error, which the paper minimises."""
        return tuple(run for run in self.runs if run.error == "squared")


def best_of(screen: Sequence[Screened], error: ErrorName | None = None) -> Screened:
    """The first of those with the least log-loss, of one error or of all. Raises InputError where each diverged."""
    tried = [s for s in screen if error in (None, s.error) and s.log_loss == s.log_loss]
    if not tried:
        raise InputError("training diverged at every learning rate: choose smaller ones")
    return min(tried, key=lambda s: s.log_loss)
