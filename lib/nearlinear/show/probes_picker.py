"""A picker of terms and λ × state: what is read out of one state, beside no term and beside the untrained model."""

import ipywidgets as widgets
import numpy as np

from nearlinear.results.regularised_views import NONE, Grid, Runs, Setting, gained, over_items, read_out

from . import svg
from .drift_words import signed
from .frames import FLOOR, LEFT, RIGHT, TOP, Frame, block_scale, here, under
from .picker import layer_picker
from .probes_tables import probe_interval
from .probes_words import NOTHING, accuracies, is_read_out, majority_of, percent, probe_said
from .regularised_texts import span
from .regularised_words import family_name, grids_of, setting_name, size_said
from .shown import Html
from .style import BLUE, FAINT, GREY


def probes_picker(runs: Runs, name: str = "Probes") -> widgets.VBox | Html:
    """Family, term and λ by name × state by number. Raises ValueError for a picker heavier than its budget."""
    if not is_read_out(runs):
        return Html(f"<p>{NOTHING}</p>", NOTHING)
    frames = {}
    for family, grid in grids_of(runs).items():
        for setting, each in grid.items():
            if len(accuracies(each)):
                frames[f"{family_name(family)}, {setting_name(setting)}"] = setting_frames(grid, setting)
    picker = layer_picker(frames, name=name)
    _rename(picker, name)
    return picker


def _rename(picker: widgets.Widget, name: str) -> None:
    """States are counted here, not blocks."""
    for control in _all(picker):
        told = getattr(control, "description", "")
        if told.startswith(f"{name}: block"):
            control.description = told.replace("block", "state")


def _all(widget: widgets.Widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _all(child)


def setting_frames(grid: Grid, setting: Setting) -> list[Frame]:
    """One frame a state, on the same scale for every setting of a family."""
    every = np.concatenate([found for each in grid.values() if len(found := accuracies(each))])
    y = svg.Scale(min(majority_of(_all_runs(grid)), float(every.min())) - 0.02, float(every.max()) + 0.02, FLOOR, TOP)
    n = every.shape[1]
    parts = _drawn(grid, setting, y, n)
    return [_frame(grid, setting, state, [*parts, here(state, n)]) for state in range(n)]


def _all_runs(grid: Grid) -> Runs:
    return [run for each in grid.values() for run in each]


def _drawn(grid: Grid, setting: Setting, y: svg.Scale, n: int) -> list[str]:
    x, floor = block_scale(n), y(majority_of(_all_runs(grid)))
    found, plain = accuracies(grid[setting]), accuracies(grid[NONE])
    numbers = [svg.text(x(s), FLOOR + 15, str(s), "middle", colour=FAINT) for s in range(0, n, max(1, round(n / 6)))]
    return [
        svg.text(0, 12, "right on test examples; grey: no term; line below: guessing", colour=FAINT),
        svg.ruled(y, LEFT, upright=True, until=RIGHT),
        svg.line(LEFT, floor, RIGHT, floor, FAINT, 1.2),
        *([_line(plain.mean(0), y, GREY, 1.2)] if len(plain) else []),
        *(_line(each, y, BLUE, 0.6) for each in found),
        _line(found.mean(0), y, BLUE),
        *numbers,
        under("state"),
    ]


def _line(values: np.ndarray, y: svg.Scale, colour: str, width: float = 1.8) -> str:
    x = block_scale(len(values))
    return svg.curve([(x(s), y(float(v))) for s, v in enumerate(values)], colour, width)


def _frame(grid: Grid, setting: Setting, state: int, parts: list[str]) -> Frame:
    runs = grid[setting]
    right = np.array([each[state] for each in read_out(runs).values()])  # (seeds, n)
    what = "before the first block" if state == 0 else f"after block {state - 1}"
    title = f"{family_name(runs[0].spec.architecture.family)}, {setting_name(setting)}, state {state}, {what}"
    told = f"{title}: {probe_interval(right)} right; the commonest label {percent(majority_of(_all_runs(grid)))}"
    if setting != NONE:
        more = gained(read_out(runs), read_out(grid[NONE]))
        if len(more):
            gain = more[:, state]
            ends = span(over_items(gain), sign=True)
            told += f". Against no term: {signed(100 * float(gain.mean()), 1)} points {ends}"
    below = (
        f"<p style='margin:6px 0 0'>{told}.</p><p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>Thick: mean over "
        f"seeds; thin: each seed; intervals over test examples. {probe_said(_all_runs(grid))} · {size_said(runs)}.</p>"
    )
    alt = f"{told}. {size_said(runs)}."
    return Frame.of(svg.picture(420, 204, parts), alt, below)
