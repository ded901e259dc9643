"""Plausible trainings without a model: losses that fall along a known curve to a known end."""

import math

from nearlinear.results.signal import Signal
from nearlinear.results.training import Architecture, Look, Reading, Recipe, TrainingRun, TrainSpec
from nearlinear.results.training_specs import SIX
from tests.show.synthetic import provenance

START = 5.5
DOCUMENTS = (128, 128, 256, 64)
"""Tokens of each held-out document."""

HARDER = (-0.3, 0.1, 0.0, 0.4)
"""How much harder each is than the mean: nothing in all, by tokens."""

ENDS = {"pre-ln": 1.50, "parallel": 1.48, "v-skipinit": 1.70, "sas": 1.53, "sas-p": 1.54, "sas-p-no-norm": 1.60}
COMMAND = "python -m nearlinear results --only train-laptop-core"

_NOTHING = Signal(**dict.fromkeys(Signal.model_fields, (0.0,)) | {"depth": (0,)})


def loss_at(step: float, end: float, steps: int) -> float:
    """From START down to `end`, steeply at first."""
    return end + (START - end) * (1 - step / steps) ** 3


def run(
    block="pre-ln", seed=0, lr=3e-3, end=1.5, *, steps=1000, every=50, L=10, d=64, d_ff=None, parameters=500_000,
    stopped_at=None, chosen=None, ahead=0.3, command=COMMAND, files=None, corpus="python-stdlib",
) -> TrainingRun:  # fmt: skip
    """A run whose held-out loss falls to `end`, training loss `ahead` of it; `files`: its loss on each document."""
    spec = TrainSpec(
        architecture=Architecture(block=block, L=L, d=d, d_ff=d_ff),
        reading=Reading(corpus=corpus),
        recipe=Recipe(steps=steps, lr=lr),
        seed=seed,
        order_seed=seed,
        every=every,
    )
    last = steps if stopped_at is None else stopped_at
    stops = [stop for stop in spec.stops if stop <= last]
    looks = [Look(step=k, loss=loss_at(k, end, steps), gains={}, spread={}, moved={}) for k in spec.looks if k <= last]
    losses = [loss_at(stop, end, steps) - ahead for stop in stops]
    return TrainingRun(
        spec=spec,
        n_parameters=parameters,
        vocabulary=256,
        n_train=10_000_000,
        n_dropped=3,
        epochs=0.1,
        steps=stops,
        losses=losses,
        grad_norms=[1.0] * len(stops),
        seconds=[0.05 * stop for stop in stops],
        looks=looks,
        chosen_loss=end if chosen is None else chosen,
        document_losses=files or [end + more for more in HARDER],
        document_tokens=DOCUMENTS,
        before=_NOTHING,
        after=_NOTHING,
        stopped="" if stopped_at is None else f"the loss is no longer a number at step {stopped_at}",
        weights_sha256="4" * 64,
        provenance=provenance(L=L, d=d).model_copy(update={"command": command, "windows_sha256": "5" * 64}),
    )


def core(ends=ENDS, *, seeds=3, noise=0.002, rates=None, **options) -> list[TrainingRun]:
    """Every block with every seed: the end of seed k is k · noise above that of seed 0, for all blocks alike."""
    return [
        run(block, seed, (rates or {}).get(block, 3e-3), end + noise * seed, **options)
        for seed in range(seeds)
        for block, end in ends.items()
    ]


def screen(best=None, *, rates=(1e-3, 3e-3, 9e-3), broken=(), **options) -> list[TrainingRun]:
    """Every block at every rate; its best is `best[block]`, 3e-3 where nothing is said. `broken`: (block, rate)."""
    return [
        run(
            block, 100, rate, 2.0 + abs(math.log(rate / (best or {}).get(block, 3e-3))),
            stopped_at=100 if (block, rate) in broken else None, **options,
        )
        for block in SIX
        for rate in rates
    ]  # fmt: skip
