"""Training from scratch: what to train, on which text, by which recipe; and what came of it."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from .provenance import Provenance
from .records import Record
from .signal import Signal
from .specs import Count, Fraction
from .types import CurveRecord

Block = Literal["pre-ln", "post-ln", "parallel", "v-skipinit", "sas", "sas-p", "sas-p-no-norm", "skipless"]
Schedule = Literal["linear", "cosine"]
Precision = Literal["float32", "float64", "bf16", "fp16"]
Positive = Annotated[float, Field(gt=0)]
Finite = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1)]
Decay = Annotated[float, Field(ge=0, lt=1)]


def _six_digits(value: float | None) -> float:
    return math.nan if value is None else float(f"{value:.6g}")


Kept = Annotated[float, BeforeValidator(_six_digits)]
"""A float that may be NaN, to six digits: a curve has hundreds."""

Curve = tuple[Kept, ...]


class Architecture(Record):
    """A stack of L blocks of width d with h heads, for texts of T tokens; `d_ff`: 4 d if None.

    `variant`: a block that differs from `block` in one thing, for an ablation; empty for `block` itself.
    `std`: of all normal weights. None: 0.02 · √(768 / d), which gives a matrix the same gain at every width as the
    paper's 0.02 has at 768. `options`: more words of SimplifiedConfig, with their values.
    """

    block: Block = "sas-p"
    variant: str = ""
    L: Count = 10
    d: Count = 64
    h: Count = 4
    T: Annotated[int, Field(ge=2)] = 64
    d_ff: Count | None = None
    std: Positive | None = None
    options: tuple[tuple[str, bool | int | float | str], ...] = ()


class Reading(Record):
    """Which text, in which tokens ("bytes", or "bpe-8192" and the like, learnt from it), and what is held out of it.

    Two parts are held out by whole documents, the share `held_out` each: `choose` for rates, `evaluate` for what is
    reported, of which the first `n_evaluate` tokens are read. "masked" hides `mask_share` of the tokens of each window.
    """

    corpus: str = "python-stdlib"
    tokens: str = "bytes"
    task: Literal["causal", "masked"] = "causal"
    mask_share: Share = 0.25
    held_out: Fraction = 0.04
    n_evaluate: Count = 32_768
    seed: int = 0


class Recipe(Record):
    """AdamW for `steps` steps of `batch` windows, in as many `parts` a step as memory asks for.

    The rate rises over the first `warm_up` of the steps in a straight line, and then falls to nothing by `schedule`.
    `value_rate`: what the rate of value and projection matrices is multiplied by. `clip`: longest gradient.
    """

    steps: Count = 4000
    batch: Count = 16
    lr: Finite = 1e-3
    warm_up: Fraction = 0.05
    schedule: Schedule = "linear"
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    eps: Positive = 1e-8
    clip: Positive = 1.0
    parts: Count = 1
    precision: Precision = "float32"
    value_rate: Positive = 1.0


class TrainSpec(Record):
    """One training. `seed` draws the weights, `order_seed` the order of the text.

    Losses are averaged over every `every` steps. The model is looked at before the first step, after a half, a quarter,
    an eighth … of them, and at ten even places; and measured then on text that it never sees.
    """

    architecture: Architecture = Architecture()
    reading: Reading = Reading()
    recipe: Recipe = Recipe()
    seed: int = 0
    order_seed: int = 0
    every: Count = 50

    @property
    def looks(self) -> tuple[int, ...]:
        """After how many steps the model is looked at."""
        steps = self.recipe.steps
        powers: list[int] = []
        while steps // 2 ** len(powers) >= 4:
            powers.append(round(steps / 2 ** len(powers)))
        return tuple(sorted({0, *powers, *(round(steps * k / 10) for k in range(1, 11))}))

    @property
    def stops(self) -> tuple[int, ...]:
        """After how many steps something is written down."""
        steps = self.recipe.steps
        return tuple(sorted({*self.looks, *range(self.every, steps, self.every), steps} - {0}))


class VariantSpec(TrainSpec):
    """One training of a variant, which is none of our blocks, or of a masked model: it hangs on more files of code."""


class Look(Record):
    """The model after `step` steps: `loss`, held out, in nats a token.

    `gains`: for each kind of gain one number a block, the mean over heads; `spread`: the standard deviation over heads.
    `moved`: for value and projection, ‖β ΔW‖ / ‖α W_init‖ (Frobenius), one a block; NaN where the block has no such
    matrix.
    """

    step: int
    loss: Kept
    gains: dict[str, Curve]
    spread: dict[str, Curve]
    moved: dict[str, Curve]


class TrainingRun(CurveRecord):
    """One training: its curve, one entry a stop, and looks at the model on the way.

    `losses`: mean training loss since the stop before, nats a token; `grad_norms`: the same of the gradient before
    clipping; `seconds`: of training alone, up to there. `chosen_loss`: at the end, on the text for choices.
    `document_losses`: at the end, the mean of each evaluated document, and `document_tokens` what they weigh.
    `stopped`: why the training ended early, in a sentence; empty where it did not.
    """

    recorded_as: ClassVar[str] = "run"
    filename: ClassVar[str] = "run.json"
    made_by: ClassVar[tuple[str, ...]] = (
        *(f"train/{name}.py" for name in ("batches", "looking", "loop", "losses", "models", "texts", "tokens")),
        *(
            f"blocks/{name}.py"
            for name in (
                "attention", "backbone", "blocks", "config", "context", "decay", "initial", "kernels", "mixing",
                "model", "parts", "positions", "simplified", "visible",
            )
        ),
    )  # fmt: skip

    spec: TrainSpec
    n_parameters: int
    vocabulary: int
    n_train: int
    n_dropped: int
    epochs: Kept
    steps: tuple[int, ...]
    losses: Curve
    grad_norms: Curve
    seconds: Curve
    looks: tuple[Look, ...]
    chosen_loss: Kept
    document_losses: Curve
    document_tokens: tuple[int, ...]
    before: Signal
    after: Signal
    stopped: str
    weights_sha256: str
    provenance: Provenance

    @model_validator(mode="after")
    def _one_entry_a_document(self):
        if len(self.document_losses) != len(self.document_tokens):
            raise ValueError("every evaluated document needs a loss and a number of tokens")
        return self

    @property
    def loss(self) -> float:
        """Held out, at the end: nats a token. NaN where training broke off."""
        return math.nan if self.stopped else self.looks[-1].loss

    @property
    def held_out(self) -> tuple[tuple[int, ...], Curve]:
        """(steps, losses) of the looks."""
        return tuple(look.step for look in self.looks), tuple(look.loss for look in self.looks)

    def gain(self, name: str) -> list[Curve]:
        """One kind of gain at every look, (looks, L). Raises KeyError where the block has none."""
        return [look.gains[name] for look in self.looks]


class VariantRun(TrainingRun):
    """One training of a variant, or of a masked model."""

    recorded_as: ClassVar[str] = "variant"
    filename: ClassVar[str] = "variant.json"
    made_by: ClassVar[tuple[str, ...]] = (*TrainingRun.made_by, "train/hiding.py", "train/variants.py")

    spec: VariantSpec
