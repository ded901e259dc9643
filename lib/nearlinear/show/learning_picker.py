"""A picker of trainings: block × x-axis × seed, each curve beside that of the base block with the same seed."""

from collections.abc import Callable

import ipywidgets as widgets
import numpy as np

from nearlinear.results.training import Block, TrainingRun
from nearlinear.results.training_views import by_block, held_out_curves, training_curves

from . import svg
from .counting import NAMES
from .frames import FLOOR, LEFT, RIGHT, TOP, Frame, side_by_side, under
from .learning_times import Seconds, step_seconds
from .learning_words import BASE, Runs, gap_said, heading, loss_said, unit
from .picker import _chosen, _drawn, _refuse_heavy, _wide
from .signal import LOOKS
from .style import FAINT

AXES = ("steps", "tokens", "seconds")
DASHED = " stroke-dasharray='5 3'"
"""How the base block is drawn."""

EARLY = 0.02
"""The drawing begins after this share of the steps: before, all losses are far above the rest."""


def learning_picker(
    runs: Runs, seconds: Seconds | None = None, base: Block = BASE, name: str = "Training"
) -> widgets.VBox:
    """One training at a time, by block, by x-axis and by seed, beside the base block's. Every frame is on the page.

    `seconds`: of a step, by block; None: those of the recorded benchmark, and where there are none the runs' own clock.
    Raises ValueError for seeds that do not count from 0, and for a picker heavier than BUDGET.
    """
    blocks = by_block(runs)
    seconds = step_seconds(blocks[base][0]) if seconds is None else seconds
    seeds = [run.spec.seed for run in blocks[base]]
    if any([run.spec.seed for run in each] != [*range(len(seeds))] for each in blocks.values()):
        raise ValueError("the picker counts seeds from 0 for every block: give it runs with seeds 0, 1, 2 and so on")
    slider, row = seed_controls(name, len(seeds))
    which = widgets.Dropdown(options=[NAMES[b] for b in blocks], index=0, description=f"{name}: block", **_wide())
    axis = widgets.Dropdown(options=AXES, index=0, description=f"{name}: x-axis", **_wide())

    def page(block: Block, over: str) -> widgets.Widget:
        pairs = zip(blocks[block], blocks[base], strict=True)
        return _chosen(slider, "value", _drawn([training_frame(*pair, over, seconds) for pair in pairs]))

    pages = [_chosen(axis, "index", [page(block, over) for over in AXES]) for block in blocks]
    picker = widgets.VBox([which, axis, row, _chosen(which, "index", pages)])
    _refuse_heavy(picker, name)
    return picker


def seed_controls(name: str, n: int) -> tuple[widgets.IntSlider, widgets.HBox]:
    """A slider over seeds, and a number box that follows it as it follows the box."""
    slider = widgets.IntSlider(0, 0, n - 1, description=f"{name}: seed", readout=False, **_wide("20rem"))
    box = widgets.BoundedIntText(0, 0, n - 1, description=f"{name}: seed number", **_wide("16rem"))
    slider.link = widgets.jslink((slider, "value"), (box, "value"))
    return slider, widgets.HBox([slider, box], layout=widgets.Layout(flex_flow="row wrap", width="100%"))


def training_frame(run: TrainingRun, base: TrainingRun, over: str, seconds: Seconds) -> Frame:
    """Left the losses of one training against `over`, right how far its held-out loss is above the base block's."""
    at, at_base = (_places(each, over, seconds) for each in (run, base))
    steps = run.spec.recipe.steps
    x = svg.Scale(0, max(at(steps), at_base(steps)), LEFT + 6, RIGHT - 6)
    left = _losses_drawn(run, base, x, at, at_base)
    (looks, own), (_, others) = _held_out(run), _held_out(base)
    gaps = own - np.interp([at(k) for k in looks], [at_base(k) for k in looks], others, right=np.nan)
    body = side_by_side([*left, under(over)], [*_gaps_drawn(run, base, x, [at(k) for k in looks], gaps), under(over)])
    return Frame.of(body, _words(run, base, over, at(steps), gaps), _below(run, base, over, seconds))


def _places(run: TrainingRun, over: str, seconds: Seconds) -> Callable[[float], float]:
    """From steps to the unit of the x-axis."""
    spec = run.spec
    if over == "steps":
        return float
    if over == "tokens":
        return lambda step: float(step * spec.recipe.batch * spec.architecture.T)
    if spec.architecture.block in seconds:
        return lambda step: step * seconds[spec.architecture.block]
    return lambda step: float(np.interp(step, (0, *run.steps), (0.0, *run.seconds)))


def _held_out(run: TrainingRun) -> tuple[np.ndarray, np.ndarray]:
    steps, (values,) = held_out_curves([run])
    shown = steps >= EARLY * run.spec.recipe.steps
    return steps[shown], values[shown]


def _trained(run: TrainingRun) -> tuple[np.ndarray, np.ndarray]:
    steps, (values,) = training_curves([run])
    return steps, values


def _losses_drawn(run: TrainingRun, base: TrainingRun, x: svg.Scale, at, at_base) -> list[str]:
    """Held-out losses as lines with marks, training losses as thin lines."""
    drawn = [(base, at_base, DASHED), (run, at, "")]
    early = EARLY * run.spec.recipe.steps
    values = np.concatenate([v[k >= early] for one, _, _ in drawn for k, v in (_held_out(one), _trained(one))])
    y = svg.Scale(np.nanmin(values) - 0.02, np.nanmax(values) + 0.02, FLOOR, TOP)
    parts = [
        svg.text(0, 12, f"loss, {unit(run)}; thin: training", colour=FAINT),
        svg.ruled(y, LEFT, upright=True, until=RIGHT),
        _ticks(x),
    ]
    for one, place, look in drawn:
        colour = LOOKS[one.spec.architecture.block][0]
        steps, trained = _trained(one)
        kept = steps >= early
        parts.append(_curve(x, y, [place(k) for k in steps[kept]], trained[kept], colour, 0.7, look))
        looks, held = _held_out(one)
        parts.append(_curve(x, y, [place(k) for k in looks], held, colour, 1.8, look))
    return parts


def _gaps_drawn(run: TrainingRun, base: TrainingRun, x: svg.Scale, places, gaps: np.ndarray) -> list[str]:
    ends = np.nanmin([*gaps, 0.0]), np.nanmax([*gaps, 0.0])
    room = 0.1 * (ends[1] - ends[0]) or 0.01
    y = svg.Scale(ends[0] - room, ends[1] + room, FLOOR, TOP)
    zero = svg.line(LEFT, y(0), RIGHT, y(0), FAINT, 1.2)
    colour = LOOKS[run.spec.architecture.block][0]
    title = f"held out: minus {NAMES[base.spec.architecture.block]}, seed {base.spec.seed}"
    ruled = svg.ruled(y, LEFT, upright=True, until=RIGHT)
    return [svg.text(0, 12, title, colour=FAINT), ruled, _ticks(x), zero, _curve(x, y, places, gaps, colour, 1.8)]


def _curve(x: svg.Scale, y: svg.Scale, places, values, colour: str, width: float, look: str = "") -> str:
    return svg.curve([(x(a), y(b)) for a, b in zip(places, values, strict=True)], colour, width, look)


def _ticks(x: svg.Scale) -> str:
    """Three numbers under the drawing."""
    marks = (x.low, (x.low + x.high) / 2, x.high)
    return "".join(svg.text(x(mark), FLOOR + 15, _short(mark), "middle", colour=FAINT) for mark in marks)


def _short(value: float) -> str:
    return f"{value / 1e6:.1f}M" if value >= 1e6 else f"{value:,.0f}"


def _words(run: TrainingRun, base: TrainingRun, over: str, end: float, gaps: np.ndarray) -> str:
    name, other = (NAMES[each.spec.architecture.block] for each in (run, base))
    known = gaps[~np.isnan(gaps)]
    return (
        f"{name}, seed {run.spec.seed}, against {over}: held-out loss {loss_said(run.loss)} {unit(run)} after "
        f"{_short(end)} {over}, training loss {loss_said(run.losses[-1])}. Held out minus {other} of the same "
        f"seed, where both were last looked at: {gap_said(known[-1] if len(known) else np.nan)}. {heading([run])}."
    )


def _below(run: TrainingRun, base: TrainingRun, over: str, seconds: Seconds) -> str:
    clock = (
        "steps times the median time of one in a benchmark"
        if run.spec.architecture.block in seconds
        else "by the clock of the run itself"
    )
    note = f" Seconds: {clock}." if over == "seconds" else ""
    return (
        f"<p style='margin:6px 0 0'><b>{NAMES[run.spec.architecture.block]}, seed {run.spec.seed}</b> · held out "
        f"{loss_said(run.loss)}, training {loss_said(run.losses[-1])} {unit(run)} at the end.</p>"
        f"<p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>Dashed: {NAMES[base.spec.architecture.block]}, seed "
        f"{base.spec.seed}. {heading([run])}.{note}</p>"
    )
