"""Figures of masked language models: their loss against steps and against time, and where they end."""

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.encoder_views import clock, clock_range, in_equal_time
from nearlinear.results.training import Block
from nearlinear.results.training_views import by_block, difference, held_out_curves, losses

from .counting import NAMES
from .encoder_words import BASE, UNIT, loss_gap_told, masked_heading
from .learning import draw_curves, ends_said
from .learning_words import Runs, gap_said, loss_said, ranged, spread_said
from .shown import Shown
from .signal import LOOKS
from .style import FAINT, INK, canvas, legend_above, use
from .words import sentences

OWN_CLOCK = (
    "Minutes: steps times the median time of one, by the clock of the runs, on a machine that did other things too."
)


@use()
def encoder_curves(runs: Runs, frequencies: float | None = None) -> Shown:
    """Figs. 27 and 7: held-out loss of hidden tokens against steps, and against minutes.

    `frequencies`: the loss of one who knows how frequent each token is, drawn as a line across.
    """
    blocks = by_block(runs)
    curves = {block: held_out_curves(each) for block, each in blocks.items()}
    minutes = {block: seconds / 60 for block, seconds in clock(blocks).items()}
    figure, (left, right) = canvas(
        "Loss on hidden tokens",
        masked_heading(runs),
        [spread_said(blocks), OWN_CLOCK, "Upright line: where the quickest block has ended."],
        height=3.3,
        ncols=2,
        sharey=True,
    )
    draw_curves(left, curves)
    draw_curves(right, curves, scale=minutes)
    if frequencies is not None:
        for ax in (left, right):
            ax.axhline(frequencies, color=INK, lw=0.9, ls=(0, (1, 1.5)), label="frequencies alone")
    right.axvline(min(minutes[b] * each[0].spec.recipe.steps for b, each in blocks.items()), color=FAINT, lw=1, ls=":")
    left.set(title=f"held out, {UNIT}", xlabel="steps")
    right.set(title="the same against time", xlabel="minutes")
    legend_above(left, columns=4)
    known = "" if frequencies is None else f"Frequencies alone {loss_said(frequencies)}."
    timed = [f"{NAMES[b]} {1000 * 60 * each:.0f} ms a step." for b, each in minutes.items()]
    what = "Held-out loss of masked language models against steps and against minutes, by block"
    return Shown(
        figure,
        sentences(f"Two line charts. {what}. {masked_heading(runs)}. At the end:", *ends_said(curves), known, *timed),
        sentences(f"{what}; mean over seeds, with the range. {masked_heading(runs)}."),
    )


@use()
def encoder_ends(runs: Runs, base: Block = BASE) -> Shown:
    """Where the blocks end, a dot a seed; and each seed's difference from the base block, at equal steps and time."""
    blocks = by_block(runs)
    others = [block for block in blocks if block != base]
    gaps = {block: difference(blocks[block], blocks[base]) for block in others}
    times = in_equal_time(blocks)
    timed = {block: times[block][1] - times[base][1] for block in others}
    articles = len(runs[0].document_tokens)
    figure, (left, right) = canvas(
        "Where they end",
        masked_heading(runs),
        [
            "A dot a seed (weights, order of the text and places that are hidden); dash: their mean.",
            f"Right: minus {NAMES[base]} of the same seed. Marks: after equal steps. Crosses: in equal time.",
            f"Bar: 95 % bootstrap interval over the {articles} held-out articles, after equal steps.",
        ],
        height=3.1,
        ncols=2,
    )
    for place, (block, each) in enumerate(blocks.items()):
        dots(left, place, losses(each), block)
    for place, (block, gap) in enumerate(gaps.items()):
        right.vlines(place + 0.24, gap.low, gap.high, color=LOOKS[block][0], lw=3, alpha=0.45)
        dots(right, place - 0.08, np.array(gap.seeds), block)
        dots(right, place + 0.12, timed[block], block, marker="x", dash=False)
    right.axhline(0, color=FAINT, lw=1, ls=":")
    named(left, list(blocks), f"held out, {UNIT}")
    named(right, others, f"the same minus {NAMES[base]}")
    ends = [f"{NAMES[block]} {ranged(losses(each))}." for block, each in blocks.items()]
    told = [
        f"{NAMES[b]} minus {NAMES[base]}: {loss_gap_told(gap)}; in equal time {gap_said(float(timed[b].mean()))}."
        for b, gap in gaps.items()
    ]
    what = f"Held-out loss of hidden tokens at the end, by block, and its difference from {NAMES[base]}"
    return Shown(
        figure,
        sentences(f"Two charts of dots. {what}. {masked_heading(runs)}.", *ends, *told),
        sentences(f"{what}, paired by seed. {masked_heading(runs)}."),
    )


def dots(
    ax: Axes, place: float, values: np.ndarray, block: Block, *, marker: str = "", dash: bool = True, colour: str = ""
) -> None:
    """One mark a seed, a little apart, and a dash at their mean; what is NaN is left out."""
    own, look, _ = LOOKS[block]
    values = values[~np.isnan(values)]
    shift = 0.07 * (np.arange(len(values)) - (len(values) - 1) / 2)
    ax.plot(place + shift, values, marker or look, color=colour or own, ms=5, mfc="none", ls="")
    if dash and len(values):
        ax.hlines(values.mean(), place - 0.16, place + 0.16, color=colour or own, lw=1.4)


def named(ax: Axes, blocks: list[Block], title: str) -> None:
    """The blocks under an axis, and its title."""
    ax.set_title(title)
    ax.set_xticks(range(len(blocks)), [NAMES[b].replace(", ", ",\n") for b in blocks], rotation=30, ha="right")


def clock_said(runs: Runs) -> str:
    """43 ms (41 to 47)"""
    low, high = clock_range(runs)
    block = runs[0].spec.architecture.block
    return f"{1000 * clock({block: runs})[block]:.0f} ms ({1000 * low:.0f} to {1000 * high:.0f})"
