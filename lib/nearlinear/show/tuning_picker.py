"""A picker of finetunings: model and lesson × seed × block, before and after, and the way of one block in between."""

from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np

from nearlinear.results.tuning_views import through

from . import svg
from .frames import FLOOR, LEFT, RIGHT, TOP, Frame, block_numbers, block_scale, side_by_side, under
from .learning_picker import seed_controls
from .learning_words import loss_said
from .picker import _block_controls, _chosen, _drawn, _refuse_heavy, _wide
from .style import BLUE, FAINT, GREY, ORANGE, VERMILLION
from .tuning_words import Group, Runs, group_name, groups, heading, signed
from .words import number, score

DASHED = " stroke-dasharray='5 3'"


def tuning_picker(runs: Runs, name: str = "Finetuning") -> widgets.VBox:
    """One lesson of one model at a time: all blocks with a seed of your choice, a block of your choice with all seeds.

    Every frame is on the page. Groups of as many seeds, and models of as many blocks, share their controls. Raises
    ValueError for seeds that do not count from 0, and for a picker heavier than BUDGET.
    """
    found = groups(runs)
    if any([run.spec.seed for run in each] != [*range(len(each))] for each in found.values()):
        raise ValueError("the picker counts seeds from 0 for every lesson: give it runs with seeds 0, 1, 2 and so on")
    seeds = {n: seed_controls(name, n) for n in sorted({len(each) for each in found.values()})}
    depths = {each[0].before.L for each in found.values()}
    blocks = {L: _block_controls(L, name, 0) for L in sorted(depths)}
    pages = []
    for group, each in found.items():
        seen = Seen.of(group, each)
        (by_seed, seed_row), (by_block, block_row) = seeds[len(each)], blocks[each[0].before.L]
        over_seeds = _chosen(by_seed, "value", _drawn([seed_frame(seen, k) for k in range(len(each))]))
        over_blocks = _chosen(by_block, "value", _drawn([block_frame(seen, b) for b in range(seen.L)]))
        pages.append(widgets.VBox([seed_row, over_seeds, block_row, over_blocks]))
    which = widgets.Dropdown(
        options=[group_name(group) for group in found], index=0, description=f"{name}: lesson", **_wide("30rem")
    )
    picker = widgets.VBox([which, _chosen(which, "index", pages)])
    _refuse_heavy(picker, name)
    return picker


@dataclass(frozen=True)
class Seen:
    """What the frames of one lesson draw: arrays (seeds, looks, L), and (seeds, looks) of the loss of the text."""

    name: str
    heading: str
    steps: tuple[int, ...]
    losses: np.ndarray
    update: np.ndarray
    rest: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, group: Group, runs: Runs) -> "Seen":
        steps, update = through(runs, "update_scores")
        return cls(
            name=group_name(group),
            heading=heading(runs),
            steps=steps,
            losses=through(runs, "loss")[1],
            update=update,
            rest=1 - through(runs, "scores")[1],
            size=through(runs, "size")[1],
        )

    @property
    def L(self) -> int:
        return self.update.shape[2]

    @property
    def scale(self) -> svg.Scale:
        known = self.update[np.isfinite(self.update)]
        return svg.Scale(min(0.0, float(known.min())), 1.0, FLOOR, TOP)


def seed_frame(seen: Seen, k: int) -> Frame:
    """Seed k: left s_Δ by block before and after, right by how much it has risen, beside the two parts of that."""
    before, after = seen.update[k, 0], seen.update[k, -1]
    if np.isnan(after).any():
        words = f"{seen.name}, seed {k}: the finetuning broke off, and there is nothing after it"
        return Frame.of("", f"{words}. {seen.heading}.", f"<p style='margin:0'>{words}.</p>")
    explained = -np.log(seen.rest[k, -1] / seen.rest[k, 0])
    larger = np.log(seen.size[k, -1] / seen.size[k, 0])
    told = (
        f"mean over blocks: s_Δ {score(float(before.mean()))} to {score(float(after.mean()))}; "
        f"less unexplained {signed(float(explained.mean()))}, larger updates {signed(float(larger.mean()))}; loss on "
        f"the measured text {loss_said(float(seen.losses[k, 0]))} to {loss_said(float(seen.losses[k, -1]))}"
    )
    head = f"{seen.name}, seed {k}"
    y = seen.scale
    left = [
        svg.text(0, 12, "s_Δ; grey: before, blue: after", colour=FAINT),
        svg.ruled(y, LEFT, upright=True, until=RIGHT),
        _line(before, y, GREY, 1.4),
        _line(after, y, BLUE),
        *block_numbers(seen.L),
    ]
    below = (
        f"<p style='margin:6px 0 0'><b>{head}</b> · {told}.</p>"
        f"<p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>{seen.heading}.</p>"
    )
    body = side_by_side(left, _parts_drawn(explained, larger))
    return Frame.of(body, f"{head}: {told}. {seen.heading}.", below)


def _parts_drawn(explained: np.ndarray, larger: np.ndarray) -> list[str]:
    together = explained + larger
    ends = np.concatenate([explained, larger, together, [0.0]])
    room = 0.05 * max(float(np.ptp(ends)), 1e-3)
    y = svg.Scale(float(ends.min()) - room, float(ends.max()) + room, FLOOR, TOP)
    return [
        svg.text(0, 12, "less unexplained", colour=VERMILLION),
        svg.text(112, 12, "larger updates", colour=ORANGE),
        svg.text(208, 12, "together: blue", colour=BLUE),
        svg.ruled(y, LEFT, upright=True, until=RIGHT),
        svg.line(LEFT, y(0), RIGHT, y(0), FAINT, 1),
        _line(explained, y, VERMILLION, 1.3),
        _line(larger, y, ORANGE, 1.3, DASHED),
        _line(together, y, BLUE),
        *block_numbers(len(explained)),
    ]


def block_frame(seen: Seen, b: int) -> Frame:
    """Block b: s_Δ at every look, a line a seed, with its numbers under it."""
    values = seen.update[:, :, b]
    known = values[np.isfinite(values)]
    room = 0.1 * max(float(np.ptp(known)), 0.01)
    y = svg.Scale(float(known.min()) - room, float(known.max()) + room, FLOOR, TOP)
    x = svg.Scale(0, seen.steps[-1], LEFT + 6, RIGHT - 6)
    lines = [svg.curve([(x(s), y(float(v))) for s, v in zip(seen.steps, row, strict=True)], BLUE) for row in values]
    drawn = [
        svg.text(0, 12, f"s_Δ of block {b}, a line a seed", colour=FAINT),
        svg.ruled(y, LEFT, upright=True, until=RIGHT),
        *lines,
        *(svg.text(x(s), FLOOR + 15, f"{s:,}", "middle", colour=FAINT) for s in (0, seen.steps[-1])),
        under("steps"),
    ]
    told = "; ".join(
        f"seed {k} s_Δ {score(float(row[0]))} to {score(float(row[-1]))}, ‖Δ‖² / ‖Y‖² "
        f"{number(float(seen.size[k, 0, b]))} to {number(float(seen.size[k, -1, b]))}"
        for k, row in enumerate(values)
    )
    alt = f"{seen.name}, block {b}: {told}."
    rise = signed(float(np.nanmean(values[:, -1] - values[:, 0]))) if np.isfinite(values[:, -1]).any() else "no answer"
    return Frame.of(side_by_side(drawn), alt, f"<p style='margin:6px 0 0'><b>Block {b}</b> · mean rise {rise}.</p>")


def _line(values: np.ndarray, y: svg.Scale, colour: str, width: float = 1.8, look: str = "") -> str:
    x = block_scale(len(values))
    return svg.curve([(x(b), y(float(v))) for b, v in enumerate(values)], colour, width, look)
