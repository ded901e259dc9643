"""What a training leaves in files, and where: checkpoints that find their device again, and plain weights."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from nearlinear.edit.checkpoint import Checkpoint
from nearlinear.results import making
from nearlinear.results.store import results_cache, spec_sha256
from nearlinear.results.training import TrainingRun, TrainSpec, VariantRun, VariantSpec


class OnDevice(Checkpoint):
    """A checkpoint whose counts of steps go where the weights are, as the fused optimiser wants them."""

    def resume(self, parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Optimizer) -> list:
        found = super().resume(parameters, optimiser)
        for weight, state in optimiser.state.items():
            if state:  # none of frozen weights
                state["step"] = state["step"].to(weight.device)
        return found


def plain_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Every weight and constant by name, on the CPU; what is tied stands once."""
    tied = set(getattr(model, "all_tied_weights_keys", None) or {})
    return {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items() if name not in tied}


def run_folder(spec: TrainSpec, kind: type[TrainingRun] | None = None) -> Path:
    """Where a run leaves its checkpoint, and its weights at every look. `kind`: the result that it leads to."""
    made_by = (kind or kind_of(spec)).made_by
    return results_cache() / making.library_sha256(made_by)[:16] / f"{spec_sha256(spec)[:16]}.training"


def kind_of(spec: TrainSpec) -> type[TrainingRun]:
    return VariantRun if isinstance(spec, VariantSpec) else TrainingRun
