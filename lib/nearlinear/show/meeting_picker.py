"""A picker of models and steps: how linear each block is at every look, beside Pre-LN at the same step."""

import math

import ipywidgets as widgets
import numpy as np

from nearlinear.results.meeting import MeetingStudy

from . import svg
from .counting import NAMES
from .frames import FLOOR, LEFT, RIGHT, TOP, Frame, block_numbers, block_scale, side_by_side
from .meeting_words import BASE, heading, per_seed, ranged, scored
from .picker import _chosen, _drawn, _refuse_heavy, _wide
from .style import BLUE, FAINT, GREY


def meeting_picker(study: MeetingStudy, name: str = "Looks") -> widgets.VBox:
    """Every kind of block at every look. Raises ValueError for a picker heavier than its budget."""
    last = len(study.runs[0].stages) - 1
    slider, row = _controls(name, last)
    scale = unexplained_scale(study)
    stacks = [
        _chosen(slider, "value", _drawn([look_frame(study, block, at, scale) for at in range(last + 1)]))
        for block in study.blocks
    ]
    choice = widgets.Dropdown(
        options=[NAMES[block] for block in study.blocks], index=0, description=f"{name}: kind of block", **_wide()
    )
    picker = widgets.VBox([choice, row, _chosen(choice, "index", stacks)])
    _refuse_heavy(picker, name)
    return picker


def _controls(name: str, last: int) -> tuple[widgets.IntSlider, widgets.HBox]:
    """A slider over the looks, which opens at the last, and a number box that follows it as it follows the box."""
    slider = widgets.IntSlider(last, 0, last, description=f"{name}: look", readout=False, **_wide("20rem"))
    box = widgets.BoundedIntText(last, 0, last, description=f"{name}: look number", **_wide("16rem"))
    slider.link = widgets.jslink((slider, "value"), (box, "value"))
    return slider, widgets.HBox([slider, box], layout=widgets.Layout(flex_flow="row wrap", width="100%"))


def unexplained_scale(study: MeetingStudy) -> svg.Scale:
    """Of 1 − s, by decades that hold every look of every model; what an exact line leaves is put on the edge."""
    rest = np.concatenate([1 - study.through(block, "scores").ravel() for block in study.blocks])
    low = math.floor(math.log10(max(float(np.nanmin(rest)), 1e-6)))
    return svg.Scale(10.0**low, 1.0, FLOOR, TOP, log=True)


def look_frame(study: MeetingStudy, block: str, at: int, rest: svg.Scale) -> Frame:
    """One kind of block at one look. Thin lines are seeds; grey is Pre-LN's mean at the same look."""
    step = study.runs[0].steps[at]
    update, scores = (study.values(block, measure, at=at) for measure in ("update_scores", "scores"))
    loss = study.through(block, "loss")[:, at]
    beside = {}
    if block != BASE and BASE in study.blocks:
        beside = {m: study.values(BASE, m, at=at).mean(0) for m in ("update_scores", "scores")}
    drawings = (
        _drawing("update score s_Δ", update, beside.get("update_scores"), svg.Scale(0, 1, FLOOR, TOP)),
        _drawing("1 − s (log)", 1 - scores, 1 - beside["scores"] if beside else None, rest),
    )
    when = f"after {step:,} steps" if step else "before training"
    told = (
        f"median s_Δ {scored(per_seed(update))}, median 1 − s {ranged(per_seed(1 - scores))}, held-out loss "
        f"{ranged(loss)} nats a token"
    )
    grey = f" Grey: {NAMES[BASE]} at the same look." if beside else ""
    below = (
        f"<p style='margin:6px 0 0'><b>{NAMES[block]} {when}</b> · {told}.</p>"
        f"<p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>{heading(study, step=-1)}. Thick: mean over seeds; "
        f"thin: each of them.{grey} First tokens are left out.</p>"
    )
    by_block = ", ".join(f"{value:.2f}".replace("-", "−") for value in update.mean(0))
    said = f"s_Δ by block, mean over seeds: {by_block}. {heading(study, step=-1)}."
    alt = f"{NAMES[block]} {when} (look {at}): {told}. {said}"
    return Frame.of(side_by_side(*drawings), alt, below)


def _drawing(title: str, values: np.ndarray, beside: np.ndarray | None, scale: svg.Scale) -> list[str]:
    """Values (seeds, L) against the block; `beside`: another mean (L,)."""
    x = block_scale(values.shape[1])

    def curve(row: np.ndarray, colour: str, width: float) -> str:
        return svg.curve([(x(i), scale(float(value))) for i, value in enumerate(row)], colour, width)

    drawn = [svg.text(0, 12, title, colour=FAINT), svg.ruled(scale, LEFT, upright=True, until=RIGHT)]
    drawn += [] if beside is None else [curve(beside, GREY, 1.4)]
    drawn += [curve(row, BLUE, 0.6) for row in values] if len(values) > 1 else []
    mean = values.mean(0)
    dots = [svg.marker("o", x(i), scale(float(value)), BLUE, size=3.4) for i, value in enumerate(mean)]
    return [*drawn, curve(mean, BLUE, 1.8), *dots, *block_numbers(values.shape[1])]
