"""Trainings with a term in numbers: both scores, sizes and losses by λ, in each way of measuring; and the findings."""

from html import escape

import numpy as np

from nearlinear.results.drift_groups import Change
from nearlinear.results.regularised_views import NONE, Grid, Runs, Setting, at_end, gap, parts

from .drift_words import ranged
from .findings import Finding
from .learning_words import loss_said
from .regularised_words import change_told, family_name, grids_of, mean_of, setting_name, size_said
from .shown import Html
from .tables import at_least, table
from .words import number

COLUMNS = {
    "s_Δ": ("update_scores", 3),
    "s": ("scores", 4),
    "‖E‖² / ‖Y‖²": ("unexplained", 4),
    "‖Δ‖² / ‖Y‖²": ("size", 4),
}

WAYS = {
    "held out, first tokens out": ("update_scores", False),
    "held out, first tokens in": ("update_scores", True),
    "in sample, first tokens in (the paper's way)": ("in_sample_update_scores", False),
}


def regularised_table(runs: Runs) -> Html:
    """At the end, means over blocks: what a family's s_Δ, s, unexplained share, size and loss are at every λ."""
    rows = []
    for family, grid in grids_of(runs).items():
        for setting, each in grid.items():
            cells = [_cell(grid, setting, name, decimals) for name, decimals in COLUMNS.values()]
            losses = at_end(each, "loss")
            added = change_told(gap(each, grid[NONE], "loss"), 3) if setting != NONE else ""
            rows.append([_head(family, setting), *cells, f"{_range(losses, loss_said)}<br>{added}"])
    title = (
        "At the end, held out, first tokens left out, means over blocks: mean over seeds and range; under it the "
        f"difference from no term with its 95 % interval over seeds. {size_said(runs)}"
    )
    return table(title, ("trained with", *COLUMNS, "held-out loss"), rows)


def _head(family: str, setting: Setting) -> str:
    return at_least(9, escape(f"{family_name(family)}, {setting_name(setting)}"))


def _range(values: np.ndarray, say=number) -> str:
    known = values[np.isfinite(values)]
    return ranged(known, say) if len(known) else "broke off"


def _cell(grid: Grid, setting: Setting, name: str, decimals: int) -> str:
    values = at_end(grid[setting], name).mean(1)
    added = change_told(gap(grid[setting], grid[NONE], name), decimals) if setting != NONE else ""
    return at_least(8, f"{_range(values)}<br>{added}")


def regularised_ways(runs: Runs) -> Html:
    """How s_Δ differs from no term under each control, from the strictest to the paper's own; and both parts."""
    rows = []
    for family, grid in grids_of(runs).items():
        for setting, each in grid.items():
            if setting == NONE:
                continue
            told = [change_told(gap(each, grid[NONE], name, first_tokens=first)) for name, first in WAYS.values()]
            more, smaller = parts(each, grid[NONE])
            rows.append([_head(family, setting), *told, change_told(more, 2), change_told(smaller, 2)])
    title = (
        "How s_Δ, the mean over blocks, differs from no term, by the way of measuring, with 95 % intervals over seeds; "
        f"and the two parts of the change of log(1 − s_Δ) in the first way. {size_said(runs)}"
    )
    return table(title, ("trained with", *WAYS, "more unexplained", "smaller update"), rows)


def regularised_findings(runs: Runs) -> list[Finding]:
    """By family and setting: s_Δ, both parts of its change, and the loss, at the end and against no term."""
    found = []
    for family, grid in grids_of(runs).items():
        for setting, each in grid.items():
            key = f"{family}-{setting[0]}-{setting[1]:g}".replace(".", "")
            said = f"{family_name(family)}, {setting_name(setting)}"
            found += [
                Finding(f"reg-update-{key}", _mean(at_end(each, "update_scores")), f"{said}: mean s_Δ at the end"),
                Finding(f"reg-loss-{key}", _mean(at_end(each, "loss")), f"{said}: held-out loss at the end"),
            ]
            if setting == NONE:
                continue
            more, smaller = parts(each, grid[NONE])
            found += [
                Finding(f"reg-unexplained-{key}", _of(more), f"{said}: more unexplained, part of log(1 − s_Δ)"),
                Finding(f"reg-smaller-{key}", _of(smaller), f"{said}: smaller update, part of log(1 − s_Δ)"),
            ]
    return found


def _mean(values: np.ndarray) -> float:
    return mean_of(values.reshape(len(values), -1).mean(1))


def _of(change: Change) -> float:
    return mean_of(change.seeds)
