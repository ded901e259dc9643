"""Trainings that differ in one setting, side by side: by the name of the setting, and gain by gain through training."""

import math
from collections.abc import Callable, Iterable
from functools import cache

import numpy as np

from .training import Curve, Look, Recipe, TrainingRun, TrainSpec
from .training_studies import VALUES, Setting
from .training_views import Runs, Screened

Settings = dict[str, list[TrainingRun]]
"""Name of a setting → its runs."""

_OF_A_SETTING = ("schedule", "value_rate")
"""What the recipe of a setting may say."""


def setting_of(spec: TrainSpec) -> str:
    """The name in VALUES of the setting that was trained. Raises ValueError for a training that is none of them."""
    shape, recipe = spec.architecture, spec.recipe
    found = _names().get((shape.block, shape.variant, shape.options, *(getattr(recipe, n) for n in _OF_A_SETTING)))
    if found is None:
        raise ValueError(f"this training of {shape.block} is no setting of the study of values: give it one of VALUES")
    return found


@cache
def _names() -> dict[tuple, str]:
    return {_key(setting): name for name, setting in VALUES.items()}


def _key(setting: Setting) -> tuple:
    plain = Recipe()
    recipe = (setting.recipe.get(name, getattr(plain, name)) for name in _OF_A_SETTING)
    return (setting.block, setting.variant, tuple(sorted(setting.options.items())), *recipe)


def by_setting(runs: Iterable[TrainingRun]) -> Settings:
    """Setting → its runs, by seed and rate, in the order of VALUES.

    Raises ValueError where there is none, or where they differ in more than setting, rate and seed.
    """
    runs = list(runs)
    check_settings(runs)
    places = {name: place for place, name in enumerate(VALUES)}
    found: Settings = {}
    for run in sorted(runs, key=lambda r: (places[setting_of(r.spec)], r.spec.seed, r.spec.recipe.lr)):
        found.setdefault(setting_of(run.spec), []).append(run)
    return found


def check_settings(runs: Runs) -> None:
    """Raise ValueError where runs cannot stand side by side: other sizes, texts, steps or windows."""
    if not runs:
        raise ValueError("there is no training to show: give one run or more")
    if len({_shared(run) for run in runs}) > 1:
        raise ValueError("these trainings differ in size, text or steps: only setting, rate and seed may differ")
    if len({run.provenance.windows_sha256 for run in runs}) > 1:
        raise ValueError("these trainings read other windows of text: they cannot be compared")


def _shared(run: TrainingRun) -> str:
    free = {
        "architecture": {"block", "variant", "options"},
        "recipe": {"lr", *_OF_A_SETTING},
        "seed": True,
        "order_seed": True,
    }
    return run.spec.model_dump_json(exclude=free)


def screened_settings(runs: Iterable[TrainingRun]) -> dict[str, Screened]:
    """Setting → what its rates gave, on the text for choices."""
    return {
        name: Screened(
            rates=tuple(run.spec.recipe.lr for run in each),
            losses=tuple(math.nan if run.stopped else run.chosen_loss for run in each),
        )
        for name, each in by_setting(runs).items()
    }


GAINS = ("attn.alpha", "attn.beta", "attn.gamma", "beta_ff")
"""The gains of SAS as a look has them: α, β, γ (means over heads) and β_FF."""

MATRICES = ("value", "project")
"""W_V and W_P as a look has them, where they are re-parametrised (Eq. 6)."""


def gain_names(run: TrainingRun) -> tuple[str, ...]:
    """Which of GAINS a run has: those that its block trains."""
    return tuple(name for name in GAINS if name in run.looks[0].gains)


def has_ratios(run: TrainingRun) -> bool:
    """Whether α and β of W_V and W_P were trained, so that their ratio says something."""
    return f"{MATRICES[0]}.beta" in run.looks[0].gains


def gain_curves(runs: Runs, name: str) -> np.ndarray:
    """One kind of gain at every look that was planned, (runs, looks, L); NaN after a training broke off."""
    return _through(runs, lambda look: look.gains[name])


def ratio_curves(runs: Runs, matrix: str) -> np.ndarray:
    """|β/α| of "value" or "project", (runs, looks, L): two trained numbers, as in Fig. 4."""
    return np.abs(gain_curves(runs, f"{matrix}.beta") / gain_curves(runs, f"{matrix}.alpha"))


def moved_curves(runs: Runs, matrix: str) -> np.ndarray:
    """‖β ΔW‖ / ‖α W_init‖ of "value" or "project", (runs, looks, L): how far the matrix itself has gone."""
    return _through(runs, lambda look: look.moved[matrix])


def _through(runs: Runs, read: Callable[[Look], Curve]) -> np.ndarray:
    L, places = runs[0].spec.architecture.L, {step: place for place, step in enumerate(runs[0].spec.looks)}
    found = np.full((len(runs), len(places), L), math.nan)
    for i, run in enumerate(runs):
        for look in run.looks:
            found[i, places[look.step]] = read(look)
    return found
