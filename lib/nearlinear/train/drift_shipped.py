"""Small models from the study of drift that travel with the book: early and late, and with a term that was trained in.

Written once the runs are there, from the weights that each look left in the cache:
`python -c "from nearlinear.train.drift_shipped import ship_all; ship_all('FOLDER')"`.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel, torch_device
from nearlinear.inputs.tiny import byte_tokenizer
from nearlinear.inputs.twin import state_sha256
from nearlinear.results.data import data_root
from nearlinear.results.drift import DriftSpec
from nearlinear.results.drift_specs import drifts, regularised
from nearlinear.results.provenance import ModelSource
from nearlinear.results.store import replacing, spec_sha256

from .drift import kept
from .families import family_model
from .files import plain_weights
from .kept import load_weights

STEPS: dict[str, tuple[int, ...]] = {
    "drift-laptop-prose-llama-0": (94, 3000),
    "drift-laptop-prose-llama-cosine-0.5-0": (3000,),
}
"""The steps after which a run's weights travel, by the name that the run is recorded under."""


def spec_of(name: str) -> DriftSpec:
    """What a shipped model was trained by. Raises InputError for one that does not travel."""
    if name not in STEPS:
        raise InputError(f"no model of {name!r} comes with the book: choose one of {', '.join(STEPS)}")
    return (drifts("laptop") | regularised("laptop"))[name]


def file_of(name: str, step: int) -> str:
    """Raises InputError for a step whose weights do not travel, and as `spec_of` does."""
    spec_of(name)
    if step not in STEPS[name]:
        told = " or ".join(map(str, STEPS[name]))
        raise InputError(f"no weights of {name} after {step} steps come with the book: choose {told}")
    return f"{name}-step-{step}.safetensors"


def shipped(name: str, step: int, *, device: str = "auto") -> LoadedModel:
    """A model of the study after `step` steps, from the book's own files: it reads bytes.

    Half the digits of its weights are left out, to save room. Raises InputError as `file_of` does, and where this
    installation lacks the file.
    """
    file, spec, tokenizer = data_root("weights") / file_of(name, step), spec_of(name), byte_tokenizer()
    if not file.is_file():
        raise InputError(f"{file.name} is not part of this installation: install nearlinear again")
    model = family_model(spec, len(tokenizer))
    load_weights(model, file.read_bytes())
    source = _source(model, spec, name, step)
    return LoadedModel(model.eval().to(torch_device(device)), tokenizer, source, context=spec.architecture.T)


def _source(model: nn.Module, spec: DriftSpec, name: str, step: int) -> ModelSource:
    return ModelSource(
        id=f"{name}, step {step}",
        sha256=state_sha256(model),
        architecture=type(model).__name__,
        n_parameters=sum(weight.numel() for weight in model.parameters()),
        L=spec.architecture.L,
        d=spec.architecture.d,
        note="trained here, weights in half precision",
    )


def ship(name: str, step: int, folder: Path | str) -> Path:
    """Write the weights of a look where they travel from, trained now if they lie nowhere yet: the file."""
    spec = spec_of(name)
    file = Path(folder) / file_of(name, step)
    halves = {
        key: tensor.to(torch.float16) if tensor.is_floating_point() else tensor
        for key, tensor in plain_weights(kept(spec, step, device="cpu").model).items()
    }
    with replacing(file) as temporary:
        save_file(halves, temporary, metadata={"spec_sha256": spec_sha256(spec), "step": str(step)})
    return file


def ship_all(folder: Path | str) -> list[Path]:
    """Every model that travels."""
    return [ship(name, step, folder) for name, steps in STEPS.items() for step in steps]
