"""Where the papers meet, in words: what was measured, and values with their spread over seeds."""

import numpy as np

from nearlinear.results.meeting import MeetingStudy

from .signal import how_made
from .words import number, score

BASE = "pre-ln"
"""The block that the others are set against."""

SIMPLE = ("sas", "sas-p")
"""The blocks that the questions ask about."""

SEEDS_DRAWN = "Line: mean over {} seeds of weights and order of the text; band: from the lowest to the highest."


def heading(study: MeetingStudy, *, step: int | None = None) -> str:
    """What was measured, on how much, so that a quick run can never pass for the full one. `step`: None for the last.

    A negative step leaves the number of steps out.
    """
    steps = study.runs[0].steps[-1] if step is None else step
    trained = [] if steps < 0 else [f"after {steps:,} steps" if steps else "before training"]
    seeds = len(study.seeds)
    parts = [
        f"{study.L} blocks, d = {study.d}",
        *trained,
        f"{study.n_test:,} held-out tokens of {study.provenance.corpus.id}, T = {study.T}",
        f"n/d = {study.n_over_d:.0f}",
        f"{seeds} seed{'s' * (seeds > 1)}",
        how_made(study),
    ]
    return " · ".join(parts)


def spread_note(study: MeetingStudy) -> str:
    if len(study.seeds) == 1:
        return "One seed of weights and order of the text."
    return SEEDS_DRAWN.format(len(study.seeds))


def per_seed(values: np.ndarray) -> np.ndarray:
    """The median over blocks of (seeds, L), or of (seeds, stages, L)."""
    return np.nanmedian(values, axis=-1)


def ranged(values: np.ndarray, say=number) -> str:
    """Mean over seeds, and from the lowest to the highest: 0.612 (0.601 to 0.624)."""
    if len(values) == 1:
        return say(float(values[0]))
    return f"{say(float(values.mean()))} ({say(float(values.min()))} to {say(float(values.max()))})"


def signed(value: float) -> str:
    """Three decimals with the sign."""
    return "no answer" if np.isnan(value) else f"{value:+.3f}".replace("-", "−")


def scored(values: np.ndarray) -> str:
    """As `ranged`, for scores."""
    return ranged(values, score)


def asked(study: MeetingStudy) -> list[str]:
    """Of the blocks that the questions ask about, those that were measured."""
    return [block for block in SIMPLE if block in study.blocks]
