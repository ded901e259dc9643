"""What trainings cost before anybody has run them: operations by the formulas of `counting`, and hours by a speed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from .counting import training
from .sizes import Sizes
from .training import TrainSpec
from .training_specs import SIZES

Study = Callable[[str], Mapping[str, TrainSpec]]
"""From the name of a size to its trainings."""

SPEED = 8e12
"""Operations a second that we suppose of a free Colab GPU in half precision: an eighth of what its data sheet says."""


@dataclass(frozen=True)
class Cost:
    """Of `n` trainings: tokens read, and operations of their matrix products."""

    n: int
    tokens: int
    operations: float

    @property
    def hours(self) -> float:
        """At SPEED."""
        return self.operations / SPEED / 3600


def cost(specs: Iterable[TrainSpec]) -> Cost:
    """What these trainings cost together. Looks on the way, and the optimiser, are left out."""
    each = [(tokens(spec), a_token(spec)) for spec in specs]
    return Cost(len(each), sum(n for n, _ in each), sum(n * operations for n, operations in each))


def costs(*studies: Study) -> dict[str, Cost]:
    """Size → what all trainings of these studies cost at that size."""
    return {size: cost(spec for of in studies for spec in of(size).values()) for size in SIZES}


def tokens(spec: TrainSpec) -> int:
    return spec.recipe.steps * spec.recipe.batch * spec.architecture.T


def a_token(spec: TrainSpec) -> float:
    """Operations of a training step, a token."""
    shape, reading = spec.architecture, spec.reading
    sizes = Sizes(
        L=shape.L,
        d=shape.d,
        h=shape.h,
        V=256 if reading.tokens == "bytes" else int(reading.tokens.rpartition("-")[2]),
        f=shape.d_ff,
        P=shape.T,
        causal=reading.task == "causal",
        share=1.0 if reading.task == "causal" else reading.mask_share,
    )
    return training(shape.block, sizes, shape.T)
