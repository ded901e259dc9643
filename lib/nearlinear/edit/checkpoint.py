"""Where a training run stands, in one safetensors file: tensors, with the rest as JSON in the file's own header.

One file, because two cannot be replaced at once: a kill between them would leave weights of one step and a count of
another.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from nearlinear.errors import BrokenFile, InputError
from nearlinear.results.store import replacing

SECONDS = 180.0
"""Seconds between two writings of a checkpoint."""


@dataclass
class Checkpoint:
    """A file that a run is resumed from, and written to every SECONDS. `settings`: what makes it that run."""

    path: Path
    settings: Mapping[str, object]
    _written: float = field(default_factory=time.monotonic)

    def resume(self, parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Optimizer) -> list[float]:
        """Put weights and optimiser where the file says, and answer with the losses of the steps done; [] without one.

        Raises InputError for a checkpoint of another run, BrokenFile for one that cannot be read.
        """
        if not self.path.exists():
            return []
        header, tensors = _read(self.path)
        self._check(header["settings"])
        for name, weight in parameters.items():
            with torch.no_grad():
                weight.copy_(tensors[f"weight {name}"])
            optimiser.state[weight] = _state_of(name, weight, tensors)
        return header["losses"]

    def _check(self, found: Mapping[str, object]) -> None:
        if other := [name for name, value in self.settings.items() if found.get(name) != value]:
            raise InputError(
                f"the checkpoint {self.path} is of another run (its {' and '.join(other)} differ): "
                "remove it, or choose another place"
            )

    def save(
        self,
        parameters: Mapping[str, nn.Parameter],
        optimiser: torch.optim.Optimizer,
        losses: Sequence[float],
        *,
        at_once: bool = False,
    ) -> None:
        """Write the file whole, if it is time or `at_once`."""
        if not at_once and time.monotonic() - self._written < SECONDS:
            return
        tensors = {f"weight {name}": weight.detach() for name, weight in parameters.items()}
        for name, weight in parameters.items():
            tensors |= {f"{key} {name}": value for key, value in optimiser.state[weight].items()}
        header = {"settings": dict(self.settings), "losses": list(losses)}
        with replacing(self.path) as temporary:
            contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
            save_file(contiguous, temporary, metadata={"nearlinear": json.dumps(header)})
        self._written = time.monotonic()


def _read(path: Path) -> tuple[dict, dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            return json.loads(file.metadata()["nearlinear"]), {name: file.get_tensor(name) for name in names}
    except (SafetensorError, KeyError, TypeError) as error:
        raise BrokenFile(f"the checkpoint {path} cannot be read: remove it to begin anew") from error


def _state_of(name: str, weight: nn.Parameter, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the optimiser remembers of a weight: its moments, beside the weight, and its count of steps, on the CPU."""
    own = {key: tensors[f"{key} {name}"] for key in ("step", "exp_avg", "exp_avg_sq") if f"{key} {name}" in tensors}
    return {key: value.to(weight.device) if value.shape == weight.shape else value for key, value in own.items()}
