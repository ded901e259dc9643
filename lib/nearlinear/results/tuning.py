"""What finetuning does to linearity (arXiv 2405.12250, Table 1): which model, what it learns, how; what came of it."""

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from .answers import Ticks
from .drift import DriftSpec
from .making import MEASURING
from .provenance import CorpusSource, Provenance
from .records import Record
from .specs import Count, TokenWindows
from .training import Curve, Kept, Recipe, TrainingRun
from .tuning_looks import TuningLook
from .types import CurveRecord

Truth = Literal["true", "shuffled"]


class ByName(Record):
    """A model that `load_model` knows, measured on windows of a text."""

    kind: Literal["by-name"] = "by-name"
    name: str = "smollm2-135m"
    corpus: str = "wikipedia-sample"
    windows: TokenWindows = TokenWindows(context=512, n_tokens=18_432)


class TrainedHere(Record):
    """A model at the end of its training here, measured on the text that was held out of that."""

    kind: Literal["trained-here"] = "trained-here"
    spec: DriftSpec


class Labels(Record):
    """The labels of a task, from the state of a text's last token, by a new head.

    "shuffled": labels of the training part are dealt out anew, a control.
    """

    kind: Literal["labels"] = "labels"
    task: str = "film-sentences"
    task_seed: int = 0
    labels: Truth = "true"


class Preferences(Record):
    """Which of two texts is preferred: −log σ(r_c − r_r), the pair loss of a reward model.

    r_c, r_r: rewards of the chosen and of the rejected text, from the states of their last tokens under a new head.
    "shuffled": a coin says which is which, a control.
    """

    kind: Literal["preferences"] = "preferences"
    pairs: str = "wordnet-preferences"
    pairs_seed: int = 0
    labels: Truth = "true"


class Sentences(Record):
    """The next tokens of a task's texts, in the batches that `Labels` reads, and no label: a control."""

    kind: Literal["sentences"] = "sentences"
    task: str = "film-sentences"
    task_seed: int = 0


class MoreText(Record):
    """The next tokens of more text, in windows of T tokens: a control.

    A model trained here goes on with its own training text; another reads those documents of its corpus that are not
    measured.
    """

    kind: Literal["more-text"] = "more-text"


Learns = Annotated[Labels | Preferences | Sentences | MoreText, Field(discriminator="kind")]


class TuneSpec(Record):
    """One finetuning, and how far the model is linear before, on the way and after, on text that it is not taught.

    `rank`: of the low-rank adapters that are trained in place of the weights; None: every weight is trained. `seed`
    draws head, adapters and the order of the examples. Texts are cut to T tokens.

    Looks: before the first step and after steps / 2^k of them, k = 0 … `halvings` - 1. At each, `n_choose` examples of
    the part for choices are answered, and `n_test` of the test at the end. Losses are averaged over `every` steps.
    `scoring`: precision of the scores' sums, as in ProfileSpec.
    """

    model: Annotated[ByName | TrainedHere, Field(discriminator="kind")]
    learns: Learns
    rank: Count | None = None
    T: Annotated[int, Field(ge=2)] = 96
    recipe: Recipe
    seed: int = 0
    every: Count = 25
    halvings: Count = 4
    n_choose: Count = 400
    n_test: Count = 1000
    scoring: Literal["auto", "exact", "fast", "turbo"] = "auto"

    @property
    def looks(self) -> tuple[int, ...]:
        """After how many steps the model is looked at."""
        steps = self.recipe.steps
        return tuple(sorted({0, *(max(1, round(steps / 2**k)) for k in range(self.halvings))}))

    @property
    def stops(self) -> tuple[int, ...]:
        """After how many steps something is written down."""
        steps = self.recipe.steps
        return tuple(sorted({*self.looks, *range(self.every, steps, self.every), steps} - {0}))


class TuningRun(CurveRecord):
    """One finetuning, and the linearity of every block on its way.

    The provenance is of the model before it, and of the text that is measured; `taught`: what was learnt.
    `n_trained`: of `n_parameters`, head and adapters among them, those that are trained. `n_train`, `n_cut`: examples,
    pairs or windows, and how many texts of them are longer than T; `n_read`: tokens read in all steps, padding left
    out. `n_fit`: tokens behind a map, first ones left out; `scoring`: the precision that was taken. `right`: whether
    each test example is answered right at the end; nothing where there is nothing to answer, or training broke off.
    `groups`: sizes of the groups that they come in; `majority`: what the commonest label gets right. `stopped`: why
    training ended early, or nothing.
    """

    recorded_as: ClassVar[str] = "tuning"
    filename: ClassVar[str] = "tuning.json"
    made_by: ClassVar[tuple[str, ...]] = (
        "train/tuning*.py",
        *(
            f"train/{name}.py"
            for name in ("classify", "drift", "drift_looking", "families", "files", "kept", "meeting")
        ),
        *(f"evaluate/{name}.py" for name in ("preferences", "questions")),
        *MEASURING,
        *TrainingRun.made_by,
    )

    spec: TuneSpec
    taught: CorpusSource
    n_parameters: int
    n_trained: int
    n_train: int
    n_cut: int
    n_read: int
    n_fit: int
    scoring: str
    epochs: Kept
    steps: tuple[int, ...]
    losses: Curve
    grad_norms: Curve
    seconds: Curve
    looks: tuple[TuningLook, ...]
    right: Ticks
    groups: tuple[int, ...]
    majority: Kept
    stopped: str
    weights_sha256: str
    provenance: Provenance

    @model_validator(mode="after")
    def _fits_together(self):
        if not self.looks or self.looks[0].step != 0:
            raise ValueError("the first look is taken before the first step")
        L = self.provenance.model.L
        if any(look.L != L or len(look.documents.error2) != L for look in self.looks):
            raise ValueError(f"every look needs one entry for each of the {L} blocks")
        if sum(self.groups) != len(self.right):
            raise ValueError(f"the groups hold {sum(self.groups)} examples, and {len(self.right)} are answered")
        return self

    @property
    def before(self) -> TuningLook:
        return self.looks[0]

    @property
    def after(self) -> TuningLook:
        return self.looks[-1]

    @property
    def accuracy(self) -> float:
        """On the test, at the end. NaN where there is nothing to answer, or training broke off."""
        return float(np.mean(self.right)) if self.right else math.nan

    @property
    def chosen_accuracy(self) -> float:
        """On the part for choices, at the end. NaN as above."""
        return math.nan if self.stopped else self.after.accuracy

    @property
    def n_over_d(self) -> float:
        return self.n_fit / self.provenance.model.d
