"""Figures of training: the screen of learning rates, the curves of every block, and where they end."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.training import Block
from nearlinear.results.training_views import by_block, difference, held_out_curves, losses, screened, training_curves

from .counting import NAMES
from .learning_words import (
    BASE,
    Runs,
    edges_said,
    gap_told,
    heading,
    loss_said,
    ranged,
    rates_used,
    spread_said,
    unit,
    used_said,
)
from .shown import Shown
from .signal import LOOKS
from .style import FAINT, canvas, legend_above, plain_log, use
from .words import sentences

SMOOTH = 2
"""Training losses are drawn as means over so many stops."""

END = 0.5
"""The end of training, drawn larger: from this share of the steps on."""


@use()
def rates_screened(screen: Runs, long: Runs = ()) -> Shown:
    """Loss on the text for choices against the learning rate, a line a block. `long`: runs whose rates are ringed."""
    found, used = screened(screen), rates_used(long)
    edges = edges_said(screen)
    figure, (ax,) = canvas(
        "Which learning rate suits which block",
        heading(screen),
        [
            "Full marker: the best rate of this screen. Ring: the rate of the long runs."
            if used
            else "Full marker: the best rate of this screen.",
            "Rates are chosen on files that are neither trained on nor reported.",
        ],
        edges,
        height=3.2,
    )
    words = []
    for block, one in found.items():
        colour, marker, line = LOOKS[block]
        ax.plot(one.rates, one.losses, color=colour, ls=line, marker=marker, mfc="white", label=NAMES[block])
        ax.plot(one.rate, one.losses[one.best], color=colour, marker=marker, ms=7)
        if used.get(block) in one.rates:
            at = one.losses[one.rates.index(used[block])]
            ax.plot(used[block], at, "o", color=colour, mfc="none", ms=12, mew=0.9)
        words.append(f"{NAMES[block]}: {_tried(one.rates, one.losses)}; best {one.rate:g}.")
    tried = sorted({rate for one in found.values() for rate in one.rates})
    ax.set_xscale("log")
    ax.set_xticks(tried, [f"{rate:g}" for rate in tried])
    ax.minorticks_off()
    ax.set_xlabel("highest learning rate (log)")
    ax.set_ylabel(f"loss, {unit(screen[0])}")
    legend_above(ax, columns=6)
    what = f"Loss after {screen[0].spec.recipe.steps:,} steps against the highest learning rate, by block"
    return Shown(
        figure,
        sentences(f"A line chart. {what}. {heading(screen)}.", *words, edges, used_said(long)),
        sentences(f"{what}. {heading(screen)}.", edges, used_said(long)),
    )


@use()
def short_training(runs: Runs) -> Shown:
    """A few steps, one curve a run: every training loss that was written down, and the held-out loss at each look."""
    figure, (ax,) = canvas(
        "A few steps",
        heading(runs),
        ["Line: training loss, the mean since the point before. Marks: held-out loss."],
        height=3.0,
    )
    words = []
    for run in runs:
        colour, marker, line = LOOKS[run.spec.architecture.block]
        name = NAMES[run.spec.architecture.block]
        ax.plot(run.steps, run.losses, color=colour, ls=line, label=f"{name}, training")
        ax.plot(*run.held_out, marker, color=colour, mfc="white", label=f"{name}, held out")
        ends = f"training {loss_said(run.losses[0])} to {loss_said(run.losses[-1])}, held out {loss_said(run.loss)}"
        words.append(f"{name}, seed {run.spec.seed}: {ends} at the end.")
    ax.set(xlabel="steps", ylabel=unit(runs[0]))
    legend_above(ax, columns=4)
    what = "Training and held-out loss of the first steps"
    return Shown(figure, sentences(f"A line chart. {what}. {heading(runs)}.", *words), f"{what}. {heading(runs)}.")


def _tried(rates: Sequence[float], values: Sequence[float]) -> str:
    return ", ".join(f"{loss_said(value)} at {rate:g}" for rate, value in zip(rates, values, strict=True))


@use()
def learning_curves(runs: Runs) -> Shown:
    """Figs. 2 and 26: held-out and training loss against steps; on the left all of training, on the right its end."""
    blocks = by_block(runs)
    figure, axes = canvas(
        "Loss against steps",
        heading(runs),
        [spread_said(blocks), "Right: the end alone. Training loss: the mean of the steps before each point."],
        height=5.6,
        nrows=2,
        ncols=2,
    )
    steps, last = runs[0].spec.recipe.steps, []
    smooth = partial(training_curves, span=SMOOTH * runs[0].spec.every)
    for row, (name, curves) in enumerate({"held out": held_out_curves, "training": smooth}.items()):
        drawn = {block: curves(each) for block, each in blocks.items()}
        whole, end = axes[2 * row : 2 * row + 2]
        draw_curves(whole, drawn)
        draw_curves(end, drawn)
        whole.set(xscale="log", title=f"{name}: all of training", ylabel=unit(runs[0]))
        plain_log(whole.xaxis)
        end.set(title=f"{name}: the end", xlim=(END * steps, steps), ylim=_limits(drawn, END * steps))
        last += [f"{name}, after {steps:,} steps:", *ends_said(drawn)]
    for ax, where in zip(axes[2:], ("steps (log)", "steps"), strict=True):
        ax.set_xlabel(where)
    legend_above(axes[0], columns=6)
    what = "Held-out and training loss against steps, by block"
    return Shown(
        figure,
        sentences(f"Line charts. {what}. {heading(runs)}.", *last),
        sentences(f"{what}; mean over seeds, with the range. {heading(runs)}."),
    )


Curves = Mapping[Block, tuple[np.ndarray, np.ndarray]]


def draw_curves(ax: Axes, curves: Curves, *, scale: Mapping[Block, float] | None = None) -> None:
    """One line a block, the mean over seeds, with the range behind it. `scale`: what its steps are multiplied by."""
    for block, (steps, values) in curves.items():
        colour, _, line = LOOKS[block]
        x = steps * (scale or {}).get(block, 1.0)
        shown = (x > 0) & ~np.isnan(values).any(0)
        ax.fill_between(x[shown], values[:, shown].min(0), values[:, shown].max(0), color=colour, alpha=0.18, lw=0)
        ax.plot(x[shown], values[:, shown].mean(0), color=colour, ls=line, lw=1.4, label=NAMES[block])


def _limits(curves: Curves, start: float) -> tuple[float, float]:
    """Room for everything that is drawn from `start` on."""
    found = np.concatenate([values[:, steps >= start].ravel() for steps, values in curves.values()])
    low, high = np.nanmin(found), np.nanmax(found)
    return low - 0.05 * (high - low), high + 0.05 * (high - low)


def ends_said(curves: Curves) -> list[str]:
    return [f"{NAMES[block]} {ranged(values[:, -1])}." for block, (_, values) in curves.items()]


@use()
def final_losses(runs: Runs, base: Block = BASE) -> Shown:
    """Where the blocks end, a dot a seed; and each seed's difference from the base block, with what other files do."""
    blocks = by_block(runs)
    gaps = {block: difference(each, blocks[base]) for block, each in blocks.items() if block != base}
    figure, (left, right) = canvas(
        "Where they end",
        heading(runs),
        [
            "A dot a seed (weights and order of the text), which says what another draw does; dash: their mean.",
            f"Bar: 95 % bootstrap interval over the {len(runs[0].document_tokens)} held-out files, of that mean.",
        ],
        height=3.1,
        ncols=2,
    )
    for place, (block, each) in enumerate(blocks.items()):
        _dots(left, place, losses(each), block)
    for place, (block, gap) in enumerate(gaps.items()):
        right.vlines(place + 0.22, gap.low, gap.high, color=LOOKS[block][0], lw=3, alpha=0.45)
        _dots(right, place, np.array(gap.seeds), block)
    right.axhline(0, color=FAINT, lw=1, ls=":")
    for ax, names, title in (
        (left, blocks, f"held-out loss, {unit(runs[0])}"),
        (right, gaps, f"the same minus {NAMES[base]}, seed by seed"),
    ):
        ax.set_title(title)
        ax.set_xticks(
            range(len(names)), [NAMES[block].replace(", ", ",\n") for block in names], rotation=30, ha="right"
        )
    words = [f"{NAMES[block]} {ranged(losses(each))}." for block, each in blocks.items()]
    told = [f"{NAMES[block]} minus {NAMES[base]}: {gap_told(gap)}." for block, gap in gaps.items()]
    what = f"Held-out loss at the end, by block, and its difference from {NAMES[base]} paired by seed"
    return Shown(
        figure,
        sentences(f"Two charts of dots. {what}. {heading(runs)}.", *words, *told),
        sentences(f"{what}. {heading(runs)}."),
    )


def _dots(ax: Axes, place: int, values: np.ndarray, block: Block) -> None:
    colour, marker, _ = LOOKS[block]
    shift = 0.08 * (np.arange(len(values)) - (len(values) - 1) / 2)
    ax.plot(place + shift, values, marker, color=colour, ms=5, mfc="none", ls="")
    ax.hlines(np.mean(values), place - 0.16, place + 0.16, color=colour, lw=1.4)
