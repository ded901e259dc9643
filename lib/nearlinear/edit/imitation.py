"""How far a changed model's states are from those of the model it came from, at the places where it was changed."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nearlinear.inputs.models import backbone, blocks
from nearlinear.inputs.windows import Batch
from nearlinear.measure.residual import watching

from .edits import with_standins
from .replay import Handing
from .standins import PassThrough

Error = Callable[[Tensor, Tensor], Tensor]
"""The errors (B, T) of states towards those wanted, both (B, T, d) float32."""


def squared_error(got: Tensor, wanted: Tensor) -> Tensor:
    """Of each token the mean over its d numbers of the squared error: what the paper minimises."""
    return (got - wanted).square().mean(2)


def relative_error(got: Tensor, wanted: Tensor) -> Tensor:
    """The same as a share of the wanted state's own mean square.

    Every block looks at a state through a norm, so an error counts for what it is beside the state. And a massive
    token, a thousand times longer than the others, no longer outweighs them all.
    """
    return squared_error(got, wanted) / wanted.square().mean(2).clamp_min(1e-30)  # padding may be all zeros


@dataclass(frozen=True)
class Imitation:
    """A student, which is a model with stand-ins in some blocks, and the dense teacher whose states it should have.

    Both may be one model: the teacher runs with the edit off. Then nothing is held twice, and blocks before `start`,
    which are the same in both, are run once; with a student whose own weights move, `start` is 0.
    Blocks behind the last of the `places` (slots whose output is compared) are not run at all.

    In mixed precision both run in bfloat16, so that their roundings cancel. Of SmolLM2 without four blocks, the
    gradient of the squared error then points as in float32 (cosine 0.999); beside a teacher in float32 it does not
    (0.945). Maps are never rounded themselves, so for them less cancels (0.984): massive states drown the rest. The
    relative error loses nothing either way (0.9998 and more).
    """

    teacher: nn.Module
    student: nn.Module
    standins: Mapping[int, nn.Module]
    places: Collection[int]
    start: int
    as_tuple: bool
    error: Error = squared_error

    def loss(self, batch: Batch) -> Tensor:
        """The mean over real tokens of their error, summed over the places; a float32 scalar with a gradient."""
        with torch.no_grad():
            wanted, entering = self._states(self.teacher, self._unused(), batch)
        got, _ = self._states(self.student, self._unused() | self._known(entering) | dict(self.standins), batch)
        errors = sum(self.error(got[place].float(), wanted[place].float()) for place in self.places)  # (B, T)
        return (errors * batch.attention_mask).sum() / batch.attention_mask.sum()

    def _states(self, model: nn.Module, standins: Mapping[int, nn.Module], batch: Batch):
        """The states behind each of the places, and those that enter block `start`."""
        after, entering = {}, []

        def on_block(layer: int, x: Tensor, y: Tensor) -> None:
            if layer == self.start:
                entering.append(x)
            if layer in self.places:
                after[layer] = y

        with with_standins(model, standins), watching(model, on_block):
            backbone(model)(input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False)
        return after, entering[0]

    def _unused(self) -> dict[int, nn.Module]:
        behind = range(max(self.places) + 1, len(blocks(self.teacher)))
        return {layer: PassThrough(self.as_tuple) for layer in behind}

    def _known(self, entering: Tensor) -> dict[int, nn.Module]:
        """What stands in for the blocks before `start`, and hands the teacher's state on."""
        known: dict[int, nn.Module] = {layer: PassThrough(self.as_tuple) for layer in range(self.start - 1)}
        if self.start > 0:
            known[self.start - 1] = Handing(entering, self.as_tuple)
        return known
