"""The moments of one block, from a pass that ends there: no later block is run, and no other block is summed."""

from collections.abc import Sequence

from torch import Tensor

from nearlinear.errors import NotEnoughTokens
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.models import blocks
from nearlinear.inputs.windows import Window
from nearlinear.measure.moments import Moments
from nearlinear.measure.precision import choose
from nearlinear.measure.profile import Runner
from nearlinear.measure.stream_sums import Rows

from .edits import blocks_as_tuple, check_layers, with_standins
from .runs import StartSums
from .standins import PassThrough


def one_block_moments(
    loaded: LoadedModel,
    windows: Sequence[Window],
    layer: int,
    *,
    precision: str = "auto",
    batch_tokens: int = 2048,
) -> Moments:
    """`run_moments(…)[range(layer, layer + 1)]` of the model as it stands, for the price of the blocks up to that one.

    Raises InputError for a block that is not there or a precision the device cannot do, NotEnoughTokens for no windows.
    """
    if not windows:
        raise NotEnoughTokens("there are no windows to take moments of: give some text")
    model = loaded.model
    check_layers([layer], len(blocks(model)))
    as_tuple, way = blocks_as_tuple(model), choose(precision, next(model.parameters()).device)
    behind = {later: PassThrough(as_tuple) for later in range(layer + 1, len(blocks(model)))}
    sums = _OneBlock(layer, way)
    with with_standins(model, behind):
        Runner(loaded, way, None, batch_tokens).run(windows, sums.on_batch, sums.on_block, f"block {layer}")
    return sums.sums.moments(1)


class _OneBlock:
    """Listens to a pass, and sums one block's states."""

    def __init__(self, layer: int, precision):
        self.layer, self.precision = layer, precision
        self.rows: Rows | None = None
        self.sums: StartSums | None = None

    def on_batch(self, _batch, rows: Rows) -> None:
        self.rows = rows

    def on_block(self, layer: int, x: Tensor, y: Tensor) -> None:
        if layer != self.layer:
            return
        states = [x.flatten(0, -2), y.flatten(0, -2)]  # (B·T, d) each
        self.sums = self.sums or StartSums(states, self.rows, self.precision)
        self.sums.add(states, self.rows)
