"""The training runs of a distillation study, each resumed where it was left, timed, and thrown away when evaluated."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.windows import Window
from nearlinear.measure.linearity import AffineMap
from nearlinear.results.distillation import DistilSpec

from .distil import distil_all, distil_linear
from .edits import removed, replaced
from .imitation import relative_error, squared_error
from .study import Work
from .training import OnStep

ERRORS = {"squared": squared_error, "relative": relative_error}


@dataclass
class Trainer:
    """Trains one model after another. The ledger of `work` keeps what came of each, under its own key."""

    spec: DistilSpec
    work: Work
    windows: tuple[Window, ...]
    on_step: OnStep | None = None

    @contextmanager
    def trained(
        self, key: str, layers: tuple[int, ...], *, error: str, lr: float, seed: int, steps: int
    ) -> Iterator[tuple[LoadedModel, tuple[float, ...]]]:
        """A distilled model with its edit on, and the loss of each step. Raises Diverged where training breaks."""
        options = {"lr": lr, "seed": seed, "steps": steps, "error": ERRORS[error], "on_step": self._clock(key)}
        options |= {"tokens_per_step": self.spec.tokens_per_step, "mixed": self.spec.mixed}
        options |= {"checkpoint": self.checkpoint(key)}
        if self.spec.way == "linear":
            found = distil_linear(self.work.loaded, self.maps(layers), self.windows, **options)
            with replaced(self.work.loaded.model, found.maps):
                yield self.work.loaded, found.losses
        else:
            found = distil_all(self.work.loaded, layers, self.windows, **options)
            with removed(found.loaded.model, layers):
                yield found.loaded, found.losses

    def maps(self, layers: tuple[int, ...]) -> dict[int, AffineMap]:
        """The fitted maps of these blocks."""
        return {layer: self.work.maps[layer] for layer in layers}

    def kept(self, key: str, do: Callable[[], list[float]]) -> list[float]:
        """What the ledger has of a run; once it is there, the run's checkpoint goes."""
        self.work.ledger.path.parent.mkdir(parents=True, exist_ok=True)
        known = self.work.ledger.get(key, do)
        self.checkpoint(key).unlink(missing_ok=True)
        return known

    def checkpoint(self, key: str) -> Path:
        """Beside the ledger. It is large, three times the weights, but there is one at a time."""
        path = self.work.ledger.path
        return path.with_name(f"{path.name.partition('.')[0]}.{key.replace(' ', '-')}.safetensors")

    def _clock(self, key: str) -> OnStep:
        """Writes down how long each step took, so that a run which was interrupted knows what it took in all."""
        last = perf_counter()

        def on_step(step: int, loss: float) -> None:
            nonlocal last
            now = perf_counter()
            self.work.ledger.get(f"{key} step {step}", lambda: [now - last])
            last = now
            if self.on_step:
                self.on_step(step, loss)

        return on_step

    def seconds(self, key: str) -> float:
        """Of all steps, by those whose time is known: a kill between a step and its line leaves one out."""
        known = self.work.ledger.known
        each = [known.get(f"{key} step {step}", [math.nan])[0] for step in range(1, self.spec.steps + 1)]
        return self.spec.steps * float(np.nanmean(each))
