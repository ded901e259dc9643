"""The greedy order: at each step change the block whose change costs the least loss on a calibration text.

The rule is SLEB's (arXiv 2402.09025, algorithm 1). Its loop runs the whole model for every candidate. But what comes
before a candidate is the same as in the model without it, so here its states are computed once a step, and each
candidate runs from its own place on: half the blocks on average, and the head.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from nearlinear.errors import InputError
from nearlinear.evaluate.perplexity import losses
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.models import blocks
from nearlinear.inputs.windows import Window, WindowSet, batches, check_context
from nearlinear.progress import track

from .edits import blocks_as_tuple, with_standins
from .orders import check_count
from .replay import KeptStates, replay


@dataclass(frozen=True)
class Step:
    """One step of the search: the block it chose, and each candidate's mean loss (nats a token) had it been chosen."""

    layer: int
    losses: dict[int, float]


def greedy(
    loaded: LoadedModel,
    windows: Sequence[Window],
    k: int,
    *,
    standin: Callable[[int], nn.Module],
    on_step: Callable[[Step], None] | None = None,
    batch_tokens: int = 2048,
) -> tuple[int, ...]:
    """The first k blocks to change, in order. `standin(l)` makes what stands in block l's place; called once a block.

    Every block is a candidate: SLEB's own code spares the first and the last, here the loss decides.
    `on_step` hears of each step as it is done. `orders.nested("greedy", …)` makes a plan of the answer.
    Raises InputError where k is not in 1 … L-1, the windows have no next token or are too long, or every loss is NaN;
    UnsupportedModel for a model without a head.
    """
    L = len(blocks(loaded.model))
    check_count(k, L)
    _check_windows(windows, loaded.context)
    left = {layer: standin(layer) for layer in range(L)}
    changed: dict[int, nn.Module] = {}
    for _ in track(range(k), "greedy", k, unit=" blocks"):
        step = _step(losses_if_changed(loaded, windows, changed, left, batch_tokens=batch_tokens))
        changed[step.layer] = left.pop(step.layer)
        if on_step is not None:
            on_step(step)
    return tuple(changed)


def losses_if_changed(
    loaded: LoadedModel,
    windows: Sequence[Window],
    changed: Mapping[int, nn.Module],
    candidates: Mapping[int, nn.Module],
    *,
    batch_tokens: int = 2048,
) -> dict[int, float]:
    """Mean log-loss, in nats a token, of the model with `changed` and one more of the candidates, for each of them.

    One batch at a time, so what is kept does not grow with the text.
    """
    model, device = loaded.model, next(loaded.model.parameters()).device
    nats, tokens, as_tuple = dict.fromkeys(candidates, 0.0), 0, blocks_as_tuple(model)
    with with_standins(model, changed):
        for batch in batches(windows, batch_tokens=batch_tokens, device=device):
            kept = KeptStates.of(model, batch, as_tuple=as_tuple)
            group = [windows[i] for i in batch.window.tolist()]  # by themselves, they make this same batch again
            for layer, standin in candidates.items():
                with with_standins(model, {layer: standin}), replay(model, kept, layer):
                    found = losses(loaded, group, batch_tokens=batch_tokens)
                nats[layer] += float(found.nats.sum())
            tokens += int(found.tokens.sum())
    return {layer: total / tokens for layer, total in nats.items()}


def _step(losses: dict[int, float]) -> Step:
    """The candidate with the least loss, the shallowest of equals; NaN never wins. Raises InputError for NaN alone."""
    known = {layer: loss for layer, loss in losses.items() if not math.isnan(loss)}
    if not known:
        raise InputError("the calibration loss is NaN whichever block is changed: look at the model's activations")
    return Step(min(known, key=lambda layer: (known[layer], layer)), losses)


def _check_windows(windows: Sequence[Window], context: int) -> None:
    check_context(WindowSet(fit=tuple(windows), test=(), group="document"), context)
    if not any(len(window.input_ids) > 1 for window in windows):
        raise InputError("no window has a next token to predict: give windows of at least two tokens")
