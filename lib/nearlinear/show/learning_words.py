"""Trainings in words: what was run, losses and differences as they are said, and what is to be said of the rates."""

from collections.abc import Mapping, Sequence

import numpy as np

from nearlinear.results.training import Block, TrainingRun
from nearlinear.results.training_views import Difference, by_block, screened

from .counting import NAMES
from .signal import how_made

Runs = Sequence[TrainingRun]

BASE: Block = "pre-ln"
"""The block that the others are measured against."""


def heading(runs: Runs) -> str:
    """What was trained, on how much, and how often, so that a quick run can never pass for the full one."""
    spec = runs[0].spec
    shape, recipe, reading = spec.architecture, spec.recipe, spec.reading
    tokens = recipe.steps * recipe.batch * shape.T
    seeds = len({run.spec.seed for run in runs})
    return (
        f"{shape.L} block{'s' * (shape.L > 1)}, d = {shape.d}, {shape.h} heads · T = {shape.T}, B = {recipe.batch} · "
        f"{recipe.steps:,} steps, {tokens:,} tokens of {reading.corpus} ({reading.tokens}) · "
        f"{seeds} seed{'s' * (seeds > 1)} · {how_made(runs[0])}"
    )


def unit(run: TrainingRun) -> str:
    return "nats a byte" if run.spec.reading.tokens == "bytes" else "nats a token"


def loss_said(value: float) -> str:
    """A loss with three decimals."""
    return "no answer" if np.isnan(value) else f"{value:.3f}"


def gap_said(value: float) -> str:
    """A difference of losses, with its sign."""
    return "no answer" if np.isnan(value) else f"{value:+.3f}".replace("-", "−")


def rates_used(runs: Runs) -> dict[Block, float]:
    """Block → the rate that it was trained with, of runs that may be none."""
    return {block: each[0].spec.recipe.lr for block, each in by_block(runs).items()} if runs else {}


def edges_said(screen: Runs) -> str:
    """Which blocks learn most at the lowest or highest rate tried, in a sentence; nothing where none does."""
    edges = {block: one.edge for block, one in screened(screen).items() if one.edge}
    told = ", ".join(f"{NAMES[block]} ({edge})" for block, edge in edges.items())
    return f"At the edge of the rates tried, so that a better one may lie beyond: {told}." if told else ""


def used_said(runs: Runs) -> str:
    told = ", ".join(f"{NAMES[block]} {rate:g}" for block, rate in rates_used(runs).items())
    return f"Rates of the long runs: {told}." if told else ""


def ranged(values: np.ndarray) -> str:
    """1.532 (1.529 to 1.536)"""
    if len(values) == 1:
        return loss_said(values[0])
    return f"{loss_said(values.mean())} ({loss_said(values.min())} to {loss_said(values.max())})"


def spread_said(blocks: Mapping[Block, Runs]) -> str:
    seeds = max(map(len, blocks.values()))
    if seeds == 1:
        return "One seed of weights and order."
    return f"Line: mean over {seeds} seeds of weights and order; band: from the lowest to the highest."


def gap_told(gap: Difference) -> str:
    """+0.041, seeds +0.039 to +0.043, interval over files [+0.036, +0.046]"""
    seeds = f", seeds {gap_said(min(gap.seeds))} to {gap_said(max(gap.seeds))}" if len(gap.seeds) > 1 else ""
    files = "" if np.isnan(gap.low) else f", interval over files [{gap_said(gap.low)}, {gap_said(gap.high)}]"
    return f"{gap_said(gap.mean)}{seeds}{files}"
