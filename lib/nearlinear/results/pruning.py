"""Results of pruning: what a model loses when some of its blocks are changed, in one order or another."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from .making import MEASURING
from .provenance import Provenance
from .records import Interval, Number, PerBlock, Record
from .specs import Count
from .types import StoredRecord

How = Literal["remove", "replace"]


EDITING = ("angles", "edits", "fitting", "greedy", "orders", "replay", "runs", "standins", "study", "texts")
"""The modules of `edit` that these numbers come from."""


class PruningSpec(Record):
    """Which blocks of which model to change, in which orders, and on which texts to fit, choose and evaluate.

    All texts are windows of `context` tokens of one corpus, and no document serves two ends: `n_fit` tokens for the
    maps, `n_choose` for the ridge, the measured orders and the greedy search, `n_evaluate` for what is reported.
    `single`: change every block alone as well. `orders` are followed until `count` blocks are changed, those also in
    `to_the_end` until one block is left, and the greedy one, which has to be searched for, until `greedy` blocks are.
    """

    model: str
    corpus: str = "wikipedia-sample"
    context: Annotated[int, Field(ge=2)] = 256
    n_fit: Count = 32_768
    n_choose: Count = 4_096
    n_evaluate: Count = 4_096
    single: bool = True
    orders: tuple[str, ...] = ("score", "bi", "last")
    count: Count = 15
    greedy: Count = 12
    to_the_end: tuple[str, ...] = ()
    precision: Literal["auto", "exact", "fast", "turbo"] = "auto"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    seed: int = 0


class Changed(Record):
    """A model with `layers` changed: its perplexity, and how much its mean log-loss differs from the dense model's.

    `difference` is in nats a token, positive where it is worse; `interval`: 95 %, paired bootstrap over documents.
    """

    layers: tuple[int, ...]
    perplexity: Number
    difference: Number
    interval: Interval


class PruningCurve(Record):
    """One order followed step by step: `steps[k - 1]` has k blocks changed."""

    order: str
    how: How
    steps: tuple[Changed, ...]

    @model_validator(mode="after")
    def _one_more_each_step(self):
        wrong = [k for k, step in enumerate(self.steps, 1) if len(step.layers) != k]
        if wrong:
            raise ValueError(f"step {wrong[0]} of {self.order} changes {len(self.steps[wrong[0] - 1].layers)} blocks")
        return self


class Measure(Record):
    """What an order goes by: one number a block; the block with the least goes first."""

    order: str
    values: PerBlock


class PruningStudy(StoredRecord):
    """What each order of pruning costs one model.

    `single`: every block changed alone, by `remove` and by `replace`, one entry a block: the damage that a measure
    should predict (empty where the specification leaves it out). `curves`: every order, both ways. `ridge`: the λ
    chosen for each block's map.
    """

    recorded_as: ClassVar[str] = "pruning"
    filename: ClassVar[str] = "pruning.json"
    made_by: ClassVar[tuple[str, ...]] = (
        *MEASURING,
        *(f"edit/{name}.py" for name in EDITING),
        "evaluate/head.py",
        "evaluate/perplexity.py",
    )

    L: int
    d: int
    context: int
    n_fit: int
    n_choose: int
    n_evaluate: int
    n_documents: int
    dense_perplexity: Number
    ridge: PerBlock
    measures: tuple[Measure, ...]
    single: dict[How, tuple[Changed, ...]]
    curves: tuple[PruningCurve, ...]
    provenance: Provenance

    @model_validator(mode="after")
    def _one_entry_a_block(self):
        lengths = {name: len(changed) for name, changed in self.single.items() if changed}
        lengths |= {m.order: len(m.values) for m in self.measures} | {"ridge": len(self.ridge)}
        if wrong := [name for name, length in lengths.items() if length != self.L]:
            raise ValueError(f"{wrong[0]} needs one entry for each of the {self.L} blocks")
        return self

    def curve(self, order: str, how: How) -> PruningCurve:
        """The curve of an order. Raises KeyError where it was not followed."""
        for curve in self.curves:
            if (curve.order, curve.how) == (order, how):
                return curve
        raise KeyError(f"no curve of order {order!r} by {how!r}")

    def measure(self, order: str) -> PerBlock:
        """The measure of an order. Raises KeyError where it has none."""
        return {m.order: m.values for m in self.measures}[order]
