"""Trainings with a term in words: what a reader calls terms and λ, how they are drawn, and paired differences."""

from collections.abc import Sequence

import numpy as np

from nearlinear.results.drift_groups import Change
from nearlinear.results.regularised_views import NONE, Grid, Runs, Setting, grid_of

from .drift_words import change_told, family_name, heading
from .style import BLUE, GREY, ORANGE, VERMILLION

TERMS = {"none": "no term", "cosine": "cosine term", "squared": "squared term"}
"""The paper calls the squared term MSE."""

_BY_STRENGTH = ((BLUE, "o", "-"), (ORANGE, "s", (0, (5, 1.5))), (VERMILLION, "D", (0, (2, 1.2))))
PLAIN = (GREY, "^", (0, (4, 2)))

TERM_LOOKS = {"cosine": (BLUE, "o", "-"), "squared": (VERMILLION, "s", (0, (5, 1.5)))}


def term_name(term: str) -> str:
    return TERMS.get(term, term)


def setting_name(setting: Setting) -> str:
    """ "cosine term, λ = 0.5" """
    return TERMS["none"] if setting == NONE else f"{term_name(setting[0])}, λ = {setting[1]:g}"


def strength_look(grid: Grid, setting: Setting) -> tuple:
    """Colour, marker and line of a λ: the same for both terms, grey and dashed for none."""
    if setting == NONE:
        return PLAIN
    strengths = sorted({strength for term, strength in grid if term != "none"})
    return _BY_STRENGTH[strengths.index(setting[1]) % len(_BY_STRENGTH)]


def size_said(runs: Runs) -> str:
    """Family, and what was trained: so that a quick run can never pass for the full one."""
    return f"{family_name(runs[0].spec.architecture.family)} · {heading(runs)}"


def seeds_note(grid: Grid) -> str:
    n = len(grid[NONE])
    one = "One seed of weights and order of the text."
    return one if n == 1 else f"Means over {n} seeds; bands and bars from the lowest to the highest."


def broken_said(grid: Grid) -> str:
    """Which trainings broke off; nothing where none did."""
    broken = [f"{setting_name(s)}, seed {run.spec.seed}" for s, each in grid.items() for run in each if run.stopped]
    return f"Broke off, and not drawn: {'; '.join(broken)}." if broken else ""


def way(found: Change, lower: str = "lower", higher: str = "higher", neither: str = "neither for certain") -> str:
    """By the interval over seeds."""
    return lower if found.falls else higher if found.rises else neither


def families_of(runs: Runs) -> dict[str, list]:
    """Family → its runs, in order."""
    found: dict[str, list] = {}
    for run in runs:
        found.setdefault(run.spec.architecture.family, []).append(run)
    return found


def grids_of(runs: Runs) -> dict[str, Grid]:
    """Family → its runs by setting. Raises ValueError as `grid_of` does, and where there are no runs."""
    if not runs:
        raise ValueError("there is no training to show: give one run or more")
    return {family: grid_of(each) for family, each in families_of(runs).items()}


def mean_of(values: Sequence[float] | np.ndarray) -> float:
    """Over seeds that came to the end; NaN where none did."""
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return float(known.mean()) if len(known) else float("nan")


__all__ = [
    "TERMS",
    "TERM_LOOKS",
    "broken_said",
    "change_told",
    "families_of",
    "family_name",
    "grids_of",
    "mean_of",
    "seeds_note",
    "setting_name",
    "size_said",
    "strength_look",
    "term_name",
    "way",
]
