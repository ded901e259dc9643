"""Plausible finetunings of a pretrained model and of two small ones without a model: planted scores, sizes, answers."""

import math
from functools import cache

import numpy as np

from nearlinear.results.drift import DriftSpec, FamilyArchitecture
from nearlinear.results.drift_looks import InSample
from nearlinear.results.provenance import CorpusSource
from nearlinear.results.training import Recipe
from nearlinear.results.tuning import ByName, TrainedHere, TuneSpec, TuningRun
from nearlinear.results.tuning_looks import TuningLook
from nearlinear.results.tuning_specs import LESSONS, TAUGHT
from tests.results.tuning_made import L, provenance
from tests.results.tuning_made import look as plain_look

COMMAND = "python -m nearlinear results --only tuning-laptop"
SMOL, SMALL = "smollm2-135m", ("llama", "gpt-neox")
N_TEST = 200
RIGHT = {"film": 0.9, "contexts": 0.75, "rewards": 0.8, "film-rewards": 0.85}
"""Share of right answers at the end; half where nothing can be learnt."""

RISES = {"film": 0.1, "contexts": 0.06, "rewards": 0.08, "film-rewards": 0.07}
"""Of s_Δ in every block, with seed 0; a control rises by a little."""

CONTROL = 0.01
BEFORE = np.linspace(0.3, 0.6, L)


def look(step: int, share: float, seed: int, rise: float, size: tuple[float, float], way: float) -> TuningLook:
    """`share` of the way. `way`: what of the rise is seen in sample."""
    grown = size[0] * (size[1] / size[0]) ** share
    at = BEFORE + 0.002 * seed + share * (rise + 0.001 * seed)
    found = plain_look(step, at, size=grown, loss=2 + 0.1 * share)
    inside = BEFORE + 0.05 + share * way * (rise + 0.001 * seed)
    scores = tuple(1 - grown * (1 - inside))
    return found.model_copy(update={"in_sample": InSample(scores=scores, update_scores=tuple(inside))})


@cache
def run(
    lesson="film", model="llama", seed=0, *, rise=None, right=None, size=(0.2, 0.2), way=1.0, steps=300, adapters=False,
    stopped_at=None, n_parameters=None, lr=1e-3, command=COMMAND, halvings=3,
) -> TuningRun:  # fmt: skip
    """`size`: ‖Δ‖² / ‖Y‖² before and after; `stopped_at`: after which step training broke off."""
    by_name = model not in SMALL
    of = FamilyArchitecture(family=model, L=L, d=16, h=2, T=32) if not by_name else None
    spec = TuneSpec(
        model=ByName(name=model) if by_name else TrainedHere(spec=DriftSpec(architecture=of, seed=seed)),
        learns=LESSONS[lesson],
        rank=8 if adapters else None,
        T=128,
        recipe=Recipe(steps=steps, batch=16, lr=lr),
        seed=seed,
        halvings=halvings,
    )
    last = steps if stopped_at is None else stopped_at
    rise = RISES.get(lesson, CONTROL) if rise is None else rise
    share = RIGHT.get(lesson, 0.5) if right is None else right
    asked = lesson not in ("sentences", "more-text") and stopped_at is None
    n = round(share * N_TEST)
    stops = tuple(stop for stop in spec.stops if stop <= last)
    column = tuple(0.7 - 0.3 * stop / steps for stop in stops)
    made = provenance(seed)
    source = made.model.model_copy(update={"n_parameters": n_parameters or (134_515_008 if by_name else 420_000)})
    return TuningRun(
        spec=spec,
        taught=CorpusSource(id=lesson, sha256="7" * 64, n_documents=100),
        n_parameters=1000,
        n_trained=100 if adapters else 1000,
        n_train=6984,
        n_cut=0,
        n_read=640,
        n_fit=620,
        scoring="exact",
        epochs=steps * 16 / 6984,
        steps=stops,
        losses=column,
        grad_norms=column,
        seconds=column,
        looks=tuple(look(s, s / steps, seed, rise, size, way) for s in spec.looks if s <= last),
        right=(True,) * n + (False,) * (N_TEST - n) if asked else (),
        groups=(10,) * (N_TEST // 10) if asked else (),
        majority=0.5 if lesson not in ("sentences", "more-text") else math.nan,
        stopped="" if stopped_at is None else f"the loss is no longer a number at step {stopped_at + 1}",
        weights_sha256="0" * 64,
        provenance=made.model_copy(
            update={"model": source, "command": command, "created": "2026-11-23T00:00:00+00:00"}
        ),
    )


def lessons(*names, models=SMALL[:1], seeds=3, ends=None, **options) -> list[TuningRun]:
    """Every model on every lesson with every seed. `ends`: options of some, by (model, lesson) or by lesson."""
    ends = ends or {}
    return [
        run(lesson, model, seed, **options | ends.get(lesson, {}) | ends.get((model, lesson), {}))
        for model in models
        for lesson in names
        for seed in range(seeds)
    ]


def tunings(ends=None, **options) -> list[TuningRun]:
    """As at the laptop's size: SmolLM2, then the small models, which read on, too."""
    pretrained = lessons(*TAUGHT, models=(SMOL,), ends=ends, **({"steps": 100, "halvings": 1} | options))
    return [*pretrained, *lessons(*TAUGHT, "more-text", models=SMALL, ends=ends, **options)]


def rewards(ends=None, **options) -> list[TuningRun]:
    return lessons("rewards", "film-rewards", "shuffled-rewards", ends=ends, **options)


def adapted(**options) -> list[TuningRun]:
    return lessons("film", "shuffled", adapters=True, lr=3e-3, **options)


def screen() -> list[TuningRun]:
    """The best rate is the lowest with every weight, and in the middle by adapters; the highest breaks off."""
    rates = {False: (3e-4, 1e-3, 3e-3), True: (1e-3, 3e-3, 1e-2)}
    best = {False: 3e-4, True: 3e-3}
    found = []
    for adapters, tried in rates.items():
        for rate in tried:
            one = run("film", "llama", 100, lr=rate, adapters=adapters, halvings=1,
                      stopped_at=100 if not adapters and rate == 3e-3 else None)  # fmt: skip
            loss = 0.3 + abs(math.log10(rate / best[adapters]))
            looks = (*one.looks[:-1], one.looks[-1].model_copy(update={"task_loss": loss, "accuracy": 0.8}))
            found.append(one.model_copy(update={"looks": looks}))
    return found
