"""Trained models that travel with the book, so that a reader can measure one without training it."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel, torch_device
from nearlinear.inputs.tiny import byte_tokenizer
from nearlinear.results.data import data_root
from nearlinear.results.store import replacing, spec_sha256
from nearlinear.results.training import TrainSpec
from nearlinear.results.training_specs import core

from .kept import kept, load_weights, source_of
from .models import fresh_model
from .run import plain_weights

NAMES = {spec.architecture.block: f"{name}.safetensors" for name, spec in core("laptop").items() if spec.seed == 0}
"""One trained model a block: the file that its weights lie in, in half precision."""


def shipped(block: str, *, device: str = "auto") -> LoadedModel:
    """The trained model of one block that travels with the book: reads bytes, 64 at a time, of Python code.

    Half the digits of its weights are left out, to save room. Raises InputError for a block that does not travel.
    """
    if block not in NAMES:
        raise InputError(f"no trained model of {block!r} comes with the book: choose one of {', '.join(NAMES)}")
    file = data_root("weights") / NAMES[block]
    if not file.is_file():
        raise InputError(f"{NAMES[block]} is not part of this installation: install nearlinear again")
    spec, tokenizer = spec_of(block), byte_tokenizer()
    model = fresh_model(spec, len(tokenizer))
    load_weights(model, file.read_bytes())
    source = source_of(model, spec, f"{block}, after {spec.recipe.steps} steps, weights in half precision")
    return LoadedModel(model.eval().to(torch_device(device)), tokenizer, source, context=spec.architecture.T)


def spec_of(block: str) -> TrainSpec:
    """What the shipped model of a block was trained by."""
    return core("laptop")[NAMES[block].removesuffix(".safetensors")]


def ship(block: str, folder: Path) -> None:
    """Write the weights of a trained model where they travel from; trained now if they lie nowhere yet."""
    spec = spec_of(block)
    halves = {
        name: tensor.to(torch.float16) if tensor.is_floating_point() else tensor
        for name, tensor in plain_weights(kept(spec, device="cpu").model).items()
    }
    with replacing(folder / NAMES[block]) as temporary:
        save_file(halves, temporary, metadata={"spec_sha256": spec_sha256(spec)})
