"""Plausible trainings of every setting of values and projections without a model: planted ends, gains and distances."""

import math
from functools import cache

from nearlinear.results.training import (
    Architecture,
    Look,
    Reading,
    Recipe,
    TrainingRun,
    TrainSpec,
    VariantRun,
    VariantSpec,
)
from nearlinear.results.training_studies import VALUES
from tests.show.synthetic import provenance
from tests.show.trainings import _NOTHING, DOCUMENTS, HARDER, loss_at

COMMAND = "python -m nearlinear results --only train-laptop-values"

ENDS = {
    "orthogonal-0": 1.70,
    "orthogonal-10": 1.62,
    "orthogonal-30": 1.60,
    "orthogonal-100": 1.66,
    "identity-0": 1.502,
    "identity-10": 1.51,
    "identity-30": 1.53,
    "identity-100": 1.56,
    "tied-blocks-0": 1.55,
    "tied-last-0": 1.60,
    "orthogonal-rate-10": 1.621,
    "orthogonal-rate-30": 1.599,
    "identity-gains": 1.52,
    "orthogonal-gains": 1.62,
    "pre-ln": 1.502,
    "pre-ln-gains": 1.49,
    "pre-ln-identity": 1.51,
    "value-skip": 1.51,
    "sas": 1.50,
    "sas-no-first-value": 1.503,
    "sas-cosine": 1.52,
    "sas-no-mlp-skip": 1.90,
    "sas-beta-ff-3": 1.51,
    "sas-beta-ff-100": 1.60,
}
"""Everything as the paper says; "sas-no-first-value" and "identity-0", which are one model, end 0.001 apart."""

RATIO_ENDS = {"identity-gains": 0.02, "orthogonal-gains": 0.04, "pre-ln-gains": 0.5}
FIRST = 0.3
"""Where |β/α| ends, from 0.2; and that of the first W_V of the identity."""

HEAD_GAINS = {"attn.alpha": 0.8, "attn.beta": 1.2, "attn.gamma": 0.7}
"""Where the gains of attention end, from 1."""


def gains_at(name: str, share: float, L: int, ends: dict | None = None) -> dict[str, tuple[float, ...]]:
    """All gains of a setting after `share` of training, in a straight line to where they end."""
    setting = VALUES[name]
    start_ff = dict(setting.options).get("beta_ff", 0.2)
    goals = {gain: (1.0, end) for gain, end in HEAD_GAINS.items()} | {"beta_ff": (start_ff, 1.5 * start_ff)}
    if setting.block == "pre-ln":
        goals = {}
    if name == "value-skip":
        del goals["attn.gamma"]
    found = {gain: [a + share * ((ends or {}).get(gain, b) - a)] * L for gain, (a, b) in goals.items()}
    if name in RATIO_ENDS:
        for matrix in ("value", "project"):
            found[f"{matrix}.alpha"] = [1.0] * L
            found[f"{matrix}.beta"] = [0.2 + share * ((ends or RATIO_ENDS).get(name, RATIO_ENDS[name]) - 0.2)] * L
        if name == "identity-gains":
            found["value.beta"][0] = 0.2 + share * (FIRST - 0.2)
    return {gain: tuple(values) for gain, values in found.items()}


def moved_at(name: str, share: float, L: int) -> dict[str, tuple[float, ...]]:
    setting = VALUES[name]
    if setting.block == "sas":
        none = name == "sas-no-first-value"
        return {} if none else {"attn.value": (0.5 * share, *[math.nan] * (L - 1))}
    if setting.block == "pre-ln" and name != "pre-ln-gains":
        return {}
    size = dict(setting.options).get("vp_beta", 1.0) * dict(setting.recipe).get("value_rate", 1.0)
    return dict.fromkeys(("value", "project"), (size * share,) * L)


def run(*given, gains=None, **options) -> TrainingRun:
    """A run of a setting, by name, seed, rate and end; `gains`: where gains end, as for `gains_at`."""
    return _run(*given, gains=tuple((gains or {}).items()), **options)


@cache
def _run(
    name="sas", seed=0, lr=3e-3, end=None, *, steps=1500, L=6, d=64, stopped_at=None, chosen=None, gains=(),
    command=COMMAND, corpus="python-stdlib", every=50, files=HARDER,
) -> TrainingRun:  # fmt: skip
    """The held-out loss falls to `end`. Kept, because runs are frozen and tests ask for the same ones again."""
    setting, end = VALUES[name], ENDS[name] if end is None else end
    spec = (VariantSpec if setting.variant else TrainSpec)(
        architecture=Architecture(
            block=setting.block, variant=setting.variant, L=L, d=d, options=tuple(sorted(setting.options.items()))
        ),
        reading=Reading(corpus=corpus),
        recipe=Recipe(steps=steps, lr=lr, **setting.recipe),
        seed=seed,
        order_seed=seed,
        every=every,
    )
    last = steps if stopped_at is None else stopped_at
    stops = [stop for stop in spec.stops if stop <= last]
    looks = [
        Look(
            step=k, loss=loss_at(k, end, steps), gains=(now := gains_at(name, k / steps, L, dict(gains))),
            spread={gain: (0.1,) * L for gain in now if gain.startswith("attn")}, moved=moved_at(name, k / steps, L),
        )
        for k in spec.looks if k <= last
    ]  # fmt: skip
    return (VariantRun if setting.variant else TrainingRun)(
        spec=spec,
        n_parameters=300_000 if setting.block == "sas" else 350_000,
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
        document_losses=[end + more for more in files],
        document_tokens=DOCUMENTS,
        before=_NOTHING,
        after=_NOTHING,
        stopped="" if stopped_at is None else f"the loss is no longer a number at step {stopped_at}",
        weights_sha256="4" * 64,
        provenance=provenance(L=L, d=d).model_copy(update={"command": command, "windows_sha256": "5" * 64}),
    )


def settings(ends=None, *, seeds=3, noise=0.004, rates=None, **options) -> list[TrainingRun]:
    """Every setting with every seed: the end of seed k is k · noise above that of seed 0. `ends`: those that differ."""
    ends, rates = ENDS | (ends or {}), rates or {}
    return [
        run(name, seed, rates.get(name, 3e-3), end + noise * seed, **options)
        for seed in range(seeds)
        for name, end in ends.items()
    ]


def screen(best=None, *, broken=(), **options) -> list[TrainingRun]:
    """Every setting at each of its rates; its best is `best[name]`, 3e-3 where nothing is said."""
    return [
        run(
            name, 100, rate, 2.0 + abs(math.log(rate / (best or {}).get(name, 3e-3))), steps=500,
            stopped_at=100 if (name, rate) in broken else None, **options,
        )
        for name, setting in VALUES.items()
        for rate in setting.rates
    ]  # fmt: skip
