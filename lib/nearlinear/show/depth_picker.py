"""A picker of trainings at two depths: block × depth × x-axis × seed, and what depth has changed on the way."""

import ipywidgets as widgets
import numpy as np

from nearlinear.results.depth_views import deepened, step_operations, total_operations
from nearlinear.results.training import Block, TrainingRun
from nearlinear.results.training_views import held_out_curves, training_curves

from . import svg
from .counting import NAMES
from .depth import UNIT
from .depth_words import blocks_said
from .frames import FLOOR, LEFT, RIGHT, TOP, Frame, side_by_side, under
from .learning_picker import DASHED, _curve, seed_controls
from .learning_words import BASE, Runs, gap_said, heading, loss_said, unit
from .picker import _chosen, _drawn, _refuse_heavy, _wide
from .signal import LOOKS
from .style import FAINT, GREY
from .words import number

AXES = ("steps", "operations")
UNDER = {"steps": "steps", "operations": "10¹² operations"}
EARLY = 0.1
"""The drawing begins after this share of the steps: before, all losses are far above the rest."""

Pair = tuple[TrainingRun, TrainingRun]
"""A block with one seed: shallow and deep."""


def depth_picker(runs: Runs, base: Block = BASE, name: str = "Depth") -> widgets.VBox:
    """One training at a time, by block, depth, x-axis and seed. Every frame is on the page.

    Raises ValueError as `deepened` does, for seeds that do not count from 0, and for a picker heavier than BUDGET.
    """
    pair = deepened(runs)
    seeds = [run.spec.seed for run in pair.deep[base]]
    if seeds != [*range(len(seeds))]:
        raise ValueError("the picker counts seeds from 0: give it runs with seeds 0, 1, 2 and so on")
    slider, row = seed_controls(name, len(seeds))
    names = [NAMES[block] for block in pair.deep]
    which = widgets.Dropdown(options=names, index=len(names) - 1, description=f"{name}: block", **_wide())
    depths = [blocks_said(L) for L in pair.depths]
    depth = widgets.Dropdown(options=depths, index=1, description=f"{name}: how deep", **_wide())
    axis = widgets.Dropdown(options=AXES, index=0, description=f"{name}: x-axis", **_wide())

    def pairs(block: Block) -> list[Pair]:
        return list(zip(pair.shallow[block], pair.deep[block], strict=True))

    def page(block: Block, place: int, over: str) -> widgets.Widget:
        each = zip(pairs(block), pairs(base), strict=True)
        return _chosen(slider, "value", _drawn([depth_frame(own, other, place, over) for own, other in each]))

    pages = [
        _chosen(depth, "index", [_chosen(axis, "index", [page(b, place, over) for over in AXES]) for place in (0, 1)])
        for b in pair.deep
    ]
    picker = widgets.VBox([which, depth, axis, row, _chosen(which, "index", pages)])
    _refuse_heavy(picker, name)
    return picker


def depth_frame(own: Pair, base: Pair, place: int, over: str) -> Frame:
    """Left the losses of one training (`place`: 0 shallow, 1 deep) beside the base block's at this depth; right how far
    the deep model's held-out loss is above the shallow one's, for both blocks."""
    run, other = own[place], base[place]
    name, other_name = (NAMES[each.spec.architecture.block] for each in (run, other))
    x, changes = changes_of(own, over)
    _, base_changes = changes_of(base, over)
    until = last_of(changes)
    what = f"{name}, {blocks_said(run.spec.architecture.L)}, seed {run.spec.seed}"
    said = f"held-out loss {loss_said(run.loss)} {unit(run)}"
    gap = gap_said(run.loss - other.loss)
    deep = f"Deep minus shallow, at equal {over}, where the shallow one ends: {gap_said(until)}"
    alt = (
        f"{what}, against {over}: {said} after {run.spec.recipe.steps:,} steps, {_operations(run)} operations. Held "
        f"out minus {other_name} of the same depth and seed: {gap}. {deep}; {other_name}: "
        f"{gap_said(last_of(base_changes))}. {heading([run])}."
    )
    below = (
        f"<p style='margin:6px 0 0'><b>{what}</b> · {said}; minus {other_name} of the same depth: {gap}. {deep}.</p>"
        f"<p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>Dashed: {other_name} with the same seed, left at the "
        f"same depth. Rate {run.spec.recipe.lr:.2g}. {heading([run])}.</p>"
    )
    drawn = side_by_side(_losses_drawn(run, other, over), _changes_drawn(own, base, x, changes, base_changes, over))
    return Frame.of(drawn, alt, below)


def last_of(values: np.ndarray) -> float:
    """The last that is no NaN; NaN where there is none."""
    known = values[~np.isnan(values)]
    return float(known[-1]) if len(known) else np.nan


def _operations(run: TrainingRun) -> str:
    return f"{number(total_operations(run) / UNIT)} · 10¹²"


def _scale(run: TrainingRun, over: str) -> float:
    """From steps to the unit of the x-axis."""
    return 1.0 if over == "steps" else step_operations(run) / UNIT


def _held_out(run: TrainingRun, over: str) -> tuple[np.ndarray, np.ndarray]:
    steps, (values,) = held_out_curves([run])
    shown = steps >= EARLY * run.spec.recipe.steps
    return steps[shown] * _scale(run, over), values[shown]


def _trained(run: TrainingRun, over: str) -> tuple[np.ndarray, np.ndarray]:
    steps, (values,) = training_curves([run])
    shown = steps >= EARLY * run.spec.recipe.steps
    return steps[shown] * _scale(run, over), values[shown]


def changes_of(pair: Pair, over: str) -> tuple[np.ndarray, np.ndarray]:
    """(places on the x-axis, held-out loss of the deep model minus that of the shallow one there), at the looks of the
    deep model as far as the shallow one goes, and at that one's end."""
    (x, shallow), (at, deep) = (_held_out(run, over) for run in pair)
    places = np.unique([*at[(at >= x[0]) & (at <= x[-1])], x[-1]])
    return places, np.interp(places, at, deep) - np.interp(places, x, shallow)


def _losses_drawn(run: TrainingRun, other: TrainingRun, over: str) -> list[str]:
    """Held-out losses thick, training losses thin; the base block dashed."""
    drawn = [
        (*curve(one, over), _colour(one), width, look)
        for one, look in ((other, DASHED), (run, ""))
        for curve, width in ((_trained, 0.7), (_held_out, 1.8))
    ]
    x = svg.Scale(0, max(places[-1] for places, *_ in drawn), LEFT + 6, RIGHT - 6)
    found = np.concatenate([values for _, values, *_ in drawn])
    y = svg.Scale(np.nanmin(found) - 0.02, np.nanmax(found) + 0.02, FLOOR, TOP)
    title = svg.text(0, 12, f"loss, {unit(run)}; thin: training", colour=FAINT)
    return [title, *_field(x, y, over), *(_curve(x, y, *each) for each in drawn)]


def _changes_drawn(own: Pair, base: Pair, places, changes, base_changes, over: str) -> list[str]:
    x = svg.Scale(0, places[-1], LEFT + 6, RIGHT - 6)
    ends = np.nanmin([*changes, *base_changes, 0.0]), np.nanmax([*changes, *base_changes, 0.0])
    room = 0.1 * (ends[1] - ends[0]) or 0.01
    y = svg.Scale(ends[0] - room, ends[1] + room, FLOOR, TOP)
    zero = svg.line(LEFT, y(0), RIGHT, y(0), FAINT, 1.2)
    at, _ = changes_of(base, over)
    lines = [
        _curve(x, y, at, base_changes, GREY, 1.4, DASHED),
        _curve(x, y, places, changes, _colour(own[1]), 1.8, ""),
    ]
    return [svg.text(0, 12, "held out: deep minus shallow", colour=FAINT), *_field(x, y, over), zero, *lines]


def _colour(run: TrainingRun) -> str:
    return LOOKS[run.spec.architecture.block][0]


def _field(x: svg.Scale, y: svg.Scale, over: str) -> list[str]:
    """Rules with their numbers, three numbers below, and the name of the x-axis."""
    marks = (x.low, (x.low + x.high) / 2, x.high)
    ticks = [svg.text(x(mark), FLOOR + 15, _short(mark, over), "middle", colour=FAINT) for mark in marks]
    return [svg.ruled(y, LEFT, upright=True, until=RIGHT), *ticks, under(UNDER[over])]


def _short(value: float, over: str) -> str:
    return f"{value:,.0f}" if over == "steps" else f"{value:.2g}"
