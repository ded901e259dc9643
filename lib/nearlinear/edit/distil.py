"""Distillation: a pruned model learns the states of the model it came from (arXiv 2405.12250, section 5).

The error is layer-wise and squared: behind each changed block, the *pruned* model's state towards the dense model's.
On the dense model's inputs least squares is already the best that a map can do. On the pruned model's, which drift with
every block that is changed, it is not, and an earlier map may learn to help a later one.

The dense states come from the same model with the edit off where only maps are trained, so nothing is held twice, and
from the caller's own model where a copy of it is trained. Dropout stays off.
"""

import copy
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.models import backbone, blocks, unembed
from nearlinear.inputs.twin import state_sha256
from nearlinear.inputs.windows import Window
from nearlinear.measure.linearity import AffineMap

from .checkpoint import Checkpoint
from .edits import Runs, blocks_as_tuple, check_layers, check_runs, with_standins
from .imitation import Error, Imitation, squared_error
from .standins import AffineBlock, PassThrough
from .training import Mixed, OnStep, Recipe, frozen, mixed_for, settings_of, train


class TrainableAffine(AffineBlock):
    """An affine block that never computes in half precision, mixed precision or not.

    Its product cancels against its intercept, most of all where one number of a state is massive: bf16 would leave
    an error the size of the update. Beside a whole block it costs next to nothing.
    """

    def forward(self, hidden_states: Tensor, *args, **kwargs) -> Tensor | tuple[Tensor]:
        with torch.autocast(hidden_states.device.type, enabled=False):
            return super().forward(hidden_states, *args, **kwargs)


@dataclass(frozen=True)
class DistilledMaps:
    """The maps after distillation, by run as `replaced` takes them, and the loss of each step."""

    maps: dict[range, AffineMap]
    losses: tuple[float, ...]


@dataclass(frozen=True)
class TrainedModel:
    """A trained copy of a model, all its slots filled as they were, and the loss of each step.

    It was trained with an edit on, so look at it with the same edit on: `removed(trained.loaded.model, layers)`.
    """

    loaded: LoadedModel
    losses: tuple[float, ...]


def distil_linear(
    loaded: LoadedModel,
    maps: Runs,
    windows: Sequence[Window],
    *,
    steps: int,
    tokens_per_step: int = 1024,
    lr: float = 1e-4,
    seed: int = 0,
    error: Error = squared_error,
    mixed: Mixed | None = None,
    checkpoint: Path | None = None,
    on_step: OnStep | None = None,
) -> DistilledMaps:
    """The maps that stand for runs of blocks, trained from where they are ("distill (linear)"); the model is not.

    `mixed`: precision of the blocks' products; None: bfloat16 on CUDA, none elsewhere. The maps' own stay in float32.
    An interrupted run that kept a `checkpoint` goes on from it, to the same numbers.
    Raises InputError as `replaced` does, and for a checkpoint of another run; NearlinearError where the loss is NaN.
    """
    model, recipe = loaded.model, Recipe(steps, tokens_per_step, lr, seed, mixed or mixed_for(loaded.model))
    runs, as_tuple = check_runs(maps, len(blocks(model))), blocks_as_tuple(model)
    _check_some(runs)
    affine = {run: _trainable(m, model, as_tuple) for run, m in runs.items()}
    standins = {layer: PassThrough(as_tuple) for run in runs for layer in run}
    standins |= {run.start: block for run, block in affine.items()}
    places = tuple(run.stop - 1 for run in runs)
    imitation = Imitation(model, model, standins, places, start=min(standins), as_tuple=as_tuple, error=error)
    weights = {f"{run.start} {name}": w for run, block in affine.items() for name, w in block.named_parameters()}
    with frozen(model):
        file = _checkpoint(checkpoint, imitation, recipe, windows)
        losses = train(weights, imitation.loss, windows, recipe, what="distil maps", checkpoint=file, on_step=on_step)
    return DistilledMaps({run: block.map() for run, block in affine.items()}, losses)


def distil_all(
    loaded: LoadedModel,
    layers: Iterable[int],
    windows: Sequence[Window],
    *,
    steps: int,
    tokens_per_step: int = 1024,
    lr: float = 1e-4,
    seed: int = 0,
    error: Error = squared_error,
    mixed: Mixed | None = None,
    checkpoint: Path | None = None,
    on_step: OnStep | None = None,
) -> TrainedModel:
    """A copy of the model, trained without these blocks ("layer removing + distill (all)"); the model is not.

    States behind each removed block, and behind the last block of all, are drawn to the model's own. All weights that
    these hang on are trained, in float32: all but the final norm, the head, and embeddings that are tied to the head,
    since the states do not show what a change would do there. Precision, checkpoints and errors are as in
    `distil_linear`.
    """
    model, recipe = loaded.model, Recipe(steps, tokens_per_step, lr, seed, mixed or mixed_for(loaded.model))
    layers, as_tuple = check_layers(layers, len(blocks(model))), blocks_as_tuple(model)
    _check_some(layers)
    student = float32_copy(model)
    standins = {layer: PassThrough(as_tuple) for layer in layers}
    places = tuple(sorted({*layers, len(blocks(model)) - 1}))
    imitation = Imitation(model, student, standins, places, start=0, as_tuple=as_tuple, error=error)
    weights = _seen_by_states(student, standins)
    with frozen(student):
        for weight in weights.values():
            weight.requires_grad_(True)
        file = _checkpoint(checkpoint, imitation, recipe, windows)
        losses = train(weights, imitation.loss, windows, recipe, what="distil all", checkpoint=file, on_step=on_step)
    note = f"distilled without blocks {', '.join(map(str, layers))}: {steps} steps of {tokens_per_step} tokens"
    return TrainedModel(trained_from(loaded, student, note), losses)


def float32_copy(model: nn.Module) -> nn.Module:
    """A deep copy whose weights are at least float32, as small steps need. Buffers stay: rounding harms them."""
    student = copy.deepcopy(model)
    for weight in student.parameters():
        weight.data = weight.data.to(torch.promote_types(weight.dtype, torch.float32))
    return student


def trained_from(loaded: LoadedModel, student: nn.Module, note: str) -> LoadedModel:
    """The trained copy in the dtype that the model had, under a hash of its own."""
    for weight, before in zip(student.parameters(), loaded.model.parameters(), strict=True):
        weight.data = weight.data.to(before.dtype)
    source = loaded.source.model_copy(update={"sha256": state_sha256(student), "note": note})
    return replace(loaded, model=student, source=source)


def _check_some(changed: Collection[object]) -> None:
    if not changed:
        raise InputError("no block is named, so there is nothing to distil: name at least one")


def _trainable(m: AffineMap, model: nn.Module, as_tuple: bool) -> TrainableAffine:
    like = next(model.parameters())
    dtype = torch.promote_types(like.dtype, torch.float32)
    return TrainableAffine.of(m, as_tuple=as_tuple, dtype=dtype, device=like.device)


def _seen_by_states(student: nn.Module, standins: dict[int, nn.Module]) -> dict[str, nn.Parameter]:
    """The weights of the pruned backbone, without what the head shares."""
    head = unembed(student)
    theirs = set(head.parameters()) if head is not None else set()
    with with_standins(student, standins):
        return {name: weight for name, weight in backbone(student).named_parameters() if weight not in theirs}


def _checkpoint(
    path: Path | None, imitation: Imitation, recipe: Recipe, windows: Sequence[Window]
) -> Checkpoint | None:
    if path is None:
        return None
    with with_standins(imitation.student, imitation.standins):
        settings = settings_of(recipe, windows, state_sha256(imitation.student))
    return Checkpoint(path, settings | {"error": imitation.error.__name__})
