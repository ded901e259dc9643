"""Where the two papers meet: how linear, how easily pruned and where they attend, of models trained here."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from .provenance import Provenance
from .pruning import How, PruningStudy
from .records import Record
from .specs import Count
from .training import Block, Curve, Kept, TrainingRun, TrainSpec
from .types import LongRecord

KeptInterval = tuple[Kept, Kept]
"""Lower and upper end of a 95 % interval, to six digits."""


class MeetingSpec(Record):
    """Which trainings to look into, and on how much of their held-out text.

    Each model is looked at before its first step and after steps / 2^k of them, k = 0 … `halvings` - 1. Maps are fitted
    on `n_fit` tokens of the documents that rates are chosen on, pruned blocks are chosen on `n_choose` of others of
    them, and everything is reported on `n_test` tokens of the evaluated documents; attention on the first `n_attend` of
    these. `orders` are followed until `count` blocks are changed.
    """

    runs: Annotated[tuple[TrainSpec, ...], Field(min_length=1)]
    halvings: Count = 8
    n_fit: Count = 16_384
    n_choose: Count = 8_192
    n_test: Count = 16_384
    n_attend: Count = 8_192
    orders: tuple[str, ...] = ("greedy", "score", "last")
    count: Count = 5
    seed: int = 0

    @model_validator(mode="after")
    def _same_text(self):
        if len({(run.reading, run.architecture.T, run.architecture.L) for run in self.runs}) != 1:
            raise ValueError("all trainings of one meeting need the same text, windows and number of blocks")
        return self

    def steps(self, run: TrainSpec) -> tuple[int, ...]:
        """After how many steps of a training its model is looked at."""
        steps = run.recipe.steps
        wanted = {0, *(round(steps / 2**k) for k in range(self.halvings))}
        return tuple(step for step in run.looks if step in wanted)


class Attention(Record):
    """Where a model attends and how long its states are, one number a block; means over windows.

    A: the softmax matrix; M: what acts on the values, αI + βA − γC where the block has one, else A itself. Attention is
    that of the later half of each window, so that each token of the earlier half is asked by equally many.
    `first_mass`: of A, the mean weight on the first token; `top_first_mass`: by the head with most. `sink_mass`: of A,
    on the token of the earlier half that gets most, whichever it is; `sink_first`: how often that is the first alone;
    `sink_place`: which one it is on average, counted from 0 (of even attention this says nothing).
    `first_share`, `own_share`: of M, |weight| on the first token and on a token itself, as a share of the row's.
    `first_value`, `first_length`: the length of the first token's value, and of its state after the block, next to the
    window's median. `first_longest`: how often no state is longer. `peak`: the largest coordinate of any state, next to
    the window's median one; `peak_first`: how often it is one of the first token's.
    """

    first_mass: Curve
    top_first_mass: Curve
    sink_mass: Curve
    sink_first: Curve
    sink_place: Curve
    first_share: Curve
    own_share: Curve
    first_value: Curve
    first_length: Curve
    first_longest: Curve
    peak: Curve
    peak_first: Curve


class Stage(Record):
    """A model after `step` steps. `loss`: nats a token, on all text of this study, of which it has seen none.

    `scores` (with the residual, s), `update_scores` (without, s_Δ): held out, each window's first token left out of fit
    and test. `…_all`: with it. `even_…`: the same without it, as a mean over coordinates, so that a few huge ones count
    no more than others. `top_share`: of the variance of y, that of its largest coordinate. `norm_ratio`: mean over
    tokens of |Δ_t| / |y_t|.
    """

    step: int
    loss: Kept
    scores: Curve
    update_scores: Curve
    scores_all: Curve
    update_scores_all: Curve
    even_scores: Curve
    even_update_scores: Curve
    top_share: Curve
    norm_ratio: Curve
    attention: Attention


class Final(Record):
    """More of a model at the end of its training; one entry a block.

    `…_intervals`: of the last stage's held-out scores, 95 % over documents. `…_no_massive`: held out, without tokens
    whose state is over 10 times longer than the median's, of which there are `massive_tokens` in fit and test together.
    `…_in_sample`: all tokens, fitted and scored alike, as arXiv 2405.12250 does. `cosine`: mean of cos(x_t, y_t).
    """

    score_intervals: tuple[KeptInterval, ...]
    update_score_intervals: tuple[KeptInterval, ...]
    scores_no_massive: Curve
    update_scores_no_massive: Curve
    massive_tokens: tuple[int, ...]
    scores_in_sample: Curve
    update_scores_in_sample: Curve
    cosine: Curve


class Cost(Record):
    """How much the mean log-loss rises, in nats a token, when `layers` are changed; 95 % interval over documents."""

    layers: tuple[int, ...]
    difference: Kept
    interval: KeptInterval


class PrunedOrder(Record):
    """An order followed: `steps[k - 1]` has k blocks changed."""

    order: str
    how: How
    steps: tuple[Cost, ...]


class MeetingRun(Record):
    """One training looked into. `loss`: at the end, on the text that pruning is reported on, nats a token.

    `alone`: every block changed by itself, by `remove` and by `replace`, one entry a block.
    """

    block: Block
    seed: int
    n_parameters: int
    stages: tuple[Stage, ...]
    final: Final
    loss: Kept
    alone: dict[How, tuple[Cost, ...]]
    orders: tuple[PrunedOrder, ...]

    @property
    def steps(self) -> tuple[int, ...]:
        return tuple(stage.step for stage in self.stages)

    def order(self, order: str, how: How) -> PrunedOrder:
        """An order by its name. Raises KeyError where it was not followed."""
        for one in self.orders:
            if (one.order, one.how) == (order, how):
                return one
        raise KeyError(f"no order {order!r} by {how!r}")


class MeetingStudy(LongRecord):
    """What the first paper's instruments say about the second paper's blocks: one entry a training.

    `n_fit`, `n_test`: tokens behind a map, first tokens left out, and tokens it is tried on; `n_documents` of these.
    """

    recorded_as: ClassVar[str] = "meeting"
    filename: ClassVar[str] = "meeting.json"
    made_by: ClassVar[tuple[str, ...]] = (
        *(f"train/{name}.py" for name in ("meeting", "meeting_attention", "meeting_even", "meeting_pruning")),
        *PruningStudy.made_by,
        *TrainingRun.made_by,
    )

    L: int
    d: int
    T: int
    n_fit: int
    n_choose: int
    n_test: int
    n_attend: int
    n_documents: int
    runs: tuple[MeetingRun, ...]
    provenance: Provenance

    @model_validator(mode="after")
    def _each_once(self):
        keys = [(run.block, run.seed) for run in self.runs]
        if len(set(keys)) != len(keys):
            raise ValueError("a block with one seed stands here twice")
        if wrong := [run.block for run in self.runs if len(run.final.cosine) != self.L]:
            raise ValueError(f"{wrong[0]} needs one entry for each of the {self.L} blocks")
        return self

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(dict.fromkeys(run.block for run in self.runs))

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(run.seed for run in self.runs))

    @property
    def n_over_d(self) -> float:
        return self.n_fit / self.d

    @property
    def even_mass(self) -> float:
        """What `first_mass` is where every token attends alike to all that it sees, as C does."""
        return float(np.mean([1 / (i + 1) for i in range(self.T // 2, self.T)]))

    def of(self, block: str) -> tuple[MeetingRun, ...]:
        """The trainings of one kind of block, one a seed. Raises KeyError where there is none."""
        found = tuple(run for run in self.runs if run.block == block)
        if not found:
            raise KeyError(f"no training of {block!r}")
        return found

    def values(self, block: str, measure: str, *, at: int = -1) -> np.ndarray:
        """A measure of a Stage, or of its attention, (seeds, L), at one of the stages: the last by default."""
        return np.array([_measure(run.stages[at], measure) for run in self.of(block)])

    def through(self, block: str, measure: str) -> np.ndarray:
        """The same at every stage, (seeds, stages, L); (seeds, stages) of the loss."""
        return np.array([[_measure(stage, measure) for stage in run.stages] for run in self.of(block)])


def _measure(stage: Stage, name: str) -> Curve | float:
    return getattr(stage.attention if name in Attention.model_fields else stage, name)


def joined(studies: Iterable[MeetingStudy], provenance: Provenance) -> MeetingStudy:
    """One study of all their trainings."""
    first, *others = studies
    runs = sum((other.runs for other in others), first.runs)
    return first.model_copy(update={"runs": runs, "provenance": provenance})
