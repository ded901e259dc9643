"""What is seen of a model that is being finetuned: held-out linearity, sizes of updates, and what it has learnt."""

import math

from .drift_looks import Halves, InSample, Table
from .records import Record
from .training import Curve, Kept


class DocumentSums(Record):
    """A look document by document, first tokens left out: what intervals are drawn from.

    `tokens`: of each document; `error2`, `update2`, `state2`: (L, documents), means over its tokens, as in Halves.
    """

    tokens: tuple[int, ...]
    error2: Table
    update2: Table
    state2: Table


class TuningLook(Record):
    """The model after `step` steps. `loss`: nats a token of the measured text, fit and test, with the model's own head.

    `every_token`, `no_first_token`: held out, with each window's first token in fit and test, and without it.
    `in_sample`: as the paper has it. Means over tokens: `norm_ratio`, of |Δ_t| / |y_t|, and `cosine`, of cos(x_t, y_t),
    of fit and test; `norm_ratio_no_first`, of those of the test but first ones. `accuracy` and `task_loss`, nats an
    example: of what is learnt, on its part for choices; NaN before the first step, when nothing has been learnt, and
    where there is nothing to answer.
    """

    step: int
    loss: Kept
    every_token: Halves
    no_first_token: Halves
    in_sample: InSample
    norm_ratio: Curve
    norm_ratio_no_first: Curve
    cosine: Curve
    documents: DocumentSums
    accuracy: Kept = math.nan
    task_loss: Kept = math.nan

    @property
    def L(self) -> int:
        return len(self.cosine)
