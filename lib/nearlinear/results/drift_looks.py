"""What is seen of a model on its way: linearity, size of updates, the cloud of states, and what is read out of them."""

from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, PlainSerializer

from .records import Record
from .training import Curve, Kept

Table = tuple[Curve, ...]
"""One row a block."""


def _unpacked(value: object) -> object:
    if not isinstance(value, str):
        return value
    n, _, digits = value.partition(":")
    return tuple(map(bool, np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8), count=int(n))))


def _packed(ticks: tuple[bool, ...]) -> str:
    return f"{len(ticks)}:{np.packbits(ticks).tobytes().hex()}"


PackedTicks = Annotated[tuple[bool, ...], BeforeValidator(_unpacked), PlainSerializer(_packed, return_type=str)]
"""Whether each example was answered right; in JSON their number, and eight to a byte: every state has thousands."""


class Halves(Record):
    """Both halves of (1 − s_Δ) ‖Δ‖² = (1 − s) ‖Y‖², one entry a block: mean squared lengths of held-out tokens.

    `error2`: ‖E‖², what the map of the fit leaves; `update2`, `state2`: Δ and Y about the means of the fit.
    The scores are made of these, so that the two sides agree to the last digit.
    """

    error2: Curve
    update2: Curve
    state2: Curve

    @property
    def scores(self) -> np.ndarray:
        """s = 1 − ‖E‖² / ‖Y‖², held out, (L,)."""
        return 1 - np.divide(self.error2, self.state2)

    @property
    def update_scores(self) -> np.ndarray:
        """s_Δ = 1 − ‖E‖² / ‖Δ‖², held out, (L,)."""
        return 1 - np.divide(self.error2, self.update2)

    @property
    def unexplained(self) -> np.ndarray:
        """‖E‖² / ‖Y‖²: how much of the new state no affine map gives, (L,)."""
        return np.divide(self.error2, self.state2)

    @property
    def size(self) -> np.ndarray:
        """‖Δ‖² / ‖Y‖²: how large the update is, (L,)."""
        return np.divide(self.update2, self.state2)


class InSample(Record):
    """Both scores as the paper takes them, (L,): of all tokens of fit and test together, first ones among them, by maps
    that were fitted on the very same tokens."""

    scores: Curve
    update_scores: Curve


class Shape(Record):
    """The cloud of states, L + 1 of them, h_0 first; first tokens are left out.

    `anisotropy`: share of the variance along its longest axis. `two_nn`, `mle`: intrinsic dimension, NaN where too few
    points differ; `distinct`: how many do.
    """

    anisotropy: Curve
    two_nn: Curve
    mle: Curve
    distinct: tuple[int, ...]


class DriftLook(Record):
    """The model after `step` steps. `loss`: held out, nats a token; of the plain loss, without any term.

    `every_token`, `no_first_token`: with each window's first token in fit and test, and without it; `in_sample`: not
    held out. Means over tokens, block by block: `norm_ratio`, of |Δ_t| / |y_t|, and `cosine`, of cos(x_t, y_t), over
    those of fit and test, neither of which is trained on; `norm_ratio_no_first`, of the ratio over those of the test
    but first ones; `step2`, of |Δ_t|², over those of the test. `cosine` and `step2` are what the terms are made of.
    """

    step: int
    loss: Kept
    every_token: Halves
    no_first_token: Halves
    in_sample: InSample
    norm_ratio: Curve
    norm_ratio_no_first: Curve
    cosine: Curve
    step2: Curve
    shape: Shape

    @property
    def cosine_term(self) -> float:
        """Σ_l (1 − cos(h_l, h_{l+1})), held out."""
        return float(np.subtract(1, self.cosine).sum())

    @property
    def squared_term(self) -> float:
        """Σ_l ‖h_{l+1} − h_l‖², held out."""
        return float(np.sum(self.step2))


class Documents(Record):
    """The last look document by document, first tokens left out: what intervals are drawn from.

    `tokens`: of each document; `error2`, `update2`, `state2`: (L, documents), means over its tokens, as in Halves.
    `losses`: mean loss of each, over its `windows`.
    """

    tokens: tuple[int, ...]
    windows: tuple[int, ...]
    losses: Curve
    error2: Table
    update2: Table
    state2: Table


class Probed(Record):
    """What a linear probe reads out of each of the L + 1 states after `step` steps.

    `strengths`: the inverse penalty that each probe chose; `right`: for each state, of each test example.
    """

    step: int
    strengths: Curve
    right: tuple[PackedTicks, ...]

    @property
    def accuracy(self) -> np.ndarray:
        """(L + 1,)"""
        return np.mean(self.right, axis=1)


class Asked(Record):
    """How questions with four answers each were answered at the end, with no example before them, one entry a question.

    `kind`: "words", which word has a definition of WordNet's; "endings", which ending is that of a passage. `right`: is
    the likeliest answer the right one? `right_norm`: the likeliest by its length in bytes. `n_long`: questions that
    were left out, being longer than the model's T tokens; `questions_sha256`: of those that were asked.
    """

    kind: Literal["words", "endings"]
    right: PackedTicks
    right_norm: PackedTicks
    n_long: int
    questions_sha256: str

    @property
    def accuracy(self) -> float:
        """By log-likelihood, as lm-eval's acc; a quarter by chance."""
        return float(np.mean(self.right))

    @property
    def accuracy_norm(self) -> float:
        """By log-likelihood a byte, as lm-eval's acc_norm."""
        return float(np.mean(self.right_norm))


class Sample(Record):
    """What follows a prompt: the likeliest token again and again, and drawn by chance."""

    prompt: str
    greedy: str
    drawn: tuple[str, ...]
