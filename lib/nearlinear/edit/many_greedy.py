"""The greedy order and the losses of a model, on several processes: each takes the losses of its own batches."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from nearlinear.evaluate.perplexity import WindowLosses, losses
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.models import blocks
from nearlinear.inputs.windows import Window
from nearlinear.measure.many import Many
from nearlinear.measure.many_windows import own_places, own_windows
from nearlinear.progress import track

from .greedy import Step, _check_windows, _step, losses_if_changed
from .ledger import Ledger
from .orders import check_count


class SharedLedger:
    """A ledger that the first process reads and writes, and all go by."""

    def __init__(self, path: Path, many: Many):
        """Raises Lost."""
        self.ledger, self.many = Ledger(path) if many.first else None, many
        self.known = dict(many.gathered(self.ledger.known if self.ledger else {})[0])

    def get(self, key: str, measure: Callable[[], Sequence[float]]) -> list[float]:
        """What is known of `key`, else what `measure` says on every process. Raises NearlinearError as `Ledger.get`."""
        if key not in self.known:
            self.known[key] = [float(number) for number in measure()]
            if self.ledger:
                self.ledger.get(key, lambda: self.known[key])
        return self.known[key]


def greedy_many(
    loaded: LoadedModel,
    windows: Sequence[Window],
    k: int,
    many: Many,
    *,
    standin: Callable[[int], nn.Module],
    ledger: SharedLedger | None = None,
    on_step: Callable[[Step], None] | None = None,
    batch_tokens: int = 2048,
) -> tuple[int, ...]:
    """`greedy.greedy`, with the batches shared among the processes; all get the answer.

    Steps that the `ledger` knows are not searched again. Raises as `greedy` does, and Lost where a process has died.
    """
    L = len(blocks(loaded.model))
    check_count(k, L)
    _check_windows(windows, loaded.context)
    left = {layer: standin(layer) for layer in range(L)}
    changed: dict[int, nn.Module] = {}
    for _ in track(range(k), "greedy", k, unit=" blocks"):

        def measure() -> list[float]:
            found = losses_if_changed_many(loaded, windows, changed, left, many, batch_tokens=batch_tokens)
            return [found.get(layer, float("nan")) for layer in range(L)]

        key = f"greedy after {' '.join(map(str, changed))}"
        found = ledger.get(key, measure) if ledger else measure()
        step = _step({layer: found[layer] for layer in left})
        changed[step.layer] = left.pop(step.layer)
        if on_step is not None:
            on_step(step)
    return tuple(changed)


def losses_if_changed_many(
    loaded: LoadedModel,
    windows: Sequence[Window],
    changed: Mapping[int, nn.Module],
    candidates: Mapping[int, nn.Module],
    many: Many,
    *,
    batch_tokens: int = 2048,
) -> dict[int, float]:
    """`greedy.losses_if_changed` over the batches of all processes. Raises Lost."""
    own = own_windows(windows, many, batch_tokens=batch_tokens)
    tokens = sum(max(len(window.input_ids) - 1, 0) for window in own)
    means = losses_if_changed(loaded, own, changed, candidates, batch_tokens=batch_tokens) if tokens else {}
    device = next(loaded.model.parameters()).device
    nats = [means[layer] * tokens if tokens else 0.0 for layer in candidates]
    *nats, tokens = many.add_up(torch.tensor([*nats, tokens], dtype=torch.float64, device=device)).tolist()
    return {layer: total / tokens for layer, total in zip(candidates, nats, strict=True)}


def losses_many(
    loaded: LoadedModel, windows: Sequence[Window], many: Many, *, batch_tokens: int = 2048
) -> WindowLosses:
    """`perplexity.losses`, each process for the windows in its batches; all get all of them. Raises Lost."""
    places = own_places(windows, many, batch_tokens=batch_tokens)
    own = losses(loaded, [windows[place] for place in places], batch_tokens=batch_tokens) if places else None
    nats = torch.zeros(len(windows), dtype=torch.float64, device=next(loaded.model.parameters()).device)
    if own is not None:
        nats[places] = torch.from_numpy(own.nats).to(nats.device)
    lengths = np.array([len(window.input_ids) for window in windows], dtype=np.int64)
    return WindowLosses(
        nats=many.add_up(nats).cpu().numpy(),
        tokens=np.maximum(lengths - 1, 0),
        document=np.array([window.document for window in windows], dtype=np.int64),
    )
