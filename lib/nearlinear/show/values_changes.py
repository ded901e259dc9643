"""The figure of the ablations that change one thing: differences paired by seed and by file."""

from collections.abc import Sequence

import numpy as np

from nearlinear.results.training_views import Difference

from .learning_words import Runs, gap_told, heading, loss_said, unit
from .shown import Shown
from .signal import LOOKS
from .style import FAINT, GREY, canvas, use
from .values_words import BLANK, CHANGES, NAMES, Change, block_of, gap, there
from .words import sentences


@use()
def values_changes(runs: Runs) -> Shown:
    """Figs. 12 to 14 and 22 to 25: what one change does to the loss; right: small ones, larger."""
    settings = there(runs, list(dict.fromkeys(name for c in CHANGES for name in (c.base, c.name))))
    gaps = {change: gap(settings, change.name, change.base) for change in (*CHANGES, BLANK)}
    figure, (left, right) = canvas(
        "One change at a time",
        heading(runs),
        [
            "A dot a seed: its loss minus that of the same seed without the change. Right of zero, the change hurts.",
            f"Bar: 95 % bootstrap interval over the {len(runs[0].document_tokens)} held-out files, of their mean.",
            "Last row, and grey band: the blank, one model from two draws of its weights.",
            "Right: the same, drawn larger; what lies beyond its edge is left out there.",
        ],
        height=3.5,
        ncols=2,
        sharey=True,
    )
    blank = max(map(abs, gaps[BLANK].seeds))
    for ax in (left, right):
        if not np.isnan(blank):
            ax.axvspan(-blank, blank, color=GREY, alpha=0.13, lw=0)
        for place, (change, each) in enumerate(gaps.items()):
            colour, marker, _ = LOOKS[block_of(change.name)]
            if not np.isnan(each.low):
                ax.hlines(place + 0.2, each.low, each.high, color=colour, lw=3, alpha=0.45)
            shift = 0.09 * (np.arange(len(each.seeds)) - (len(each.seeds) - 1) / 2)
            ax.plot(each.seeds, place + shift, marker, color=colour, ms=4.6, mfc="none", ls="")
        ax.axvline(0, color=FAINT, lw=1, ls=":")
        ax.grid(True, axis="x")
        ax.grid(False, axis="y")
        ax.set_xlabel(f"{unit(runs[0])}, minus without it")
    left.set_yticks(range(len(gaps)), [_row(change) for change in gaps])
    left.invert_yaxis()
    left.set_title("all")
    right.set_title("small ones, larger")
    right.set_xlim(*_near(list(gaps.values())))
    told = [f"The blank: up to {loss_said(blank)}."]
    told += [f"{_row(change)}: {gap_told(each)}." for change, each in gaps.items()]
    what = "Held-out loss at the end with one change, minus that without it, paired by seed"
    return Shown(
        figure,
        sentences(f"Two charts of dots. {what}. {heading(runs)}.", *told),
        sentences(f"{what}. {heading(runs)}."),
    )


def _row(change: Change) -> str:
    return f"{NAMES[change.base]}: {change.what}"


def _near(gaps: Sequence[Difference]) -> tuple[float, float]:
    """Room for the smaller ones, somewhat more than half of all."""
    sizes = sorted(max(map(abs, (*each.seeds, each.low, each.high))) for each in gaps if not np.isnan(each.low))
    room = 1.15 * (sizes[int(0.6 * len(sizes))] if sizes else 1.0)
    return -room, room
