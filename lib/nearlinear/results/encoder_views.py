"""Encoders side by side: how long their steps took, where they stand in equal time, and how soon they are as low."""

from collections.abc import Mapping

import numpy as np

from .training import Block, TrainingRun
from .training_views import Runs, equal_time, step_reaching

Blocks = Mapping[Block, Runs]
"""Block → its trainings, by seed, as `training_views.by_block` gives them."""


def stretch_seconds(run: TrainingRun) -> np.ndarray:
    """Seconds of a step in every stretch between two stops of a run, (stops,), by its own clock."""
    return np.diff((0.0, *run.seconds)) / np.diff((0, *run.steps))


def clock(blocks: Blocks) -> dict[Block, float]:
    """Block → seconds of a step: the median over all stretches of all its runs.

    A median, because the machine may have done other things in some of them; NaN where no run came to a stop.
    """
    found = {block: np.concatenate([stretch_seconds(run) for run in runs]) for block, runs in blocks.items()}
    return {block: float(np.median(each)) if len(each) else float("nan") for block, each in found.items()}


def clock_range(runs: Runs) -> tuple[float, float]:
    """The same for each run alone, the quickest and the slowest: how far that clock is to be trusted."""
    each = [float(np.median(stretch_seconds(run))) for run in runs if run.steps]
    return (min(each), max(each)) if each else (float("nan"),) * 2


def in_equal_time(blocks: Blocks) -> dict[Block, tuple[float, np.ndarray]]:
    """Block → (steps, loss of each run (seeds,)) when the quickest block has ended, by `clock` (Fig. 7)."""
    seconds = {block: each for block, each in clock(blocks).items() if np.isfinite(each)}
    return equal_time(blocks, seconds)


def as_low(runs: Runs, base: Runs) -> np.ndarray:
    """After how many steps each run is first as low as the base block's run of its seed ends, (seeds,).

    Between looks in a straight line; NaN where it never is, or where the other has no end. Raises ValueError for other
    seeds.
    """
    if [run.spec.seed for run in runs] != [run.spec.seed for run in base]:
        raise ValueError("these trainings have different seeds: pair each with one of its own seed")
    return np.array([step_reaching(run, other.loss) for run, other in zip(runs, base, strict=True)])
