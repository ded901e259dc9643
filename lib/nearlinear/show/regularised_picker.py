"""A picker of terms and λ × block: both scores and the size of the update at one block, beside no term."""

from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np

from nearlinear.results.regularised_views import NONE, Grid, Runs, Setting, account, at_end

from . import svg
from .drift_picker import _ends, _low
from .drift_words import signed
from .frames import FLOOR, LEFT, RIGHT, TOP, Frame, block_numbers, block_scale, here, side_by_side
from .learning_words import loss_said
from .picker import layer_picker
from .regularised_words import family_name, grids_of, mean_of, setting_name, size_said
from .style import BLUE, FAINT, GREY, ORANGE, VERMILLION
from .words import number, score

NAMES = ("update_scores", "unexplained", "size")


def regularised_picker(runs: Runs, name: str = "Terms") -> widgets.VBox:
    """Family, term and λ by name × block by number. Raises ValueError for a picker heavier than its budget."""
    frames = {}
    for family, grid in grids_of(runs).items():
        seen = Seen.of(grid)
        for setting in grid:
            frames[f"{family_name(family)}, {setting_name(setting)}"] = setting_frames(seen, setting)
    return layer_picker(frames, name=name)


@dataclass(frozen=True)
class Seen:
    """A family's values at the end, (seeds, L) each, and the scales that all its frames share."""

    grid: Grid
    values: dict[Setting, dict[str, np.ndarray]]

    @classmethod
    def of(cls, grid: Grid) -> "Seen":
        return cls(grid, {s: {name: at_end(each, name) for name in NAMES} for s, each in grid.items()})

    def mean(self, setting: Setting, name: str) -> np.ndarray:
        return np.array([mean_of(column) for column in self.values[setting][name].T])

    @property
    def left(self) -> svg.Scale:
        return svg.Scale(min(0.0, *(_low(each["update_scores"]) for each in self.values.values())), 1.0, FLOOR, TOP)

    @property
    def right(self) -> svg.Scale:
        sizes = [each[name] for each in self.values.values() for name in ("unexplained", "size")]
        return svg.Scale(*_ends(*sizes), FLOOR, TOP, log=True)


def setting_frames(seen: Seen, setting: Setting) -> list[Frame]:
    """One frame a block, on the same scales for every setting of a family."""
    drawings, L = _drawn(seen, setting), seen.values[setting]["size"].shape[1]
    return [_frame(seen, setting, block, drawings) for block in range(L)]


def _frame(seen: Seen, setting: Setting, block: int, drawings) -> Frame:
    runs = seen.grid[setting]
    update, rest, size = (float(seen.mean(setting, name)[block]) for name in NAMES)
    title = f"{family_name(runs[0].spec.architecture.family)}, {setting_name(setting)}, block {block}"
    told = (
        f"{title}: s_Δ {score(update)}, 1 − s {number(rest)}, ‖Δ‖² / ‖Y‖² {number(size)}; held-out loss "
        f"{loss_said(mean_of(at_end(runs, 'loss')))}"
    )
    if setting != NONE:
        more, larger = (mean_of(part[:, block]) for part in account(runs, seen.grid[NONE]))
        told += (
            f". Against no term, log(1 − s_Δ) {signed(more - larger, 2)}: more unexplained {signed(more, 2)}, smaller "
            f"update {signed(-larger, 2)}"
        )
    below = (
        f"<p style='margin:6px 0 0'>{told}.</p><p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>Thick: mean over "
        f"seeds; thin: each seed; grey: no term. {size_said(runs)}.</p>"
    )
    marked = [[*parts, here(block, seen.values[setting]["size"].shape[1])] for parts in drawings]
    return Frame.of(side_by_side(*marked), f"{told}. {size_said(runs)}.", below)


def _drawn(seen: Seen, setting: Setting) -> tuple[list[str], list[str]]:
    L = seen.values[setting]["size"].shape[1]
    y, z = seen.left, seen.right
    left = [
        svg.text(0, 12, "s_Δ; grey: no term", colour=FAINT),
        svg.ruled(y, LEFT, upright=True, until=RIGHT),
        _line(seen.mean(NONE, "update_scores"), y, GREY, 1.2),
        *(_line(each, y, BLUE, 0.6) for each in seen.values[setting]["update_scores"]),
        _line(seen.mean(setting, "update_scores"), y, BLUE),
        *block_numbers(L),
    ]
    right = [
        svg.text(0, 12, "1 − s", colour=VERMILLION),
        svg.text(44, 12, "‖Δ‖² / ‖Y‖²; the axis is logarithmic", colour=ORANGE),
        svg.ruled(z, LEFT, upright=True, until=RIGHT),
        *(_line(seen.mean(NONE, name), z, GREY, 1.2) for name in ("unexplained", "size")),
        _line(seen.mean(setting, "unexplained"), z, VERMILLION),
        _line(seen.mean(setting, "size"), z, ORANGE),
        *block_numbers(L),
    ]
    return left, right


def _line(values: np.ndarray, y: svg.Scale, colour: str, width: float = 1.8) -> str:
    x = block_scale(len(values))
    return svg.curve([(x(b), y(float(v))) for b, v in enumerate(values)], colour, width)
