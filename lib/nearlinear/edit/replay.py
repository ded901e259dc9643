"""Running a model from one of its blocks on: what comes before is computed once, kept, and handed on.

What is kept is one batch of states, never a text of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn

from nearlinear.inputs.windows import Batch
from nearlinear.measure.residual import residual_stream

from .edits import with_standins
from .standins import PassThrough


@dataclass(frozen=True)
class KeptStates:
    """The states before every block of a model, for one batch: L of them, (B, T, d) each."""

    states: tuple[Tensor, ...]
    as_tuple: bool

    @classmethod
    def of(cls, model: nn.Module, batch: Batch, *, as_tuple: bool) -> "KeptStates":
        """Run the backbone once, with whatever stands in its blocks now. The batch lies on the model's device.

        `as_tuple`: how the blocks answer, from `edits.blocks_as_tuple`.
        """
        states: list[Tensor] = []
        residual_stream(model, batch, lambda layer, x, y: states.append(x))
        return cls(tuple(states), as_tuple)


class Handing(nn.Module):
    """Stands in for a block and hands kept states (B, T, d) on, whatever comes in."""

    def __init__(self, states: Tensor, as_tuple: bool):
        super().__init__()
        self.states = states
        self.answer = PassThrough(as_tuple)

    def forward(self, *args, **kwargs):
        return self.answer(self.states)


@contextmanager
def replay(model: nn.Module, kept: KeptStates, layer: int) -> Iterator[nn.Module]:
    """Inside the `with`, the model runs its blocks from `layer` on, on the states kept before it, and no earlier one.

    True to the whole model only for the batch that the states are of, and as long as nothing before `layer` changes.
    Blocks from `layer` on may stand in for others: that is what it is for. The embedding still runs; it is cheap.
    """
    standins: dict[int, nn.Module] = {before: PassThrough(kept.as_tuple) for before in range(layer - 1)}
    if layer > 0:
        standins[layer - 1] = Handing(kept.states[layer], kept.as_tuple)
    with with_standins(model, standins):
        yield model
