"""Where a model's numbers break: said before anything is fitted to them."""

from collections.abc import Sequence

import numpy as np
import torch

from nearlinear.errors import InputError
from nearlinear.evaluate.perplexity import WindowLosses
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.windows import Window, batches
from nearlinear.measure.residual import residual_stream


def check_finite(loaded: LoadedModel, windows: Sequence[Window], found: WindowLosses) -> None:
    """Raise InputError where a loss that was `found` on these windows is no number, naming the block that broke."""
    if np.isfinite(found.mean):
        return
    broken = [window for window, nats in zip(windows, found.nats, strict=True) if not np.isfinite(nats)]
    block = first_broken_block(loaded, broken[0]) if broken else None
    if block is None:
        raise InputError(f"the log-loss of {loaded.source.id} on this text is no number: look at its head")
    raise InputError(
        f"the model's activations break: block {block} of {loaded.source.id} is the first with NaN or infinite states, "
        "and no block can be chosen or fitted; try --dtype float32"
    )


def first_broken_block(loaded: LoadedModel, window: Window) -> int | None:
    """The first block whose states of a window are NaN or infinite; None where none are."""
    (batch,) = batches([window], device=next(loaded.model.parameters()).device)
    broken: list[int] = []

    def on_block(layer: int, _x: torch.Tensor, y: torch.Tensor) -> None:
        if not y.isfinite().all():
            broken.append(layer)

    residual_stream(loaded.model, batch, on_block)
    return min(broken, default=None)
