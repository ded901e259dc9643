"""Results of pruning that looks again: the model is measured anew, and maps fitted anew, after each changed block."""

from typing import ClassVar

import numpy as np
from pydantic import model_validator

from .provenance import Provenance
from .pruning import Changed, How, PruningSpec, PruningStudy
from .records import Number, PerBlock, Record
from .specs import Count
from .types import StoredRecord


class AgainSpec(Record):
    """The texts, model and seed of a `study`, and which of its orders to follow with a new look after each step.

    `orders` measure the model that is left and change the block that is then the least, by each of `ways`, until
    `count` blocks are changed. `fixed` orders go by the one look at the dense model, as in the study, but their maps
    are fitted on the model as it is by then. A look is a pass over `n_look` tokens of the text for fitting, and
    `n_look_held_out` of the text for choices; maps are fitted on all of it.
    """

    study: PruningSpec
    orders: tuple[str, ...] = ("score", "heldout", "energy")
    fixed: tuple[str, ...] = ("score",)
    ways: tuple[How, ...] = ("remove", "replace")
    count: Count = 12
    n_look: Count = 4096
    n_look_held_out: Count = 2048

    @property
    def seed(self) -> int:
        return self.study.seed


class Agreement(Record):
    """One measure of the dense model's blocks, from the few tokens of a look and from all that the study looks at.

    In sample, what a map leaves unexplained comes out too small by about the factor 1 - d/n, for all blocks alike. So
    few tokens may give an order long before they give a level; whether they do is read here.
    """

    order: str
    few: PerBlock
    all: PerBlock

    @property
    def rank_correlation(self) -> float:
        """Spearman's, over blocks; equal blocks rank from the shallowest on, as in the orders."""
        few, every = (np.argsort(order) for order in self._orders())
        return float(np.corrcoef(few, every)[0, 1])

    def same_first(self, k: int) -> int:
        """How many blocks are among the first k of both orders."""
        few, every = (set(order[:k].tolist()) for order in self._orders())
        return len(few & every)

    def _orders(self) -> tuple[np.ndarray, np.ndarray]:
        few, every = (np.argsort(np.array(values), kind="stable") for values in (self.few, self.all))
        return few, every


class AgainCurve(Record):
    """One order followed step by step. `chosen`: the blocks as they came; `steps[k - 1]` has the first k changed.

    `looked_again`: each block was chosen by a new look at the model as the steps before had left it; else all by one
    look at the dense model. `refitted`: so was each map fitted. Removal has no maps.
    """

    order: str
    how: How
    looked_again: bool
    refitted: bool
    chosen: tuple[int, ...]
    steps: tuple[Changed, ...]

    @model_validator(mode="after")
    def _one_more_each_step(self):
        for k, step in enumerate(self.steps, 1):
            if step.layers != tuple(sorted(self.chosen[:k])):
                raise ValueError(f"step {k} of {self.order} changes blocks other than the first {k} chosen")
        if len(self.steps) != len(self.chosen):
            raise ValueError(f"{self.order} chose {len(self.chosen)} blocks and has {len(self.steps)} steps")
        return self


class AgainStudy(StoredRecord):
    """What pruning costs where the model is looked at again after each step.

    `curves`: every looked-at order, in each way, and every fixed order by maps fitted anew. The tokens of a look, as
    far as whole windows give them: `n_look` and `n_look_held_out`. `agreements`: one for each looked-at order.
    """

    recorded_as: ClassVar[str] = "again"
    filename: ClassVar[str] = "again.json"
    made_by: ClassVar[tuple[str, ...]] = (
        *PruningStudy.made_by,
        "edit/one_block.py",
        "edit/rescore.py",
        "edit/again*.py",
    )

    L: int
    d: int
    context: int
    n_fit: int
    n_choose: int
    n_evaluate: int
    n_documents: int
    n_look: int
    n_look_held_out: int
    dense_perplexity: Number
    agreements: tuple[Agreement, ...]
    curves: tuple[AgainCurve, ...]
    provenance: Provenance

    @model_validator(mode="after")
    def _one_number_a_block(self):
        lengths = {a.order: {len(a.few), len(a.all)} for a in self.agreements}
        if wrong := [order for order, length in lengths.items() if length != {self.L}]:
            raise ValueError(f"the looks of {wrong[0]} need one number for each of the {self.L} blocks")
        return self

    def curve(self, order: str, how: How, *, looked_again: bool = True) -> AgainCurve:
        """The curve of an order. Raises KeyError where it was not followed."""
        for curve in self.curves:
            if (curve.order, curve.how, curve.looked_again) == (order, how, looked_again):
                return curve
        raise KeyError(f"no curve of order {order!r} by {how!r}, {'looked at again' if looked_again else 'fixed'}")

    def agreement(self, order: str) -> Agreement:
        """Whether few tokens give the order that all of them do. Raises KeyError for an order not looked at again."""
        return {a.order: a for a in self.agreements}[order]
