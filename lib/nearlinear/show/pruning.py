"""Figures of pruning: what every order costs, and what every block costs alone."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nearlinear.results.pruning import Changed, How, PruningCurve, PruningStudy

from .shown import Shown
from .style import (
    BLUE,
    DASHES,
    FAINT,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    block_axis,
    canvas,
    legend_above,
    log_y,
    plain_log,
    use,
)
from .words import caveats, notes, number, sentences, subtitle

NAMES = {
    "score": "the paper's score",
    "heldout": "held-out update score",
    "energy": "unexplained energy",
    "bi": "block influence",
    "angular": "angular distance",
    "greedy": "greedy by loss",
    "last": "deepest first",
}
"""What a reader calls an order."""

COLOURS = dict(zip(NAMES, (BLUE, GREEN, SKY, VERMILLION, ORANGE, PURPLE, FAINT), strict=True))
_MARKERS = dict(zip(NAMES, (*MARKERS, "X"), strict=True))
_DONE = {"remove": "removed", "replace": "replaced by a line"}

HIGHEST = 1e4
"""Perplexities above this are drawn here: a model that has lost so much has nothing left to compare."""


def perplexities(curve: PruningCurve) -> np.ndarray:
    """(steps,): perplexity after each step."""
    return np.array([step.perplexity for step in curve.steps])


def band(steps: Sequence[Changed]) -> np.ndarray:
    """(2, steps): the 95 % interval of the perplexity, given the dense model's: exp of the paired difference."""
    dense = np.array([step.perplexity / np.exp(step.difference) for step in steps])
    return dense * np.exp(np.array([step.interval for step in steps], float)).T


def curves_of(studies: Sequence[PruningStudy], how: How) -> list[PruningCurve]:
    """Every curve of studies of one model on the same texts. Raises ValueError where they are not."""
    first = studies[0]
    for other in studies[1:]:
        if (other.provenance.windows_sha256, other.provenance.model.sha256) != (
            first.provenance.windows_sha256,
            first.provenance.model.sha256,
        ):
            raise ValueError("these studies are of different models or texts: their curves cannot be compared")
    return [curve for study in studies for curve in study.curves if curve.how == how]


@use()
def pruning_curves(*studies: PruningStudy) -> Shown:
    """Fig. 6: perplexity against the number of changed blocks, by removal and by replacement, in every order."""
    figure, axes = canvas(
        "What pruning costs",
        subtitle(studies[:1]),
        [
            "Shaded: 95 % bootstrap interval over documents; grey: range over random orders.",
            f"Perplexities above {number(HIGHEST)} are drawn there.",
            *notes(studies[:1]),
        ],
        height=3.4,
        ncols=2,
        sharey=True,
    )
    words = [_panel(ax, curves_of(studies, how), how) for ax, how in zip(axes, ("remove", "replace"), strict=True)]
    for ax in axes:
        ax.axhline(studies[0].dense_perplexity, color=FAINT, lw=1, ls=":", label="unchanged model")
        log_y(ax)
        plain_log(ax.yaxis)
        ax.set_xlabel("blocks changed")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set_ylabel("perplexity (log)")
    legend_above(axes[0], columns=4)
    return Shown(
        figure,
        sentences(
            "Two line charts of perplexity, on a logarithmic axis, against the number of changed blocks.",
            *(sentence for panel in words for sentence in panel),
            f"{subtitle(studies[:1])}.",
            caveats(studies[:1]),
        ),
        sentences(
            "Perplexity on text used for nothing else, as blocks are removed (left) or replaced by their affine maps",
            f"(right), in different orders. {subtitle(studies[:1])}.",
        ),
    )


def _panel(ax: Axes, curves: Sequence[PruningCurve], how: How) -> list[str]:
    """Draw one way of changing blocks; returns what it shows, in words."""
    ax.set_title(f"blocks {_DONE[how]}")
    named = [curve for curve in curves if curve.order in NAMES]
    words = [_describe(NAMES[curve.order], curve) for curve in named]
    for curve in named:
        x, colour = np.arange(1, len(curve.steps) + 1), COLOURS[curve.order]
        low, high = np.minimum(band(curve.steps), HIGHEST)
        ax.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
        y = np.minimum(perplexities(curve), HIGHEST)
        ax.plot(x, y, color=colour, marker=_MARKERS[curve.order], label=NAMES[curve.order])
    if drawn := [perplexities(curve) for curve in curves if curve.order.startswith("random")]:
        table_ = np.minimum(np.stack(drawn), HIGHEST)  # (seeds, steps)
        x = np.arange(1, table_.shape[1] + 1)
        ax.fill_between(x, table_.min(0), table_.max(0), color=GREY, alpha=0.25, lw=0)
        ax.plot(x, np.median(table_, axis=0), color=GREY, ls=DASHES, label=f"random ({len(drawn)} seeds)")
    return [f"Blocks {_DONE[how]}.", *words]


def _describe(name: str, curve: PruningCurve) -> str:
    found = perplexities(curve)
    places = sorted({0, min(4, len(found) - 1), len(found) - 1})
    return f"{name}: " + ", ".join(f"{number(found[k])} at {k + 1}" for k in places) + "."


@use()
def damage_by_block(study: PruningStudy) -> Shown:
    """What it costs to change each block alone: the log-loss that removal adds, and what its line gives back."""
    figure, (ax,) = canvas(
        "What each block is worth",
        subtitle([study]),
        ["Bars: 95 % paired bootstrap interval over documents.", *notes([study])],
        height=3.1,
    )
    words, lowest = [], 0.0
    for how, colour, marker, shift in (("remove", VERMILLION, "s", -0.15), ("replace", BLUE, "o", 0.15)):
        steps = study.single[how]
        y, x = np.array([step.difference for step in steps]), np.arange(study.L) + shift
        low, high = np.array([step.interval for step in steps], float).T
        lowest = min(lowest, float(np.nanmin(low)))
        ax.errorbar(x, y, [y - low, high - y], fmt=marker, color=colour, ms=4, lw=1.2, label=f"block {_DONE[how]}")
        words.append(f"{_DONE[how]}: median {number(float(np.median(y)))}, largest {number(float(y.max()))}.")
    ax.axhline(0, color=FAINT, lw=1)
    ax.set_yscale("symlog", linthresh=0.1)
    ax.set_ylim(bottom=1.1 * lowest)
    block_axis(ax, study.L)
    ax.set_ylabel("added log-loss (nats a token)")
    legend_above(ax)
    return Shown(
        figure,
        sentences(
            "Points with intervals for every block, changed alone.", *words, f"{subtitle([study])}.", caveats([study])
        ),
        f"Log-loss that one changed block adds to the unchanged model, block by block. {subtitle([study])}.",
    )
