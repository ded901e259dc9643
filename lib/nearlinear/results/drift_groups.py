"""Drifts by family and text: trainings that differ in their seeds alone, and by how much a measure changes on the way.

Seeds draw the weights and the order of the text. Their spread gives an interval by Student's t, which with three seeds
is wide: that is what three trainings can tell.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .drift import DriftRun
from .drift_looks import Shape
from .drift_views import split, through

Group = tuple[str, str]
"""(family, corpus)"""

EARLY = 100
"""Steps at which Fig. 2 of arXiv 2405.12250 begins."""

STUDENT = (math.nan, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""By degrees of freedom, the point that t leaves 2.5 % above; beyond the last, the last is on the safe side."""


def by_group(runs: Iterable[DriftRun]) -> dict[Group, list[DriftRun]]:
    """(family, corpus) → its runs by seed.

    Raises ValueError where there are none, and where runs of a group differ in more than their seeds.
    """
    found: dict[Group, list[DriftRun]] = {}
    for run in sorted(runs, key=lambda run: run.spec.seed):
        found.setdefault((run.spec.architecture.family, run.spec.reading.corpus), []).append(run)
    if not found:
        raise ValueError("there is no training to show: give one run or more")
    for group, each in found.items():
        if len({_shared(run) for run in each}) > 1:
            raise ValueError(f"the trainings of {' on '.join(group)} differ in more than their seeds")
    return found


def _shared(run: DriftRun) -> str:
    apart = {"seed": True, "order_seed": True, "probe": True, "samples": True, "questions": True}
    return run.spec.model_dump_json(exclude=apart)


def early(runs: Sequence[DriftRun]) -> int:
    """The place of the first look after EARLY steps or more; of the first after any step, where all are earlier."""
    looks = runs[0].spec.looks
    return next((k for k, step in enumerate(looks[:-1]) if step >= EARLY), min(1, len(looks) - 1))


@dataclass(frozen=True)
class Change:
    """Of one number from one look to another, `seeds`: one entry each; NaN where a training broke off."""

    seeds: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.seeds))

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, over seeds; NaN for one alone."""
        return student(self.seeds)

    @property
    def falls(self) -> bool:
        return self.interval[1] < 0

    @property
    def rises(self) -> bool:
        return self.interval[0] > 0


def student(values: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the mean of a few values, (low, high); NaN for fewer than two."""
    n = len(values)
    if n < 2:
        return math.nan, math.nan
    half = STUDENT[min(n - 1, len(STUDENT) - 1)] * float(np.std(values, ddof=1)) / n**0.5
    mean = float(np.mean(values))
    return mean - half, mean + half


Curves = tuple[tuple[int, ...], np.ndarray]
"""(steps, values (seeds, looks))"""


def over_blocks(runs: Sequence[DriftRun], name: str, *, first_tokens: bool = False) -> Curves:
    """The mean of a measure over blocks, of the cloud over what leaves them; NaN after a training broke off.

    What enters the first block is left out: where tokens are bytes, that cloud has as many points as there are bytes.
    """
    steps, values = through(runs, name, first_tokens=first_tokens)
    if name in Shape.model_fields:
        values = values[..., 1:]
    return steps, values if values.ndim == 2 else values.mean(-1)


def change(runs: Sequence[DriftRun], name: str, *, first_tokens: bool = False, since: int | None = None) -> Change:
    """Of the mean over blocks, from look number `since` (None: the early one) to the last."""
    _, values = over_blocks(runs, name, first_tokens=first_tokens)
    return Change(tuple((values[:, -1] - values[:, early(runs) if since is None else since]).tolist()))


def account(runs: Sequence[DriftRun], since: int | None = None) -> np.ndarray:
    """Why s_Δ changes between two looks, seed by seed and block by block: (2, seeds, L), unexplained and size.

    1 − s_Δ changes by the factor exp(unexplained − size), see `Split`. NaN where a training broke off.
    """
    at, found = early(runs) if since is None else since, []
    for run in runs:
        if run.stopped:
            found.append(np.full((2, run.spec.architecture.L), math.nan))
            continue
        parts = split(run.looks[at].no_first_token, run.looks[-1].no_first_token)
        found.append(np.stack([parts.unexplained, parts.size]))
    return np.stack(found, axis=1)
