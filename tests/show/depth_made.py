"""Plausible trainings at two depths without a model: planted ends, gains and signals."""

import math
from functools import cache

from nearlinear.results.signal import Signal
from nearlinear.results.training import Architecture, Look, Reading, Recipe, TrainingRun, TrainSpec
from nearlinear.results.training_specs import CHOSEN
from nearlinear.results.training_studies import DEEP
from tests.show.synthetic import provenance
from tests.show.trainings import DOCUMENTS, HARDER, loss_at

COMMAND = "python -m nearlinear results --only train-laptop-depth"

DEPTHS = (6, 24)
SHALLOW = {"pre-ln": 1.50, "v-skipinit": 1.70, "sas": 1.53, "sas-p": 1.54}
"""Ends of the shallow models."""

CHANGE = {"pre-ln": -0.05, "v-skipinit": 0.03, "sas": -0.08, "sas-p": -0.10}
"""What depth adds to them: as the paper says."""

FF = {"sas": 0.2, "sas-p": 0.3, "v-skipinit": 0.15}
"""Where β_FF ends in every block; it starts at 0.424 / √L."""


def gains_at(block: str, share: float, L: int) -> dict[str, tuple[float, ...]]:
    """Gains after `share` of training: α, β, γ from 1 to 0.8, 1.2, 0.7."""
    if block == "pre-ln":
        return {}
    ends = {"attn.alpha": (1.0, 0.8), "attn.beta": (1.0, 1.2), "attn.gamma": (1.0, 0.7)}
    ends["beta_ff"] = (0.424 / L**0.5, FF[block])
    return {gain: (a + share * (b - a),) * L for gain, (a, b) in ends.items()}


def signal(L: int, last: float) -> Signal:
    """A relative residual that falls in a straight line from 0.9 to `last`."""
    residual = tuple(0.9 + (last - 0.9) * k / L for k in range(L + 1))
    rest = dict.fromkeys(Signal.model_fields, (0.0,) * (L + 1))
    return Signal(**rest | {"depth": tuple(range(L + 1)), "relative_residual": residual})


@cache
def run(
    block="sas", L=24, seed=0, lr=None, end=None, *, steps=1500, d=64, d_ff=128, stopped_at=None, chosen=None,
    command=COMMAND, corpus="python-stdlib", every=50, files=HARDER, last=0.7, document_ends=None,
) -> TrainingRun:  # fmt: skip
    """A run whose held-out loss falls to `end`; kept, because runs are frozen and tests ask for the same ones again.

    `last`: the relative residual after the last block at the end; `document_ends`: the loss of each file instead.
    """
    end = (SHALLOW[block] + (CHANGE[block] if DEPTHS[1] == L else 0.0)) if end is None else end
    lr = CHOSEN[block] / (3 if DEPTHS[1] == L else 1) if lr is None else lr
    spec = TrainSpec(
        architecture=Architecture(block=block, L=L, d=d, d_ff=d_ff),
        reading=Reading(corpus=corpus),
        recipe=Recipe(steps=steps, lr=lr),
        seed=seed,
        order_seed=seed,
        every=every,
    )
    ended = steps if stopped_at is None else stopped_at
    stops = [stop for stop in spec.stops if stop <= ended]
    looks = [
        Look(step=k, loss=loss_at(k, end, steps), gains=gains_at(block, k / steps, L), spread={}, moved={})
        for k in spec.looks
        if k <= ended
    ]
    return TrainingRun(
        spec=spec,
        n_parameters=20_000 + 30_000 * L,
        vocabulary=256,
        n_train=10_000_000,
        n_dropped=3,
        epochs=0.1,
        steps=stops,
        losses=[loss_at(stop, end, steps) - 0.3 for stop in stops],
        grad_norms=[1.0] * len(stops),
        seconds=[0.05 * stop for stop in stops],
        looks=looks,
        chosen_loss=end if chosen is None else chosen,
        document_losses=document_ends or [end + more for more in files],
        document_tokens=DOCUMENTS,
        before=signal(L, 0.9 if block != "pre-ln" else 0.3),
        after=signal(L, last),
        stopped="" if stopped_at is None else f"the loss is no longer a number at step {stopped_at}",
        weights_sha256="4" * 64,
        provenance=provenance(L=L, d=d).model_copy(update={"command": command, "windows_sha256": "5" * 64}),
    )


def depth(change=None, *, seeds=3, noise=0.002, rates=None, depths=DEPTHS, spread=0.0, **options) -> list[TrainingRun]:
    """Every block at both depths with every seed; `change`: what depth adds, where it is not CHANGE.

    The end of seed k is k · noise above that of seed 0 at both depths, and at the deeper one `spread` · k besides.
    """
    change, rates = CHANGE | (change or {}), rates or {}
    found = []
    for seed in range(seeds):
        for L in depths:
            for block in DEEP:
                deep = depths[1] == L
                end = SHALLOW[block] + noise * seed + (change[block] + spread * seed if deep else 0.0)
                lr = rates.get(block, CHOSEN[block] / 3) if deep else CHOSEN[block]
                found.append(run(block, L, seed, lr, end, **options))
    return found


def screen(best=None, *, L=24, at=(1 / 6, 1 / 3, 1), harm=None, broken=(), **options) -> list[TrainingRun]:
    """Every block at these shares of its shallow rate; its best is `best[block]`, a third where nothing is said.

    `harm`: block → what its loss rises by for each factor e away from its best rate; `broken`: (block, share).
    """
    found = []
    for block in DEEP:
        for share in at:
            rise = (harm or {}).get(block, 0.1) * abs(math.log(share / (best or {}).get(block, 1 / 3)))
            end = SHALLOW[block] + 0.5 + rise
            stopped = 100 if (block, share) in broken else None
            lr = CHOSEN[block] / round(1 / share) if share < 1 else CHOSEN[block] * share
            found.append(run(block, L, 100, lr, end, steps=500, stopped_at=stopped, **options))
    return found
