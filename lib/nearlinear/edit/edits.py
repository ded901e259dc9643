"""Blocks removed or replaced inside a `with`, after which the model is what it was, bit for bit.

Slots stay: the list of blocks keeps its length, so what hangs on a block's place (layer types, masks) stays right.
Only the key-value cache counts differently: it asks its first layer how much it holds, so the blocks that are left
are numbered anew inside the `with`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from operator import index

import torch
from torch import nn

from nearlinear.errors import InputError, UnsupportedModel
from nearlinear.inputs.models import backbone, blocks
from nearlinear.measure.linearity import AffineMap

from .standins import AffineBlock, PassThrough

Runs = Mapping[range | int, AffineMap]
"""Maps of runs of consecutive blocks; an int l means range(l, l + 1)."""


@contextmanager
def removed(model: nn.Module, layers: Iterable[int]) -> Iterator[nn.Module]:
    """The model without these blocks: each passes the state through.

    Raises InputError for blocks that are not there, named twice, or all there are; UnsupportedModel for shared blocks.
    """
    layers = check_layers(layers, len(blocks(model)))
    as_tuple = blocks_as_tuple(model)
    with with_standins(model, {layer: PassThrough(as_tuple) for layer in layers}):
        yield model


@contextmanager
def replaced(model: nn.Module, maps: Runs) -> Iterator[nn.Module]:
    """The model with affine maps in place of blocks. The map of a run stands at its start, the rest passes through.

    Raises InputError as `removed` does, and for a run that is empty or has gaps, or a map of another width.
    """
    runs = check_runs(maps, len(blocks(model)))
    as_tuple = blocks_as_tuple(model)
    standins: dict[int, nn.Module] = {layer: PassThrough(as_tuple) for run in runs for layer in run}
    for run, m in runs.items():
        like = _weight_like(model, run.start, m)
        standins[run.start] = AffineBlock.of(m, as_tuple=as_tuple, dtype=like.dtype, device=like.device)
    with with_standins(model, standins):
        yield model


@contextmanager
def with_standins(model: nn.Module, standins: Mapping[int, nn.Module]) -> Iterator[nn.Module]:
    """The model with any modules in the slots of some blocks. May be nested, and may leave no block of its own.

    Raises InputError for a slot that is not there, UnsupportedModel for shared blocks.
    """
    slots = blocks(model)
    before = list(slots)
    numbers = [(part, part.layer_idx) for block in before for part in _numbered(block)]
    try:
        yield place(model, standins)
    finally:
        for slot, block in enumerate(before):
            slots[slot] = block
        for part, number in numbers:
            part.layer_idx = number


def place(model: nn.Module, standins: Mapping[int, nn.Module]) -> nn.Module:
    """Put modules into slots for good, and number the blocks that are left. Raises as `with_standins` does."""
    slots = blocks(model)
    for slot in standins:
        _check_there(slot, len(slots))
    _check_unshared(model, slots)
    for slot, standin in standins.items():
        if hasattr(slots[slot], "attention_type"):  # some families read off the block which mask it wants
            standin.attention_type = slots[slot].attention_type
        slots[slot] = standin
    _number(slots, _layer_types(model, len(slots)))
    return model


@torch.no_grad()
def blocks_as_tuple(model: nn.Module) -> bool:
    """Whether this family's blocks answer with a tuple rather than the state alone: one token is run to see."""
    answers = []
    handle = blocks(model)[0].register_forward_hook(lambda _module, _args, output: answers.append(output))
    try:
        backbone(model)(input_ids=torch.zeros(1, 1, dtype=torch.long, device=next(model.parameters()).device))
    finally:
        handle.remove()
    return isinstance(answers[0], tuple)


def check_layers(layers: Iterable[int], L: int) -> tuple[int, ...]:
    """The blocks to change, sorted. Raises InputError for one that is not there or named twice, and for all of them."""
    layers = tuple(sorted(index(layer) for layer in layers))
    for layer in layers:
        _check_there(layer, L)
        if layers.count(layer) > 1:
            raise InputError(f"block {layer} is named twice: name each block once")
    if len(layers) == L:
        raise InputError(f"all {L} blocks are named: leave at least one of them")
    return layers


def check_runs(maps: Runs, L: int) -> dict[range, AffineMap]:
    """The maps by run. Raises InputError for what is no run, and as `check_layers` for the blocks of all runs."""
    runs = [(key if isinstance(key, range) else range(index(key), index(key) + 1), m) for key, m in maps.items()]
    for run, _ in runs:
        if len(run) == 0 or run.step != 1:
            raise InputError(f"{run} is not a run of consecutive blocks: write range(start, stop) with start < stop")
    check_layers((layer for run, _ in runs for layer in run), L)
    return dict(runs)


def _check_there(layer: int, L: int) -> None:
    if not 0 <= layer < L:
        raise InputError(f"block {layer} is not there: the blocks are 0 to {L - 1}")


def _check_unshared(model: nn.Module, slots: nn.ModuleList) -> None:
    owners: dict[nn.Parameter, int] = {}
    for layer, block in enumerate(slots):
        for weight in block.parameters():
            if owners.setdefault(weight, layer) != layer:
                raise UnsupportedModel(
                    f"blocks {owners[weight]} and {layer} of {type(model).__name__} share weights: "
                    "only a model whose blocks have weights of their own can be edited"
                )


def _weight_like(model: nn.Module, layer: int, m: AffineMap) -> torch.Tensor:
    """A weight as the map must be: of the block that it replaces. Raises InputError for a map of another width."""
    d = model.config.get_text_config().hidden_size
    if m.A.shape != (d, d):
        raise InputError(f"the map for block {layer} has the shape {tuple(m.A.shape)}: this model needs {(d, d)}")
    weights = chain(blocks(model)[layer].parameters(), model.parameters())
    return next(weight for weight in weights if weight.is_floating_point())


def _numbered(block: nn.Module) -> Iterator[nn.Module]:
    """The parts of a block that know their place in the key-value cache."""
    return (part for part in block.modules() if isinstance(getattr(part, "layer_idx", None), int))


def _number(slots: nn.ModuleList, kinds: list[str | None]) -> None:
    """Give the blocks that are left the first layers of the cache, in order, each block one of its own kind.

    A cache layer that keeps a sliding window must not serve a block that looks further back. (The cache counts its
    tokens in layer 0: if every block of that kind is gone, generate without a cache.)
    """
    free = {kind: iter([layer for layer, other in enumerate(kinds) if other == kind]) for kind in set(kinds)}
    for block, kind in zip(slots, kinds, strict=True):
        if parts := list(_numbered(block)):
            number = next(free[kind])
            for part in parts:
                part.layer_idx = number


def _layer_types(model: nn.Module, L: int) -> list[str | None]:
    """What kind of attention each block has, where a family mixes them."""
    return list(getattr(model.config.get_text_config(), "layer_types", None) or [None] * L)[:L]
