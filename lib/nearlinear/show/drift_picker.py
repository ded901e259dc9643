"""A picker of drifts: family and text × look, every block's scores and the size of its update at that look."""

from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np

from nearlinear.results.drift_groups import Group, by_group
from nearlinear.results.drift_views import through

from . import svg
from .drift_words import Runs, group_name, heading
from .frames import FLOOR, LEFT, RIGHT, TOP, Frame, block_numbers, block_scale, side_by_side
from .learning_words import loss_said
from .meeting_picker import _controls as look_controls
from .picker import _chosen, _drawn, _refuse_heavy, _wide
from .style import BLUE, FAINT, GREY, ORANGE, VERMILLION
from .words import number, score

DASHED = " stroke-dasharray='5 3'"


def drift_picker(runs: Runs, name: str = "Drift") -> widgets.VBox:
    """One family on one text at a time, at a look of your choice. Every frame is on the page.

    Groups with as many looks share their controls. Raises ValueError for a picker heavier than BUDGET, and as
    `by_group` does.
    """
    groups, pages = by_group(runs), []
    counts = sorted({len(each[0].spec.looks) for each in groups.values()})
    controls = {n: look_controls(name, n - 1) for n in counts}
    for group, each in groups.items():
        frames = frames_of(group, each)
        slider, row = controls[len(frames)]
        pages.append(widgets.VBox([row, _chosen(slider, "value", _drawn(frames))]))
    which = widgets.Dropdown(
        options=[group_name(group) for group in groups], index=0, description=f"{name}: model", **_wide("30rem")
    )
    picker = widgets.VBox([which, _chosen(which, "index", pages)])
    _refuse_heavy(picker, name)
    return picker


@dataclass(frozen=True)
class Seen:
    """What the frames of one group draw: arrays (seeds, looks, L), `losses` (seeds, looks), and shared scales."""

    name: str
    heading: str
    steps: tuple[int, ...]
    losses: np.ndarray
    update: np.ndarray
    every: np.ndarray
    rest: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, group: Group, runs: Runs) -> "Seen":
        def values(name: str, **how) -> np.ndarray:
            return through(runs, name, **how)[1]

        return cls(
            name=group_name(group),
            heading=heading(runs),
            steps=runs[0].spec.looks,
            losses=values("loss"),
            update=values("update_scores"),
            every=values("update_scores", first_tokens=True),
            rest=1 - values("scores"),
            size=values("size"),
        )

    @property
    def left(self) -> svg.Scale:
        return svg.Scale(min(0.0, _low(self.update), _low(self.every)), 1.0, FLOOR, TOP)

    @property
    def right(self) -> svg.Scale:
        return svg.Scale(*_ends(self.rest, self.size), FLOOR, TOP, log=True)


def frames_of(group: Group, runs: Runs) -> list[Frame]:
    """One frame a look: left s_Δ by block, right 1 − s and the size of the update, on the same scales at every look."""
    seen = Seen.of(group, runs)
    return [drift_frame(seen, k) for k in range(len(seen.steps))]


def drift_frame(seen: Seen, k: int) -> Frame:
    """Look number k."""
    step = seen.steps[k]
    when = f"after {step:,} steps" if step else "before training"
    update, every, rest, size = (each[:, k].mean(0) for each in (seen.update, seen.every, seen.rest, seen.size))
    loss = loss_said(float(seen.losses[:, k].mean()))
    blocks = "; ".join(
        f"block {b} s_Δ {score(float(s))}, 1 − s {number(float(r))}, ‖Δ‖² / ‖Y‖² {number(float(z))}"
        for b, (s, r, z) in enumerate(zip(update, rest, size, strict=True))
    )
    alt = f"{seen.name}, {when} (look {k}): held-out loss {loss}. Means over seeds: {blocks}. {seen.heading}."
    below = (
        f"<p style='margin:6px 0 0'><b>{seen.name}, {when}</b> · held-out loss {loss} · mean over blocks: s_Δ "
        f"{score(float(update.mean()))}, with first tokens {score(float(every.mean()))}; 1 − s "
        f"{number(float(rest.mean()))}; ‖Δ‖² / ‖Y‖² {number(float(size.mean()))}.</p>"
        f"<p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>Thick: mean over seeds; thin: each seed. "
        f"{seen.heading}.</p>"
    )
    return Frame.of(side_by_side(_scores_drawn(seen, k), _sizes_drawn(rest, size, seen.right)), alt, below)


def _scores_drawn(seen: Seen, k: int) -> list[str]:
    y = seen.left
    return [
        svg.text(0, 12, "s_Δ; dashed: with first tokens; grey: before training", colour=FAINT),
        svg.ruled(y, LEFT, upright=True, until=RIGHT),
        _line(seen.update[:, 0].mean(0), y, GREY, 1.2),
        *(_line(each, y, BLUE, 0.6) for each in seen.update[:, k]),
        _line(seen.every[:, k].mean(0), y, BLUE, 1.2, DASHED),
        _line(seen.update[:, k].mean(0), y, BLUE),
        *block_numbers(seen.update.shape[-1]),
    ]


def _sizes_drawn(rest: np.ndarray, size: np.ndarray, y: svg.Scale) -> list[str]:
    return [
        svg.text(0, 12, "1 − s", colour=VERMILLION),
        svg.text(44, 12, "‖Δ‖² / ‖Y‖²; the axis is logarithmic", colour=ORANGE),
        svg.ruled(y, LEFT, upright=True, until=RIGHT),
        _line(rest, y, VERMILLION),
        _line(size, y, ORANGE),
        *block_numbers(len(rest)),
    ]


def _line(values: np.ndarray, y: svg.Scale, colour: str, width: float = 1.8, look: str = "") -> str:
    x = block_scale(len(values))
    return svg.curve([(x(b), y(float(v))) for b, v in enumerate(values)], colour, width, look)


def _low(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.min()) if len(known) else 0.0


def _ends(*values: np.ndarray) -> tuple[float, float]:
    """Where a logarithmic axis begins and ends."""
    known = np.concatenate([each[np.isfinite(each) & (each > 0)] for each in values])
    return (0.8 * float(known.min()), 1.25 * float(known.max())) if len(known) else (0.1, 1.0)
