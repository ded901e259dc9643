"""How many tokens a score needs: scores of one model against n/d."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.types import LinearityProfile, TokensNeeded

from .shown import Shown
from .style import COLOURS, DASHES, FAINT, canvas, legend_above, use
from .words import caveats, model_name, notes, number, score, sentences, subtitle

ENOUGH = 20
"""Tokens for each dimension below which we call a score unreliable."""


def _over_blocks(table: Sequence[Sequence[float]]) -> np.ndarray:
    """Lower quartile, median and upper quartile over the blocks, shape (3, rows)."""
    rows = [[v for v in row if not math.isnan(v)] or [math.nan] for row in table]
    return np.stack([np.percentile(row, [25, 50, 75]) for row in rows], axis=1)


def _ratio(curves: TokensNeeded) -> np.ndarray:
    return np.array(curves.n_fit) / curves.d


def _quartiles(ax: Axes, curves: TokensNeeded, table, colour: str, marker: str, label: str) -> None:
    low, median, high = _over_blocks(table)
    ax.fill_between(_ratio(curves), low, high, color=colour, alpha=0.16, lw=0)
    ax.plot(_ratio(curves), median, color=colour, marker=marker, ms=5, label=label)


def _twins(ax: Axes, twins: Sequence[TokensNeeded], name: str, marker: str) -> None:
    """Mean over seeds of the median over blocks, with the range over seeds."""
    medians = np.array([_over_blocks(getattr(t, name))[1] for t in twins])  # (seeds, rows)
    colour, x = COLOURS["random twin"], _ratio(twins[0])
    ax.fill_between(x, medians.min(0), medians.max(0), color=colour, alpha=0.25, lw=0)
    words = "in-sample" if name == "in_sample" else "held out"
    ax.plot(x, medians.mean(0), color=colour, marker=marker, ls=DASHES, ms=5, label=f"random weights, {words}")


@use()
def tokens_needed(
    curves: TokensNeeded, twins: Sequence[TokensNeeded] = (), profile: LinearityProfile | None = None
) -> Shown:
    """In-sample and held-out update score against n/d; both settle on the same value from opposite sides.

    The line is the median over blocks, the band their quartiles. `profile` marks where the page's own run stands.
    """
    how = "Update score, first token out. Line: median over blocks; band: their quartiles (twins: range over seeds)."
    figure, (ax,) = canvas("How many tokens a score needs", subtitle([curves]), [how, *notes([curves])], height=3.3)
    _quartiles(ax, curves, curves.in_sample, COLOURS["in-sample"], "o", "in-sample")
    _quartiles(ax, curves, curves.held_out, COLOURS["held out"], "^", "held out")
    if twins:
        _twins(ax, twins, "in_sample", "o")
        _twins(ax, twins, "held_out", "^")
    _mark(ax, ENOUGH, f"n = {ENOUGH} d, our limit", "right")
    if profile is not None and profile.held_out:
        _mark(ax, profile.held_out.n_fit / profile.d, "this page's run", "left")
    ax.set_xscale("log")
    ticks = _ratio(curves)
    ax.set_xticks(ticks, [f"{t:.3g}" for t in ticks])
    ax.set_xlabel("n/d: tokens of the fit for each dimension (log)")
    ax.set_ylabel("update score")
    legend_above(ax, columns=4)
    return Shown(figure, _alt(curves, twins), _caption(curves, twins))


def _mark(ax: Axes, x: float, label: str, side: str) -> None:
    """A dotted upright line, its label ending or beginning at it."""
    ax.axvline(x, color=FAINT, lw=1, ls=":")
    shift = 4 if side == "left" else -4
    place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "ha": side}
    ax.annotate(label, (x, 0), (shift, 4), size=8, color=FAINT, **place)


def _rows(curves: TokensNeeded) -> str:
    inside, outside = _over_blocks(curves.in_sample)[1], _over_blocks(curves.held_out)[1]
    rows = zip(_ratio(curves), inside, outside, strict=True)
    return "; ".join(f"n/d = {r:.3g}: {score(i)} in-sample, {score(o)} held out" for r, i, o in rows)


def _alt(curves: TokensNeeded, twins: Sequence[TokensNeeded]) -> str:
    last = [_over_blocks(t.held_out)[1][-1] for t in twins]
    random = f"Random weights, {len(twins)} seeds: {score(np.mean(last))} held out at the largest n/d." if last else ""
    medians = f"Median update score over the blocks at {_rows(curves)}."
    return sentences(f"Line chart. {subtitle([curves])}.", medians, random, caveats([curves]))


def _caption(curves: TokensNeeded, twins: Sequence[TokensNeeded]) -> str:
    inside, outside = _over_blocks(curves.in_sample)[1], _over_blocks(curves.held_out)[1]
    return sentences(
        f"Update score of {model_name(curves.provenance)}, first token out, against the number of tokens of the fit:",
        f"median and quartiles over its {curves.provenance.model.L} blocks.",
        f"The two medians are {number(inside[0] - outside[0])} apart at n/d = {_ratio(curves)[0]:.3g} and",
        f"{number(inside[-1] - outside[-1])} apart at n/d = {_ratio(curves)[-1]:.3g}.",
        f"Held out on {curves.n_test:,} tokens throughout.",
        f"Random weights: mean over {len(twins)} seeds, band from lowest to highest." if twins else "",
    )
