"""Measures against training steps: a column for each text, a row for each measure, a line for each family."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.drift_groups import by_group, over_blocks

from .drift_words import LOOKS, Runs, corpora, family_name, group_name, heading, ranged, spread_note, stopped_said
from .drift_words import text_name as name_of
from .shown import Shown
from .style import DASHES, canvas, legend_above, plain_log, use
from .words import score, sentences

TICKS = (1, 10, 100, 1000, 10_000, 100_000)


@dataclass(frozen=True)
class Measure:
    """What is drawn as one line a family: a measure of looks by name, maybe of all tokens, maybe changed by `of`."""

    name: str
    what: str
    first_tokens: bool = False
    of: Callable[[np.ndarray], np.ndarray] = np.asarray


@dataclass(frozen=True)
class Row:
    """Panels side by side: the first measure as a full line with its spread, the others dashed."""

    label: str
    measures: Sequence[Measure]
    log: bool = False
    say: Callable[[float], str] = score


@use()
def grid(
    runs: Runs, rows: Sequence[Row], title: str, what: str, notes: Sequence[str] = (), height: float = 2.0
) -> Shown:
    """Means over blocks through training, of every group of runs."""
    texts, groups = corpora(runs), by_group(runs)
    figure, axes = canvas(
        title,
        heading(runs),
        [" ".join([spread_note(runs), *notes]), stopped_said(runs)],
        height=height * len(rows),
        nrows=len(rows),
        ncols=len(texts),
        sharex="col",
        sharey="row",
    )
    words = []
    for i, row in enumerate(rows):
        for ax, corpus in zip(axes[i * len(texts) :], texts, strict=False):
            of_text = {group: each for group, each in groups.items() if group[1] == corpus}
            words += [_drawn(ax, group, each, row) for group, each in of_text.items()]
            if row.log:
                ax.set_yscale("log")
        if row.log:
            plain_log(axes[i * len(texts)].yaxis)
        axes[i * len(texts)].set_ylabel(row.label)
    for ax, corpus in zip(axes, texts, strict=False):
        ax.set_title(name_of(corpus))
    for ax in axes[-len(texts) :]:
        ax.set_xlabel("steps (log)")
    legend_above(axes[0], columns=4)
    size = heading(runs)
    return Shown(figure, sentences(f"Line charts. {what}. {size}.", *words), f"{what}. {size}.")


def _drawn(ax: Axes, group, runs: Runs, row: Row) -> str:
    """Draw one family's lines into one panel, and say where they begin and end."""
    colour, marker, line = LOOKS.get(group[0], LOOKS["sas"])
    words = []
    for k, measure in enumerate(row.measures):
        steps, values = over_blocks(runs, measure.name, first_tokens=measure.first_tokens)
        values = measure.of(values)
        x = places(steps)
        if k == 0:
            ax.fill_between(x, values.min(0), values.max(0), color=colour, alpha=0.18, lw=0)
            look = {"marker": marker, "ls": line, "lw": 1.4, "ms": 3.2, "label": family_name(group[0])}
        else:
            look = {"ls": DASHES, "lw": 1.0, "label": f"{family_name(group[0])}, {measure.what}"}
        ax.plot(x, values.mean(0), color=colour, **look)
        words.append(f"{measure.what} {ranged(values[:, 0], row.say)} to {ranged(values[:, -1], row.say)}")
    step_axis(ax, steps)
    return f"{row.label}, {group_name(group)}, from the first look to the last: {'; '.join(words)}."


def places(steps: Sequence[int]) -> list[float]:
    """Where looks stand on a logarithmic axis, whose first place is no step at all."""
    return [steps[1] / 2, *steps[1:]]


def step_axis(ax: Axes, steps: Sequence[int]) -> None:
    first = steps[1] / 2
    ax.set_xscale("log")
    ticks = [first, *(t for t in TICKS if steps[1] < t <= steps[-1])]
    ax.set_xticks(ticks, ["0", *(f"{t:,}" for t in ticks[1:])])
    ax.minorticks_off()
