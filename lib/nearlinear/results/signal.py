"""Results on signal propagation: how alike the tokens become with depth, and what reaches the first blocks' weights."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from nearlinear.errors import InputError

from .provenance import Provenance
from .records import Record
from .specs import Count
from .types import LongRecord

Stack = Literal[
    "attention", "attention-norm", "skipless", "attention-skip", "post-ln", "pre-ln", "parallel",
    "v-skipinit-value-skip", "v-skipinit", "sas", "sas-p", "sas-p-no-norm",
]  # fmt: skip
"""What a stack is made of: softmax attention alone, with norms, with norms and MLPs (`skipless`), with norms and skips;
then the paper's blocks. V-SkipInit is there in both forms: αI + βA ("value-skip"), and shaped."""

STACKS: tuple[Stack, ...] = get_args(Stack)
Mask = Literal["causal", "bidirectional"]
Tokens = Literal["random", "text"]
Matrix = Literal["query", "key", "value"]
MATRICES: tuple[Matrix, ...] = get_args(Matrix)


def _eight_digits(value: float | None) -> float:
    return math.nan if value is None else float(f"{value:.8g}")


Kept = Annotated[float, BeforeValidator(_eight_digits)]
"""A float that may be NaN, to eight digits: a study has tens of thousands of them, and nobody compares more closely."""


class Signal(Record):
    """Measures of the states of all tokens after `depth` blocks (0: as they enter), one entry a depth.

    `relative_residual`: ‖X − 1x̄ᵀ‖/‖X‖, Frobenius; `composite_residual`: the same in Dong et al.'s norm. `cosine`: mean
    over pairs of tokens. `stable_rank`: ‖X‖²/‖X‖₂². `diagonal`, `off_diagonal`: means of the kernel XXᵀ/d.
    """

    depth: tuple[int, ...]
    relative_residual: tuple[Kept, ...]
    composite_residual: tuple[Kept, ...]
    cosine: tuple[Kept, ...]
    stable_rank: tuple[Kept, ...]
    diagonal: tuple[Kept, ...]
    off_diagonal: tuple[Kept, ...]

    @model_validator(mode="after")
    def _one_entry_a_depth(self):
        for name in type(self).model_fields:
            if len(getattr(self, name)) != len(self.depth):
                raise ValueError(f"{name} needs one entry for each of the {len(self.depth)} depths")
        return self


class Gradients(Record):
    """‖∇W‖, Frobenius, of the query, key and value matrices of `block`s: NaN where a block has no such matrix."""

    block: tuple[int, ...]
    query: tuple[Kept, ...]
    key: tuple[Kept, ...]
    value: tuple[Kept, ...]

    @model_validator(mode="after")
    def _one_entry_a_block(self):
        for name in MATRICES:
            if len(getattr(self, name)) != len(self.block):
                raise ValueError(f"{name} needs one entry for each of the {len(self.block)} blocks")
        return self


class SignalSpec(Record):
    """Which stacks of L freshly drawn blocks to send which tokens through: a sequence of T for each seed.

    Weights are normal with standard deviation 1/√d, so that a matrix keeps the size of a state. Tokens are one of 256,
    at random or the bytes of an article each, as normal vectors with sinusoids added, made of root mean square 1.
    `gradients`: also those of a next-token loss.
    """

    stacks: Annotated[tuple[Stack, ...], Field(min_length=1)] = STACKS
    masks: Annotated[tuple[Mask, ...], Field(min_length=1)] = get_args(Mask)
    tokens: Annotated[tuple[Tokens, ...], Field(min_length=1)] = get_args(Tokens)
    L: Count = 72
    d: Count = 256
    h: Count = 4
    T: Annotated[int, Field(ge=2)] = 128
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0, 1, 2)
    corpus: str = "wikipedia-sample"
    gradients: bool = True
    dtype: Literal["float64"] = "float64"

    @property
    def seed(self) -> int:
        """The first."""
        return self.seeds[0]

    @property
    def depths(self) -> tuple[int, ...]:
        """After how many blocks the signal is kept: up to 18 after each, then after every sixth, and after the last."""
        return tuple(n for n in range(self.L + 1) if n <= 18 or n % 6 == 0 or n == self.L)

    @property
    def blocks(self) -> tuple[int, ...]:
        """The blocks whose gradients are kept: those that start at such a depth, and the last."""
        return tuple(sorted({n for n in self.depths if n < self.L} | {self.L - 1}))


class SignalRun(Record):
    """One stack, drawn once, at one sequence. `gradients`: None where the specification leaves them out.

    `from_identity`: max |M − I| over all blocks, where M (T × T, a head) is what acts on the values.
    """

    stack: Stack
    mask: Mask
    tokens: Tokens
    seed: int
    signal: Signal
    gradients: Gradients | None
    from_identity: Kept


class SignalStudy(LongRecord):
    """What stacks of L blocks do to T tokens of width d at initialisation: a run for each choice and each seed."""

    recorded_as: ClassVar[str] = "signal"
    filename: ClassVar[str] = "signal.json"
    made_by: ClassVar[tuple[str, ...]] = (
        "measure/signal.py",
        *(
            f"blocks/{name}.py"
            for name in (
                "attention", "blocks", "collapse", "config", "initial", "mixing", "parts", "positions", "simplified",
                "stacks", "visible",
            )
        ),
    )  # fmt: skip

    L: int
    d: int
    h: int
    T: int
    runs: tuple[SignalRun, ...]
    provenance: Provenance

    @model_validator(mode="after")
    def _each_once(self):
        keys = [(r.stack, r.mask, r.tokens, r.seed) for r in self.runs]
        if len(set(keys)) != len(keys):
            raise ValueError("a stack with one mask, one kind of tokens and one seed stands here twice")
        return self

    @property
    def stacks(self) -> tuple[Stack, ...]:
        return tuple(dict.fromkeys(run.stack for run in self.runs))

    @property
    def masks(self) -> tuple[Mask, ...]:
        return tuple(dict.fromkeys(run.mask for run in self.runs))

    @property
    def tokens(self) -> tuple[Tokens, ...]:
        return tuple(dict.fromkeys(run.tokens for run in self.runs))

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(run.seed for run in self.runs))

    @property
    def depths(self) -> tuple[int, ...]:
        return self.runs[0].signal.depth

    def of(self, stack: Stack, mask: Mask, tokens: Tokens) -> tuple[SignalRun, ...]:
        """The runs of one stack, one a seed. Raises KeyError where there is none."""
        found = tuple(r for r in self.runs if (r.stack, r.mask, r.tokens) == (stack, mask, tokens))
        if not found:
            raise KeyError(f"no run of {stack} with a {mask} mask and {tokens} tokens")
        return found

    def values(self, stack: Stack, mask: Mask, tokens: Tokens, measure: str) -> np.ndarray:
        """One measure of a Signal, (seeds, depths). Raises KeyError where there is no run."""
        return np.array([getattr(run.signal, measure) for run in self.of(stack, mask, tokens)])

    def norms(self, stack: Stack, mask: Mask, tokens: Tokens, matrix: Matrix) -> np.ndarray:
        """Norms of the gradients of one kind of matrix, (seeds, blocks). Raises KeyError where there is no run."""
        return np.array([getattr(run.gradients, matrix) for run in self.of(stack, mask, tokens)])


@dataclass(frozen=True)
class Look:
    """The tokens of one sequence that meet each block of a stack, and how the block mixes them; for a picture.

    `cosines` (L, k, k): of the first k tokens, as they enter block l. `attention` (L, k, k): the matrix that acts on
    their values there, mean over heads, as a share of the largest number in its row.
    """

    stack: Stack
    mask: Mask
    tokens: Tokens
    seed: int
    d: int
    T: int
    cosines: np.ndarray
    attention: np.ndarray
    signal: Signal

    @property
    def L(self) -> int:
        return len(self.cosines)


Size = Literal["quick", "cpu", "gpu"]

SIZES: dict[Size, SignalSpec] = {
    "quick": SignalSpec(L=8, d=32, T=32, seeds=(0, 1)),
    "cpu": SignalSpec(),
    "gpu": SignalSpec(L=200, d=768, h=12),
}


def collapse_spec(size: Size = "cpu") -> SignalSpec:
    """The long study: "quick" for tests, "cpu" as it is recorded, "gpu" deeper and wider. Raises InputError."""
    if size not in SIZES:
        raise InputError(f"no size {size!r}: choose one of {', '.join(SIZES)}")
    return SIZES[size]
