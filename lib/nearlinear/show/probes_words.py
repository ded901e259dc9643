"""Probes in words: what was read out, by which probe, of how many examples, and what guessing gives."""

import numpy as np

from nearlinear.results.drift import DriftRun
from nearlinear.results.regularised_views import Runs, read_out

from .words import NO_ANSWER

NOTHING = "No state of these trainings was read out: trainings of this size are not probed."
MAJORITY = "what the commonest label gets right"


def is_read_out(runs: Runs) -> bool:
    return any(run.probed for run in runs)


def _one(runs: Runs) -> DriftRun:
    return next(run for run in runs if run.probed)


def majority_of(runs: Runs) -> float:
    """What the commonest label of the test gets right."""
    return _one(runs).majority


def probe_said(runs: Runs) -> str:
    """Task, and how many examples each part has."""
    run = _one(runs)
    probe, n = run.spec.probe, len(run.probed[-1].right[0])
    parts = f"fitted on at most {probe.n_train:,}, penalty chosen on {probe.n_choose:,}, {n:,} to test" if probe else ""
    cut = f", {run.n_cut:,} of them cut to T tokens" if run.n_cut else ""
    return f"{probe.task}: {parts}{cut}" if probe else f"{n:,} test examples{cut}"


def accuracies(runs: Runs, at: int = -1) -> np.ndarray:
    """Share of test examples that are right, (seeds, L + 1); no seeds where none was probed."""
    return np.array([right.mean(1) for right in read_out(runs, at).values()])


def percent(value: float) -> str:
    return NO_ANSWER if np.isnan(value) else f"{100 * value:.1f} %"


def states_said(values: np.ndarray) -> str:
    """Means over seeds, state by state."""
    return ", ".join(percent(float(value)) for value in values.mean(0))
