"""Plausible drifts of two families on three texts without a model: planted scores, sizes, losses and clouds."""

import math
from functools import cache

import numpy as np

from nearlinear.results.drift import DriftRun, DriftSpec, FamilyArchitecture
from nearlinear.results.drift_looks import Documents, DriftLook, Halves, InSample, Shape
from nearlinear.results.training import Reading, Recipe
from tests.show.synthetic import provenance

COMMAND = "python -m nearlinear results --only drift-laptop"
STEPS = {"wikipedia-sample": 3000, "tales": 1000, "python-stdlib": 3000}
FAMILIES = ("llama", "gpt-neox")
ENDS = {"update": (0.9, 0.6), "size": (0.2, 0.2)}
"""s_Δ without first tokens, and ‖Δ‖² / ‖Y‖²: at the early look, and at the last."""

FIRST = 0.05
"""How much higher s_Δ is with first tokens."""


def halves(update: np.ndarray, size: np.ndarray) -> Halves:
    """Of s_Δ and ‖Δ‖² / ‖Y‖², block by block; ‖Y‖² is 10."""
    return Halves(error2=tuple(10 * size * (1 - update)), update2=tuple(10 * size), state2=(10.0,) * len(size))


def look(step: int, share: float, seed: int, L: int, ends: dict) -> DriftLook:
    """`share` 0: at the early look; 1: at the last. Blocks differ by a little, seeds by less."""
    blocks = 0.01 * np.arange(L) + 0.002 * seed
    at = {name: a + max(share, -0.1) * (b - a) for name, (a, b) in (ENDS | ends).items()}
    update, size = at["update"] - blocks, at["size"] + blocks
    return DriftLook(
        step=step,
        loss=4 - 1.5 * max(share, -1),
        every_token=halves(update + FIRST, size / 2),
        no_first_token=halves(update, size),
        in_sample=InSample(scores=tuple(1 - (0.98 - update) * size / 2), update_scores=tuple(update + FIRST + 0.02)),
        norm_ratio=tuple(np.sqrt(size / 2)),
        norm_ratio_no_first=tuple(np.sqrt(size)),
        cosine=tuple(1 - size / 2),
        step2=tuple(10 * size),
        shape=Shape(
            anisotropy=(0.1, *(0.2 + 0.1 * share + blocks)),
            two_nn=(math.nan, *(8 - 2 * share + blocks)),
            mle=(math.nan, *(9 - 2 * share + blocks)),
            distinct=(90, *(2000,) * L),
        ),
    )


def run(family="llama", corpus="wikipedia-sample", seed=0, **options) -> DriftRun:
    """`ends`: what of ENDS differs; `stopped_at`: after which step training broke off."""
    return _run(family, corpus, seed, ends=tuple(options.pop("ends", {}).items()), **options)


@cache
def _run(
    family, corpus, seed, *, steps=None, L=8, d=64, lr=3e-3, ends=(), stopped_at=None, halvings=9, chosen=None,
    command=COMMAND, every=50,
) -> DriftRun:  # fmt: skip
    steps = steps or STEPS.get(corpus, 3000)
    spec = DriftSpec(
        architecture=FamilyArchitecture(family=family, L=L, d=d),
        reading=Reading(corpus=corpus, n_evaluate=16_384),
        recipe=Recipe(steps=steps, batch=8, lr=lr),
        seed=seed,
        order_seed=seed,
        halvings=halvings,
        every=every,
    )
    last = steps if stopped_at is None else stopped_at
    early = next((step for step in spec.looks[:-1] if step >= 100), 1)
    shares = {step: math.log(max(step, 1) / early) / math.log(steps / early) for step in spec.looks}
    stops = [stop for stop in spec.stops if stop <= last]
    column, documents = tuple(5.0 - stop / steps for stop in stops), np.arange(1, 6)
    return DriftRun(
        spec=spec,
        n_parameters=420_000,
        vocabulary=256,
        n_train=2_200_000,
        n_dropped=0,
        n_fit=16_256,
        scoring="exact",
        epochs=steps * 1024 / 2_200_000,
        steps=stops,
        losses=column,
        terms=(),
        grad_norms=column,
        seconds=column,
        looks=[look(step, shares[step], seed, L, dict(ends)) for step in spec.looks if step <= last],
        documents=Documents(
            tokens=tuple(127 * documents), windows=tuple(documents), losses=(2.5,) * 5,
            **dict.fromkeys(("error2", "update2", "state2"), ((1.0,) * 5,) * L),
        ),
        chosen_loss=2.5 if chosen is None else chosen,
        probed=(),
        majority=math.nan,
        n_cut=0,
        task_sha256="",
        samples=(),
        asked=(),
        stopped="" if stopped_at is None else f"the loss is no longer a number at step {stopped_at + 1}",
        weights_sha256="4" * 64,
        provenance=provenance(L=L, d=d).model_copy(update={"command": command, "windows_sha256": "5" * 64}),
    )  # fmt: skip


def drifts(ends=None, *, seeds=3, texts=tuple(STEPS), families=FAMILIES, **options) -> list[DriftRun]:
    """Every family on every text with every seed. `ends`: what differs from ENDS, by (family, corpus)."""
    return [
        run(family, corpus, seed, ends=(ends or {}).get((family, corpus), {}), **options)
        for corpus in texts
        for family in families
        for seed in range(seeds)
    ]


def screen(best=None, rates=(1e-3, 3e-3, 9e-3), broken=()) -> list[DriftRun]:
    """Every family at every rate; its best is `best[family]`, 3e-3 where nothing is said."""
    return [
        run(
            family, "wikipedia-sample", 100, steps=600, lr=rate, halvings=1,
            chosen=2.0 + abs(math.log(rate / (best or {}).get(family, 3e-3))),
            stopped_at=100 if (family, rate) in broken else None,
        )
        for family in FAMILIES
        for rate in rates
    ]  # fmt: skip
