"""Figures of what it costs to prune models of the paper's blocks: by removing blocks, and by lines in their place."""

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.meeting import MeetingStudy
from nearlinear.results.pruning import How

from .counting import NAMES
from .meeting import draw_by_block
from .meeting_words import heading, ranged, spread_note
from .shown import Shown
from .style import FAINT, block_axis, canvas, legend_above, use
from .words import sentences

DONE: dict[How, str] = {"remove": "removed", "replace": "replaced by a line"}
SMALLEST = 1e-4
"""Costs below this, and gains, are drawn here on a logarithmic axis."""


def alone(study: MeetingStudy, block: str, how: How) -> np.ndarray:
    """What each block costs by itself, (seeds, L), nats a token."""
    return np.array([[cost.difference for cost in run.alone[how]] for run in study.of(block)])


def ordered(study: MeetingStudy, block: str, order: str, how: How) -> np.ndarray:
    """What the first 1, 2, … blocks of an order cost, (seeds, k), nats a token."""
    return np.array([[cost.difference for cost in run.order(order, how).steps] for run in study.of(block)])


@use()
def meeting_pruned(study: MeetingStudy, order: str = "greedy") -> Shown:
    """Each block alone, on a logarithmic axis, and the first blocks of an order: removed left, replaced right."""
    figure, axes = canvas(
        "What it costs to prune them",
        heading(study),
        [
            spread_note(study),
            f"A line: an affine map fitted on other files. Order: {order}, chosen on files that are not reported here.",
        ],
        height=5.4,
        nrows=2,
        ncols=2,
    )
    words = []
    for column, (how, done) in enumerate(DONE.items()):
        single = {b: alone(study, b, how) for b in study.blocks}
        draw_by_block(axes[column], {b: np.maximum(each, SMALLEST) for b, each in single.items()})
        axes[column].set(title=f"one block {done} (log)", yscale="log")
        block_axis(axes[column], study.L)
        steps = {b: ordered(study, b, order, how) for b in study.blocks}
        _from_none(axes[2 + column], steps)
        axes[2 + column].set(title=f"several blocks {done}", xlabel="blocks changed")
        words += [f"The cheapest block {done}:", *_said({b: each.min(1) for b, each in single.items()})]
        k = next(iter(steps.values())).shape[1]
        words += [f"{k} blocks {done}:", *_said({b: each[:, -1] for b, each in steps.items()})]
    for ax in axes[::2]:
        ax.set_ylabel("loss added, nats a token")
    limits = [ax.get_ylim() for ax in axes[:2]]
    for ax in axes[:2]:
        ax.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    legend_above(axes[0], columns=6)
    what = "Held-out loss added by removing blocks, and by putting affine maps in their place"
    return Shown(
        figure,
        sentences(f"Line charts. {what}. {heading(study)}.", *words),
        sentences(f"{what}: above one block at a time, below several. {heading(study)}."),
    )


def _from_none(ax: Axes, values: dict[str, np.ndarray]) -> None:
    """Costs of 1, 2, … changed blocks, with the unchanged model at 0."""
    draw_by_block(ax, {b: np.hstack([np.zeros((len(each), 1)), each]) for b, each in values.items()})
    most = next(iter(values.values())).shape[1]
    ax.set_xticks(range(most + 1))
    ax.axhline(0, color=FAINT, lw=0.8, ls=":")


def _said(values: dict[str, np.ndarray]) -> list[str]:
    return [f"{NAMES[block]}: {ranged(each)} nats." for block, each in values.items()]
