"""Linearity through training (arXiv 2405.12250, Fig. 2 and section 4): what to train and look at, what came of it."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from .drift_looks import Asked, Documents, DriftLook, Probed, Sample
from .making import MEASURING
from .provenance import Provenance
from .records import Record
from .specs import Count
from .training import Curve, Finite, Kept, Positive, Reading, Recipe, TrainingRun
from .types import StoredRecord

Strength = Annotated[float, Field(allow_inf_nan=False)]


class FamilyArchitecture(Record):
    """A causal model of a family: L blocks of width d, h heads, texts of T tokens; d_ff None: the family's own.

    `family`: "llama", "gpt-neox", or one of our blocks ("sas", "pre-ln", …). Heads are tied, positions turn (RoPE).
    `std`: of all normal weights. None: 0.02 · √(768 / d), as in `Architecture`.
    """

    family: str = "llama"
    L: Count = 8
    d: Count = 64
    h: Count = 4
    T: Annotated[int, Field(ge=2)] = 128
    d_ff: Count | None = None
    std: Positive | None = None


class Cosine(Record):
    """λ Σ_l (1 − cos(h_l, h_{l+1})), mean over tokens: section 4's term that turns neighbours to one another."""

    kind: Literal["cosine"] = "cosine"
    strength: Strength


class Squared(Record):
    """λ Σ_l ‖h_{l+1} − h_l‖², mean over tokens: section 4's other term, which makes updates short ("MSE")."""

    kind: Literal["squared"] = "squared"
    strength: Strength


Regulariser = Annotated[Cosine | Squared, Field(discriminator="kind")]
"""h_0 is what enters the first block, h_L what leaves the last, before the final norm; `strength` is λ. The gradient
goes through both neighbours, and Σ is over all L blocks."""


class ProbeSpec(Record):
    """Which task is read out of each state: fitted on `n_train` of its examples, with the inverse penalty, one of
    `strengths`, that is right most often on `n_choose` others; reported on all of its test.

    A text is cut to the model's T tokens and stands there as the mean of its tokens' states.
    """

    task: str = "film-sentences"
    task_seed: int = 0
    n_train: Count = 3000
    n_choose: Count = 400
    strengths: Annotated[tuple[Finite, ...], Field(min_length=1)] = (0.001, 0.01, 0.1, 1.0)


class SampleSpec(Record):
    """Which beginnings the model goes on from by `n_new` tokens: once greedily, and `n_samples` times by chance."""

    prompts: Annotated[tuple[str, ...], Field(min_length=1)]
    n_new: Count = 96
    n_samples: Count = 8
    temperature: Positive = 0.8
    seed: int = 0


class QuestionSpec(Record):
    """Which questions the model answers at the end: `n_words` of WordNet; and, `n_endings` times at most, which of four
    endings is that of a passage of the evaluated text, the others being those of passages of other documents.
    """

    n_words: Annotated[int, Field(ge=0)] = 400
    n_endings: Annotated[int, Field(ge=0)] = 384
    seed: int = 0


class DriftSpec(Record):
    """One training, and what is looked at on the way. `seed` draws the weights, `order_seed` the order of the text.

    Looks: before the first step and after steps / 2^k of them, k = 0 … `halvings` - 1. Maps are fitted on the first
    `n_fit` tokens of the documents that rates are chosen on, and tried on the evaluated documents. `n_shape`: of these,
    the tokens behind anisotropy and dimension. Losses are averaged over every `every` steps.
    """

    architecture: FamilyArchitecture = FamilyArchitecture()
    reading: Reading = Reading()
    recipe: Recipe = Recipe()
    regulariser: Regulariser | None = None
    seed: int = 0
    order_seed: int = 0
    every: Count = 50
    halvings: Count = 9
    n_fit: Count = 16_384
    n_shape: Count = 2048
    probe: ProbeSpec | None = None
    samples: SampleSpec | None = None
    questions: QuestionSpec | None = None

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

    @property
    def strength(self) -> float:
        """λ; 0 where nothing is added to the loss."""
        return self.regulariser.strength if self.regulariser else 0.0


class DriftRun(StoredRecord):
    """One training looked at on its way.

    `losses`: mean plain loss since the stop before, nats a token; `terms`: the same of the regulariser's Σ_l, without
    λ, empty where there is none; `grad_norms`: of both together. `chosen_loss`: at the end, on the text for choices.
    `n_fit`: tokens behind a map, first ones left out; `scoring`: precision of the scores' sums. `majority`, `n_cut`: of
    the probes' test, what the commonest label gets right, and how many texts are longer than T; `task_sha256`: of
    the whole task. `stopped`: why training ended early, or nothing; `documents`, `chosen_loss` and `weights_sha256` are
    then those of the last good look.
    """

    recorded_as: ClassVar[str] = "drift"
    filename: ClassVar[str] = "drift.json"
    made_by: ClassVar[tuple[str, ...]] = (
        *(f"train/drift{name}.py" for name in ("", "_looking", "_probes", "_questions", "_samples")),
        *(f"train/{name}.py" for name in ("classify", "families", "meeting", "regularise")),
        "edit/continuations.py",
        *(f"evaluate/{name}.py" for name in ("choices", "head", "questions")),
        "measure/shape.py",
        *MEASURING,
        *TrainingRun.made_by,
    )

    spec: DriftSpec
    n_parameters: int
    vocabulary: int
    n_train: int
    n_dropped: int
    n_fit: int
    scoring: str
    epochs: Kept
    steps: tuple[int, ...]
    losses: Curve
    terms: Curve
    grad_norms: Curve
    seconds: Curve
    looks: tuple[DriftLook, ...]
    documents: Documents
    chosen_loss: Kept
    probed: tuple[Probed, ...]
    majority: Kept
    n_cut: int
    task_sha256: str
    samples: tuple[Sample, ...]
    asked: tuple[Asked, ...]
    stopped: str
    weights_sha256: str
    provenance: Provenance

    def to_json(self) -> str:
        """On one line: the numbers are many, and nobody reads them one by one."""
        return self.model_dump_json() + "\n"

    @model_validator(mode="after")
    def _fits_together(self):
        for name in ("losses", "grad_norms", "seconds", *(["terms"] if self.spec.regulariser else [])):
            if len(getattr(self, name)) != len(self.steps):
                raise ValueError(f"{name} needs one entry for each of the {len(self.steps)} stops")
        L = self.spec.architecture.L
        if any(len(look.cosine) != L or len(look.shape.mle) != L + 1 for look in self.looks):
            raise ValueError(f"every look needs one entry for each of the {L} blocks, and of their {L + 1} states")
        if any(len(one.right) != L + 1 for one in self.probed):
            raise ValueError(f"every probing needs one row for each of the {L + 1} states")
        return self

    @property
    def loss(self) -> float:
        """Held out, at the end: nats a token. NaN where training broke off."""
        return math.nan if self.stopped else self.looks[-1].loss

    @property
    def n_over_d(self) -> float:
        return self.n_fit / self.spec.architecture.d
