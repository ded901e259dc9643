"""Probes in numbers: accuracy by state and λ, which penalties were chosen, a sentence or two, and the findings."""

from collections import Counter
from html import escape

import numpy as np

from nearlinear.results.regularised_views import NONE, Grid, Runs, Setting, gained, over_items, read_out

from .drift_words import ranged, signed
from .findings import Finding
from .probes_words import MAJORITY, NOTHING, accuracies, is_read_out, majority_of, percent, probe_said
from .regularised_tables import _head
from .regularised_texts import span
from .regularised_words import family_name, grids_of, setting_name, size_said
from .shown import Html
from .tables import table


def probes_table(runs: Runs) -> Html:
    """Accuracy from each state, mean over seeds and range, by family, term and λ."""
    if not is_read_out(runs):
        return Html(f"<p>{NOTHING}</p>", NOTHING)
    rows = []
    for family, grid in grids_of(runs).items():
        for setting, each in grid.items():
            found = accuracies(each)
            cells = [ranged(column, percent) for column in found.T] if len(found) else []
            rows.append([_head(family, setting), *cells])
    states = [f"h_{k}" for k in range(runs[0].spec.architecture.L + 1)]
    title = (
        f"Right on test examples from each state, mean over seeds and range; {MAJORITY}: {percent(majority_of(runs))}. "
        f"{probe_said(runs)} · {size_said(runs)}"
    )
    return table(title, ("trained with", *states), rows)


def probe_penalties(runs: Runs) -> Html:
    """How often each strength of the penalty was chosen: many at an edge ask for a wider list."""
    if not is_read_out(runs):
        return Html(f"<p>{NOTHING}</p>", NOTHING)
    chosen = Counter(strength for run in runs for one in run.probed[-1:] for strength in one.strengths)
    tried = sorted({*chosen, *(s for run in runs if run.spec.probe for s in run.spec.probe.strengths)})
    edge = (chosen[tried[0]] + chosen[tried[-1]]) / sum(chosen.values())
    told = ", ".join(f"{strength:g} for {chosen[strength]:,}" for strength in tried)
    words = (
        f"Of {sum(chosen.values()):,} probes, the part for choices took the inverse penalty {told}. "
        f"At an edge of the list: {percent(edge)}."
    )
    return Html(f"<p>{escape(words)}</p>", words)


def states_gained(grid: Grid, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """Of h_1 … h_L: how much more is right than without a term, mean over seeds (L,), interval over examples (L, 2).

    h_0, which no block has touched, is left out. Both are empty where no seed has both.
    """
    more = gained(read_out(grid[setting]), read_out(grid[NONE]))
    return (more.mean((0, 2))[1:], over_items(more)[1:]) if len(more) else (np.empty(0), np.empty((0, 2)))


def probes_said(runs: Runs) -> Html:
    """In how many states more is read out than without a term, and in how many less, setting by setting."""
    if not is_read_out(runs):
        return Html(f"<p>{NOTHING}</p>", NOTHING)
    told = []
    for family, grid in grids_of(runs).items():
        for setting in grid:
            mean, ends = states_gained(grid, setting)
            if setting == NONE or not len(mean):
                continue
            more, less = int((ends[:, 0] > 0).sum()), int((ends[:, 1] < 0).sum())
            told.append(
                f"{family_name(family)}, {setting_name(setting)}: more for certain in {more} of {len(mean)} states "
                f"that leave blocks, less in {less}; {signed(100 * float(mean.mean()), 1)} points in the mean of all."
            )
    note = "For certain: by intervals over test examples."
    lines = "".join(f"<p style='margin:2px 0'>{escape(line)}</p>" for line in [*told, note])
    return Html(lines, " ".join([*told, note]))


def probes_findings(runs: Runs) -> list[Finding]:
    """By family and setting: the best state, its accuracy, and the mean gain over states that leave blocks."""
    found = []
    if is_read_out(runs):
        found.append(Finding("probe-majority", majority_of(runs), MAJORITY))
    for family, grid in grids_of(runs).items():
        for setting, each in grid.items():
            right = accuracies(each)
            if not len(right):
                continue
            key = f"{family}-{setting[0]}-{setting[1]:g}".replace(".", "")
            said, means = f"{family_name(family)}, {setting_name(setting)}", right.mean(0)
            found += [
                Finding(f"probe-best-{key}", int(means.argmax()), f"{said}: the state that most is read out of"),
                Finding(f"probe-right-{key}", float(means.max()), f"{said}: right from that state, mean over seeds"),
            ]
            mean, _ = states_gained(grid, setting)
            if setting != NONE and len(mean):
                found.append(Finding(f"probe-more-{key}", float(mean.mean()), f"{said}: more than without, mean"))
    return found


def probe_interval(values: np.ndarray) -> str:
    """Of one state's answers, (seeds, n): mean and interval over examples."""
    return f"{percent(float(values.mean()))} {span(over_items(values))}".strip()
