"""A model as it stood at one of the looks of its training, ready to be measured, pruned or saved."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load
from torch import nn

from nearlinear.errors import BrokenFile, InputError
from nearlinear.inputs.load import LoadedModel, torch_device
from nearlinear.inputs.twin import state_sha256
from nearlinear.results.provenance import ModelSource
from nearlinear.results.training import TrainSpec

from .models import fresh_model
from .run import run, run_folder, texts_of
from .texts import Texts


def kept(spec: TrainSpec, step: int | None = None, *, device: str = "auto", texts: Texts | None = None) -> LoadedModel:
    """The model of `spec` after `step` steps (None: the last), in eval mode; trained now where it lies nowhere yet.

    Raises InputError for a step at which nobody looked or that training did not reach, BrokenFile for weights of
    another text or model, and as `run` does.
    """
    step = spec.recipe.steps if step is None else step
    if step not in spec.looks:
        raise InputError(f"no weights are kept after {step} steps: choose one of {', '.join(map(str, spec.looks))}")
    texts = texts or texts_of(spec.reading, spec.architecture.T)
    model = fresh_model(spec, texts.vocabulary)
    if step:
        file = run_folder(spec) / f"step-{step}.safetensors"
        if not file.exists():
            stopped = run(spec, device=device, texts=texts).stopped
            if not file.exists():
                raise InputError(f"this training broke off before step {step}: {stopped}")
        check_text(file.parent, texts)
        load_weights(model, file.read_bytes())
    source = source_of(model, spec, f"{spec.architecture.block}, seed {spec.seed}, after {step} steps")
    return LoadedModel(model.eval().to(torch_device(device)), texts.tokenizer, source, context=spec.architecture.T)


def check_text(folder: Path, texts: Texts) -> None:
    """Raises BrokenFile where the run of this folder read other texts: a corpus may change under the same name."""
    checkpoint = folder / "checkpoint.safetensors"
    if not checkpoint.exists():
        return
    try:
        with safe_open(checkpoint, framework="pt") as file:
            read = json.loads(file.metadata()["nearlinear"])["settings"]["text"]
    except (SafetensorError, KeyError, TypeError) as error:
        raise BrokenFile(f"the checkpoint {checkpoint} cannot be read: remove its folder and train again") from error
    if read != texts.sha256:
        raise BrokenFile(f"the weights in {folder} were trained on another text: remove that folder and train again")


def load_weights(model: nn.Module, content: bytes) -> None:
    """Put the weights of a safetensors file into a model of the same architecture, whatever type they were saved in.

    Raises BrokenFile for a file that cannot be read, or holds the weights of another model.
    """
    try:
        tensors = {name: tensor.to(torch.float32) for name, tensor in load(content).items()}
        missing, unexpected = model.load_state_dict(tensors, strict=False)
    except (SafetensorError, RuntimeError) as error:
        raise BrokenFile("a file of weights is broken or of another model: remove it and train again") from error
    if unexpected or set(missing) - set(getattr(model, "all_tied_weights_keys", None) or {}):
        raise BrokenFile("a file of weights is of another model: remove it and train again")


def source_of(model: nn.Module, spec: TrainSpec, note: str) -> ModelSource:
    """Which weights: their hash says it, and the note says how they came about."""
    return ModelSource(
        id=f"{spec.architecture.variant or spec.architecture.block}, trained here",
        sha256=state_sha256(model),
        architecture=type(model).__name__,
        n_parameters=sum(weight.numel() for weight in model.parameters()),
        L=spec.architecture.L,
        d=spec.architecture.d,
        note=note,
    )
