"""A look at a model on the way: its loss on text it never sees, its gains, and how far its matrices have moved."""

import math
from collections import defaultdict

import numpy as np
import torch
from torch import Tensor, nn

from nearlinear.blocks.parts import FirstValue, Gain, Reparametrised
from nearlinear.inputs.models import blocks
from nearlinear.results.training import Look, Reading

from .losses import window_losses
from .texts import Part


@torch.no_grad()
def look_at(model: nn.Module, step: int, part: Part, reading: Reading) -> Look:
    """What stands of a model after `step` steps; `part`: the text to evaluate on."""
    gains = gains_of(model)
    return Look(
        step=step,
        loss=float(window_losses(model, part, reading).mean()),
        gains={name: tuple(each.mean().item() for each in rows) for name, rows in gains.items()},
        spread={name: tuple(_spread(each) for each in rows) for name, rows in gains.items() if rows[0].numel() > 1},
        moved=moved_of(model),
    )


def gains_of(model: nn.Module) -> dict[str, list[Tensor]]:
    """For each kind of trained gain, such as "attn.alpha", its numbers (1 or h,) in every block."""
    found = defaultdict(list)
    for block in blocks(model):
        for name, module in block.named_modules():
            if isinstance(module, Gain) and isinstance(module.bias_free, nn.Parameter):
                found[name].append(module.bias_free.detach().double())
    return dict(found)


def moved_of(model: nn.Module) -> dict[str, tuple[float, ...]]:
    """For value and projection ‖β ΔW‖ / ‖α W_init‖, one a block; NaN where a block has no such matrix."""
    L, found = len(blocks(model)), {}
    for layer, block in enumerate(blocks(model)):
        for name, module in block.named_modules():
            if isinstance(module, Reparametrised | FirstValue):
                found.setdefault(name, [math.nan] * L)[layer] = _moved(module)
    return {name: tuple(row) for name, row in found.items()}


def _moved(part: Reparametrised | FirstValue) -> float:
    if isinstance(part, FirstValue):
        return (part.delta.weight.norm() / len(part.delta.weight) ** 0.5).item()  # ‖I‖ = √d
    return (part.beta(part.delta.weight).norm() / part.alpha(part.initial).norm()).item()


def _spread(each: Tensor) -> float:
    return each.std(correction=0).item()


def by_document(losses: np.ndarray, part: Part) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """(mean loss, tokens) of every document of a part, from the losses of its windows."""
    documents = part.documents.numpy()
    T = part.windows.shape[1]
    rows = [losses[documents == document] for document in np.unique(documents)]
    return tuple(float(row.mean()) for row in rows), tuple(len(row) * T for row in rows)
