"""Figures of how linear the paper's blocks are, before, through and after training."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.meeting import MeetingStudy

from .counting import NAMES
from .meeting_words import heading, per_seed, ranged, scored, spread_note
from .shown import Shown
from .signal import LOOKS
from .style import block_axis, canvas, legend_above, plain_log, use
from .words import sentences

NO_RESIDUAL = (
    "Δ is the difference of the states after and before a block. The shaped blocks have no skip around them, so there "
    "it is a difference and nothing that is added."
)
ALIKE = "Coordinates alike: each weighs the same, however much it varies; in the other two the large ones decide."


PANELS = {
    "s_Δ": lambda study, block: study.through(block, "update_scores"),
    "1 − s (log)": lambda study, block: 1 - study.through(block, "scores"),
    "1 − s, coordinates alike (log)": lambda study, block: 1 - study.through(block, "even_scores"),
}
"""What is drawn: (seeds, looks, L) of a kind of block. The residual is out, in, and in with every coordinate alike."""


@use()
def meeting_by_block(study: MeetingStudy) -> Shown:
    """s_Δ and 1 − s of every block, held out, first tokens left out: before training above, after it below."""
    figure, axes = canvas(
        "How linear each block is",
        heading(study, step=-1),
        [spread_note(study), NO_RESIDUAL, ALIKE],
        height=5.4,
        nrows=2,
        ncols=3,
        sharex=True,
    )
    words = []
    for column, (title, of) in enumerate(PANELS.items()):
        pair, values = axes[column::3], {b: of(study, b) for b in study.blocks}
        for ax, at in zip(pair, (0, -1), strict=True):
            here = {b: each[:, at] for b, each in values.items()}
            draw_by_block(ax, here)
            words += [f"{title.removesuffix(' (log)')} {_when(study, at)}, median over blocks:", *_medians(here)]
        _alike(pair, log=title.endswith("(log)"))
        pair[0].set_title(title)
        block_axis(pair[1], study.L)
    for ax, at in zip(axes[::3], (0, -1), strict=True):
        ax.set_ylabel(_when(study, at))
    legend_above(axes[0], columns=6)
    what = (
        "Held-out update score s_Δ, 1 − s, and 1 − s with every coordinate alike, by block, before training and after "
        "it, first tokens left out"
    )
    return _shown(figure, study, what, words)


def _when(study: MeetingStudy, at: int) -> str:
    step = study.runs[0].steps[at]
    return f"after {step:,} steps" if step else "before training"


def _alike(pair: Sequence[Axes], *, log: bool) -> None:
    """The same limits above and below, so that both can be compared by eye."""
    for ax in pair:
        ax.set_yscale("log" if log else "linear")
    ends = [end for ax in pair for end in ax.get_ylim()]
    for ax in pair:
        ax.set_ylim(min(ends), max(ends))


@use()
def meeting_through_training(study: MeetingStudy) -> Shown:
    """Medians over blocks against steps: s_Δ, 1 − s in both ways, and how much one coordinate has of the variance."""
    steps, share = study.runs[0].steps, "variance in the largest coordinate"
    figure, axes = canvas(
        "How linear the blocks are on the way",
        heading(study, step=-1),
        [spread_note(study), "Median over blocks; first tokens left out. The first mark is before training."],
        height=5.0,
        nrows=2,
        ncols=2,
        sharex=True,
    )
    drawn = {title: {b: per_seed(of(study, b)) for b in study.blocks} for title, of in PANELS.items()}
    drawn[share] = {b: per_seed(study.through(b, "top_share")) for b in study.blocks}
    words = []
    for ax, (title, values) in zip(axes, drawn.items(), strict=True):
        draw_through(ax, steps, values)
        ax.set_title(title)
        if title.endswith("(log)"):
            ax.set_yscale("log")
            plain_log(ax.yaxis)
        ends = [f"{NAMES[b]}: {ranged(each[:, 0])} to {ranged(each[:, -1])}." for b, each in values.items()]
        words += [f"{title.removesuffix(' (log)')}, from the first look to the last:", *ends]
    for ax in axes[2:]:
        ax.set_xlabel("steps (log)")
    legend_above(axes[0], columns=6)
    what = "Medians over blocks of s_Δ, of 1 − s in both ways, and of the largest coordinate's share, against steps"
    return _shown(figure, study, what, words)


@use()
def linearity_and_loss(study: MeetingStudy) -> Shown:
    """Every model at every look: its median s_Δ, and 1 − s, against its loss."""
    figure, axes = canvas(
        "Linearity beside what has been learnt",
        heading(study, step=-1),
        ["A mark is one model at one look, joined by seed; training goes to the right. Medians over blocks."],
        height=3.3,
        ncols=2,
    )
    words = []
    for block in study.blocks:
        colour, marker, line = LOOKS[block]
        loss = study.through(block, "loss")
        update, rest = (per_seed(study.through(block, name)) for name in ("update_scores", "scores"))
        for k in range(len(loss)):
            look = {"color": colour, "ls": line, "lw": 0.9, "marker": marker, "ms": 3.2}
            axes[0].plot(loss[k], update[k], label=NAMES[block] if k == 0 else None, **look)
            axes[1].plot(loss[k], 1 - rest[k], **look)
        words.append(f"{NAMES[block]} ends at a loss of {ranged(loss[:, -1])} with s_Δ {scored(update[:, -1])}.")
    for ax, title in zip(axes, ("s_Δ", "1 − s (log)"), strict=True):
        ax.set(title=title, xlabel="held-out loss, nats a token")
        ax.invert_xaxis()
    axes[1].set_yscale("log")
    plain_log(axes[1].yaxis)
    legend_above(axes[0], columns=6)
    return _shown(figure, study, "Median s_Δ and 1 − s over blocks against held-out loss, at every look", words)


def draw_by_block(ax: Axes, values: Mapping[str, np.ndarray]) -> None:
    """One line a block kind, (seeds, L) each: the mean over seeds with their range behind it."""
    for block, each in values.items():
        _line(ax, range(each.shape[1]), each, block)


def draw_through(ax: Axes, steps: Sequence[int], values: Mapping[str, np.ndarray]) -> None:
    """The same against steps, (seeds, looks) each, on a logarithmic axis whose first place is no step at all."""
    first = steps[1] / 2
    for block, each in values.items():
        _line(ax, [first, *steps[1:]], each, block)
    ax.set_xscale("log")
    ticks = [first, *(t for t in (10, 100, 1000, 10_000) if steps[1] < t <= steps[-1])]
    ax.set_xticks(ticks, ["0", *(f"{t:,}" for t in ticks[1:])])
    ax.minorticks_off()


def _line(ax: Axes, x: Sequence[float], each: np.ndarray, block: str) -> None:
    colour, marker, line = LOOKS[block]
    ax.fill_between(x, each.min(0), each.max(0), color=colour, alpha=0.18, lw=0)
    ax.plot(x, each.mean(0), color=colour, marker=marker, ls=line, lw=1.3, ms=3.2, label=NAMES[block])


def _medians(values: Mapping[str, np.ndarray]) -> list[str]:
    return [f"{NAMES[block]}: {ranged(per_seed(each))}." for block, each in values.items()]


def _shown(figure, study: MeetingStudy, what: str, words: Sequence[str]) -> Shown:
    size = heading(study, step=-1)
    return Shown(figure, sentences(f"Line charts. {what}. {size}.", *words), sentences(f"{what}. {size}."))
