"""Trainings with a term as the rules of their verdicts need them: what is certain, and which questions count."""

import numpy as np

from nearlinear.results.claims import Verdict
from nearlinear.results.drift_groups import Change
from nearlinear.results.regularised_views import (
    NONE,
    PAPERS,
    Grid,
    Runs,
    Setting,
    answered,
    gained,
    gap,
    gaps,
    grid_of,
    kinds_of,
    over_items,
)

from .drift_verdicts import ENOUGH, WIDTH
from .regularised_texts import CHANCE

IN_SAMPLE = "in_sample_update_scores"
"""The paper's way: in sample, first tokens in."""

BETTER, WORSE, EVEN = "better", "worse", "neither"


class Judge:
    """The trainings of one family, as the rules need them."""

    def __init__(self, runs: Runs):
        self.runs: Runs = list(runs)
        self.grid: Grid = grid_of(runs)
        self.steps, self.d = runs[0].spec.recipe.steps, runs[0].spec.architecture.d

    @property
    def says(self) -> bool:
        """Whether there is enough to say anything: steps, and runs of the paper's setting."""
        return self.steps >= ENOUGH and PAPERS in self.grid

    def against(self) -> Verdict:
        """What is said where the opposite is found."""
        return "contradicted" if self.d >= WIDTH else "not at this size"

    def gap(self, name: str, setting: Setting = PAPERS) -> Change:
        return gap(self.grid[setting], self.grid[NONE], name)

    def lower_everywhere(self, name: str) -> bool:
        """In every block with every seed, and certainly so in the mean over blocks."""
        values = gaps(self.grid[PAPERS], self.grid[NONE], name)
        return self.gap(name).falls and bool((values < 0).all())

    @property
    def counting(self) -> list[str]:
        """Kinds of questions that the models without a term answer better than chance."""
        found = []
        for kind in kinds_of(self.grid):
            right = np.array(list(answered(self.grid[NONE], kind).values()))
            if len(right) and over_items(right)[0] > CHANCE:
                found.append(kind)
        return found

    def more(self, kind: str, ours: Setting = PAPERS, other: Setting = NONE) -> np.ndarray:
        """Right answers more than under the other setting, (seeds, n); no seeds where a setting is not there."""
        return gained(answered(self.grid.get(ours, ()), kind), answered(self.grid.get(other, ()), kind))

    def word(self, kind: str, ours: Setting = PAPERS, other: Setting = NONE) -> str:
        return word(self.more(kind, ours, other))

    @property
    def command(self) -> str:
        size = "laptop" if self.steps >= ENOUGH else "quick"
        return f"nearlinear results --only drift-{size}"

    @property
    def conditions(self) -> str:
        broken = sum(bool(run.stopped) for run in self.runs)
        said = f"95 % intervals over {len(self.grid[NONE])} seeds; d = {self.d}; λ = 0 and λ > 0 at one learning rate"
        return f"{said}; {broken} of the trainings broke off" if broken else said


def word(more: np.ndarray) -> str:
    """Better, worse or neither: with every seed, and by the interval over questions, (seeds, n)."""
    if len(more) < 2:
        return EVEN
    (low, high), by_seed = over_items(more), more.mean(-1)
    if low > 0 and (by_seed > 0).all():
        return BETTER
    return WORSE if high < 0 and (by_seed < 0).all() else EVEN
