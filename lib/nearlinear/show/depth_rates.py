"""The rates of deep models: what each gave, and what would have been concluded at the rates of shallow ones."""

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.depth_views import Deepened, deepened, tried_losses
from nearlinear.results.training import Block
from nearlinear.results.training_views import Screened, by_block, screened

from .counting import NAMES
from .depth_words import blocks_said, shallow_rates
from .learning_words import Runs, edges_said, heading, loss_said, unit
from .shown import Html, Shown
from .signal import LOOKS
from .style import DASHES, canvas, use
from .tables import table
from .words import number, sentences

SHARES = {1 / 6: "1/6", 1 / 3: "1/3", 1: "1", 2: "2"}
"""Marks under a drawing of rates, as shares of the shallow models' rate."""


@use()
def depth_rates(screen: Runs, runs: Runs, shallow_screen: Runs = ()) -> Shown:
    """Loss on the text for choices by rate, a panel a block; and all deep models at two rates side by side.

    `screen`: of deep models; `runs`: the long ones; `shallow_screen`: shallow models, dashed, where there are any.
    """
    pair = deepened(runs)
    edges = edges_said(screen)
    both = f"Solid: {blocks_said(pair.depths[1])}; dashed: {blocks_said(pair.depths[0])}."
    figure, axes = canvas(
        "The rates of deep models",
        heading(screen),
        [
            both if shallow_screen else f"{blocks_said(pair.depths[0])}: not tried at these rates.",
            "Rates are shares of that of the shallow models of their kind (log). Full marker: the best of the screen.",
            "Ring: the rate of the long runs at that depth. Rates are chosen on files used for nothing else.",
            "Right: the deep models twice, with the rates of the shallow ones and with their own.",
        ],
        edges,
        height=2.9,
        ncols=len(pair.deep) + 1,
        sharey=True,
        width_ratios=(*(1 for _ in pair.deep), 1.25),
    )
    shallow, deep = shallow_rates(pair), {b: each[0].spec.recipe.lr for b, each in pair.deep.items()}
    for ax, block in zip(axes, pair.deep, strict=False):
        if shallow_screen:
            _by_rate(ax, block, screened(shallow_screen)[block], shallow[block], shallow[block], DASHES)
        _by_rate(ax, block, screened(screen)[block], shallow[block], deep[block], "-")
        ax.set(xscale="log", title=NAMES[block], xlabel="rate, share of\nthe shallow")
        ax.set_xticks([*SHARES], SHARES.values())
        ax.set_xlim(1 / 8, 2.7)
        ax.minorticks_off()
    axes[0].set_ylabel(f"loss, {unit(screen[0])}")
    words = _two_rates(axes[-1], screen, pair)
    what = f"Loss after {screen[0].spec.recipe.steps:,} steps by highest learning rate, and at two rates side by side"
    return Shown(
        figure,
        sentences(f"Line charts. {what}. {heading(screen)}.", *_tried(screen), *words, edges),
        sentences(f"{what}. {heading(screen)}.", edges),
    )


def _by_rate(ax: Axes, block: Block, one: Screened, unit_rate: float, used: float, line: object) -> None:
    colour, marker, _ = LOOKS[block]
    shares = [rate / unit_rate for rate in one.rates]
    ax.plot(shares, one.losses, color=colour, ls=line, marker=marker, mfc="white")
    ax.plot(shares[one.best], one.losses[one.best], color=colour, marker=marker, ms=6)
    if used in one.rates:
        ax.plot(used / unit_rate, one.losses[one.rates.index(used)], "o", color=colour, mfc="none", ms=11, mew=0.9)


def _two_rates(ax: Axes, screen: Runs, pair: Deepened) -> list[str]:
    """A line a block, from the loss at the shallow rate to that at its best; returns both in words."""
    tried, words = tried_losses(screen), []
    for block, one in screened(screen).items():
        colour, marker, _ = LOOKS[block]
        at, own = tried[block].get(shallow_rates(pair).get(block), np.nan), one.losses[one.best]
        ax.plot((0, 1), (at, own), color=colour, marker=marker, lw=1.2)
        words.append(f"{NAMES[block]}: {loss_said(at)} at the rate of the shallow, {loss_said(own)} at its own.")
    ax.set_title("deep, all")
    ax.set_xticks((0, 1), ("shallow\nrate", "own"))
    ax.set_xlim(-0.3, 1.3)
    return words


def _tried(screen: Runs) -> list[str]:
    told = []
    for block, each in tried_losses(screen).items():
        said = ", ".join(f"{loss_said(loss)} at {rate:.2g}" for rate, loss in each.items())
        told.append(f"{NAMES[block]}: {said}.")
    return told


def depth_rates_table(screen: Runs, runs: Runs, shallow_screen: Runs = ()) -> Html:
    """What each rate gave a deep model, and how alike the tokens are then; the best in bold."""
    pair = deepened(runs)
    long = {block: each[0].spec.recipe.lr for block, each in pair.deep.items()}
    beside = tried_losses(shallow_screen) if shallow_screen else {}
    rows = []
    for block, each in by_block(screen).items():
        best = screened(each)[block].rate
        for run in each:
            rate = run.spec.recipe.lr
            loss = loss_said(np.nan if run.stopped else run.chosen_loss)
            rows.append(
                [
                    NAMES[block],
                    f"{rate:.2g}",
                    f"<b>{loss}</b>" if rate == best else loss,
                    *([_beside(beside.get(block, {}), rate)] if beside else []),
                    number(run.after.relative_residual[-1]),
                    sentences(*_used(rate, shallow_rates(pair)[block], long[block])),
                ]
            )
    shallow, deep = map(blocks_said, pair.depths)
    of_shallow = [f"loss, {shallow}"] if beside else []
    head = ("block", "rate", f"loss, {deep}", *of_shallow, f"relative residual, {deep}", "rate of the long runs")
    title = (
        f"Loss ({unit(screen[0])}) on the text for choices, and the relative residual after the last block, by rate. "
        f"{heading(screen)}"
    )
    return table(title, head, rows)


def _beside(tried: dict[float, float], rate: float) -> str:
    return loss_said(tried[rate]) if rate in tried else "not tried"


def _used(rate: float, shallow: float, deep: float) -> Iterator[str]:
    if rate == shallow:
        yield "shallow"
    if rate == deep:
        yield "deep"
