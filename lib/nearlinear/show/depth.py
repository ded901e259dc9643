"""Figures of depth: the curves of shallow and deep models, and what more blocks change in the end."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.depth_views import Deepened, deepened, total_operations
from nearlinear.results.training import Block
from nearlinear.results.training_views import Difference, held_out_curves, losses

from .counting import NAMES
from .depth_words import blocks_said, depth_heading
from .learning_words import BASE, Runs, gap_told, loss_said, ranged, spread_said, unit
from .shown import Shown
from .signal import LOOKS
from .style import DASHES, FAINT, canvas, legend_above, plain_log, use
from .words import number, sentences

EARLY = 0.1
"""Losses are drawn from this share of the steps on: before, all are far above the rest."""

UNIT = 1e12
"""Operations are counted in 10¹²."""


@use()
def short_depth(runs: Runs) -> Shown:
    """A few steps of one block at two depths: training losses, and the held-out loss at each look."""
    pair = deepened(runs)
    figure, (ax,) = canvas(
        "A few steps",
        depth_heading(pair),
        ["Line: training loss, the mean since the point before. Marks: held-out loss."],
        height=3.0,
    )
    words = []
    for run, line in zip(pair.runs, (DASHES, "-"), strict=True):
        colour, marker, _ = LOOKS[run.spec.architecture.block]
        name = f"{NAMES[run.spec.architecture.block]}, {blocks_said(run.spec.architecture.L)}"
        ax.plot(run.steps, run.losses, color=colour, ls=line, label=f"{name}, training")
        face = "white" if line == DASHES else colour
        ax.plot(*run.held_out, marker, color=colour, mfc=face, label=f"{name}, held out")
        ends = f"training {loss_said(run.losses[0])} to {loss_said(run.losses[-1])}, held out {loss_said(run.loss)}"
        words.append(f"{name}: {ends} at the end.")
    ax.set(xlabel="steps", ylabel=unit(runs[0]))
    legend_above(ax, columns=2)
    what = "Training and held-out loss of the first steps, shallow and deep"
    heading = depth_heading(pair)
    return Shown(figure, sentences(f"A line chart. {what}. {heading}.", *words), f"{what}. {heading}.")


@use()
def depth_curves(runs: Runs) -> Shown:
    """Fig. 6: held-out loss of every block, shallow and deep; above against steps, below against operations."""
    pair = deepened(runs)
    shallow, deep = pair.depths
    figure, axes = canvas(
        "Shallow and deep",
        depth_heading(pair),
        [
            f"{spread_said(pair.deep)} Dashed: {blocks_said(shallow)}; solid: {blocks_said(deep)}.",
            "Operations: those of matrix products, by the formulas of the chapter on counting.",
            "A deep model is still at a high rate where its shallow one ends in the lower row.",
        ],
        height=4.6,
        nrows=2,
        ncols=len(pair.deep),
        sharey=True,
    )
    rows = axes[: len(pair.deep)], axes[len(pair.deep) :]
    words = []
    for block, above, below in zip(pair.deep, *rows, strict=True):
        for runs_of, line in ((pair.shallow[block], DASHES), (pair.deep[block], "-")):
            steps, values = held_out_curves(runs_of)
            each = total_operations(runs_of[0]) / runs_of[0].spec.recipe.steps / UNIT
            _curve(above, steps, values, block, line)
            _curve(below, steps * each, values, block, line)
        above.set(title=NAMES[block], xlabel="steps")
        below.set(xlabel="10¹² operations (log)", xscale="log", xlim=_all_operations(pair))
        plain_log(below.xaxis)
        ends = f"{blocks_said(shallow)} {ranged(losses(pair.shallow[block]))}, {blocks_said(deep)}"
        words.append(f"{NAMES[block]}: {ends} {ranged(losses(pair.deep[block]))}.")
    axes[0].set_ylim(*_limits(pair))
    for row in rows:
        row[0].set_ylabel(f"held out, {unit(runs[0])}")
    what = "Held-out loss of shallow and of deep models, by block, against steps and against operations"
    heading = depth_heading(pair)
    return Shown(
        figure,
        sentences(f"Line charts. {what}. {heading}. At the end:", *words),
        sentences(f"{what}; mean over seeds, with the range. {heading}."),
    )


def _curve(ax: Axes, x: np.ndarray, values: np.ndarray, block: Block, line: object) -> None:
    """Mean over seeds and its range, values (seeds, looks), from the first steps on."""
    colour = LOOKS[block][0]
    shown = (x >= EARLY * x[-1]) & ~np.isnan(values).any(0)
    ax.fill_between(x[shown], values[:, shown].min(0), values[:, shown].max(0), color=colour, alpha=0.18, lw=0)
    ax.plot(x[shown], values[:, shown].mean(0), color=colour, ls=line, lw=1.4)


def _all_operations(pair: Deepened) -> tuple[float, float]:
    """From the first that is drawn of any shallow model to the last of any deep one, with some room."""
    totals = [total_operations(run) / UNIT for run in pair.runs]
    return 0.9 * EARLY * min(totals), 1.1 * max(totals)


def _limits(pair: Deepened) -> tuple[float, float]:
    found = []
    for blocks in (pair.shallow, pair.deep):
        for each in blocks.values():
            steps, values = held_out_curves(each)
            found.append(values[:, steps >= EARLY * steps[-1]].ravel())
    low, high = np.nanmin(np.concatenate(found)), np.nanmax(np.concatenate(found))
    return low - 0.04 * (high - low), high + 0.04 * (high - low)


@use()
def depth_changes(runs: Runs, base: Block = BASE) -> Shown:
    """What depth changes, a dot a seed: where each block ends at both depths, the change, and the change beside the
    base block's."""
    pair = deepened(runs)
    shallow, deep = pair.depths
    changes = {block: pair.change(block) for block in pair.deep}
    beside = {block: pair.beside(block, base) for block in pair.deep if block != base}
    figure, axes = canvas(
        "What depth changes",
        depth_heading(pair),
        [
            f"Left, hollow: {blocks_said(shallow)}; full: {blocks_said(deep)}. A dot a seed; dash: their mean.",
            f"Middle: deep minus shallow, seed by seed. Below zero, depth helps. Right: that, minus {NAMES[base]}'s.",
            f"Bar: 95 % bootstrap interval over the {len(runs[0].document_tokens)} held-out files, of the mean.",
        ],
        height=3.2,
        ncols=3,
    )
    left, middle, right = axes
    for place, block in enumerate(pair.deep):
        _dots(left, place - 0.16, losses(pair.shallow[block]), block, full=False)
        _dots(left, place + 0.16, losses(pair.deep[block]), block, full=True)
    _differences(middle, changes)
    _differences(right, beside)
    titles = (f"held-out loss, {unit(runs[0])}", "deep minus shallow", f"that, minus {NAMES[base]}'s")
    for ax, names, title in zip(axes, (pair.deep, changes, beside), titles, strict=True):
        ax.set_title(title)
        ax.set_xticks(range(len(names)), [NAMES[block] for block in names], rotation=30, ha="right")
        ax.set_xlim(-0.5, len(names) - 0.5)
    words = [f"{NAMES[block]}: deep minus shallow {gap_told(each)}." for block, each in changes.items()]
    words += [f"{NAMES[block]}, that minus {NAMES[base]}'s: {gap_told(each)}." for block, each in beside.items()]
    what = "Held-out loss at the end at both depths, its change with depth, and that beside the change of Pre-LN"
    heading = depth_heading(pair)
    return Shown(
        figure,
        sentences(f"Three charts of dots. {what}. {heading}.", *words),
        sentences(f"{what}. {heading}."),
    )


def _dots(ax: Axes, place: float, values: np.ndarray, block: Block, *, full: bool) -> None:
    """One mark a seed, a little apart, and a dash at their mean."""
    colour, marker, _ = LOOKS[block]
    shift = 0.06 * (np.arange(len(values)) - (len(values) - 1) / 2)
    ax.plot(place + shift, values, marker, color=colour, ms=4.6, mfc=colour if full else "none", ls="")
    ax.hlines(np.mean(values), place - 0.12, place + 0.12, color=colour, lw=1.4)


def _differences(ax: Axes, found: Mapping[Block, Difference]) -> None:
    for place, (block, each) in enumerate(found.items()):
        ax.vlines(place + 0.24, each.low, each.high, color=LOOKS[block][0], lw=3, alpha=0.45)
        _dots(ax, place, np.array(each.seeds), block, full=True)
    ax.axhline(0, color=FAINT, lw=1, ls=":")


@use()
def depth_signal(runs: Runs) -> Shown:
    """How different the tokens of a text still are after each block: before training and after, at both depths."""
    pair = deepened(runs)
    figure, axes = canvas(
        "How different the tokens still are",
        depth_heading(pair),
        [f"{spread_said(pair.deep)} Held-out text; the relative residual is 0 where all tokens of a text are alike."],
        height=4.6,
        nrows=2,
        ncols=2,
        sharey=True,
    )
    words = []
    for row, when in enumerate(("before", "after")):
        for ax, L, blocks in zip(axes[2 * row :], pair.depths, (pair.shallow, pair.deep), strict=False):
            words.append(f"{when.capitalize()} training, {blocks_said(L)}, after the last:")
            for block, each in blocks.items():
                values = np.array([getattr(run, when).relative_residual for run in each])
                colour, marker, line = LOOKS[block]
                x = getattr(each[0], when).depth
                ax.fill_between(x, values.min(0), values.max(0), color=colour, alpha=0.18, lw=0)
                ax.plot(x, values.mean(0), color=colour, ls=line, marker=marker, markevery=3, label=NAMES[block])
                words.append(f"{NAMES[block]} {number(float(values[:, -1].mean()))}.")
            ax.set_title(f"{when} training, {blocks_said(L)}")
            ax.set_ylim(0, 1.05)
    for ax in axes[2:]:
        ax.set_xlabel("after so many blocks")
    for ax in axes[::2]:
        ax.set_ylabel("relative residual")
    legend_above(axes[0], columns=4)
    what = "The share of the states that is not the same for all tokens, against depth, before training and after"
    heading = depth_heading(pair)
    return Shown(figure, sentences(f"Line charts. {what}. {heading}.", *words), f"{what}. {heading}.")
