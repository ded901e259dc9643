"""Can a measure of a block foresee what it costs to change it? The premise of every order that looks only once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.results.pruning import How, Measure, PruningStudy

from .errors import ranks
from .pruning import COLOURS, NAMES
from .shown import Html, Shown
from .style import canvas, use
from .tables import table
from .words import caveats, interval, notes, number, sentences, subtitle

DONE = {"remove": "removing", "replace": "replacing"}


@dataclass(frozen=True)
class Foresight:
    """Spearman's rank correlation over blocks between a measure and the damage of changing each block alone."""

    order: str
    how: How
    rho: float
    low: float
    high: float


def foresight(
    study: PruningStudy, measures: Sequence[Measure] | None = None, *, n_resamples: int = 2000, seed: int = 0
) -> list[Foresight]:
    """For each measure and each way of changing: does the block that it puts first cost least?

    `measures`: the study's own, or others of the same model. Intervals: 95 % bootstrap over blocks, whose number L is
    small.
    """
    draws = np.random.default_rng(seed).integers(0, study.L, size=(n_resamples, study.L))
    found = []
    for measure in study.measures if measures is None else measures:
        for how, steps in study.single.items():
            values, damage = np.array(measure.values), np.array([step.difference for step in steps])
            low, high = np.nanpercentile([spearman(values[draw], damage[draw]) for draw in draws], [2.5, 97.5])
            found.append(Foresight(measure.order, how, spearman(values, damage), float(low), float(high)))
    return found


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation of a and b (n,); NaN where one of them does not vary."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def foresight_table(study: PruningStudy, measures: Sequence[Measure] | None = None) -> Html:
    """The rank correlations as a table, one row a measure."""
    found = {(f.order, f.how): f for f in foresight(study, measures)}
    orders = dict.fromkeys(order for order, _ in found)
    rows = [[NAMES[order], *(_cell(found[order, how]) for how in ("remove", "replace"))] for order in orders]
    return table("Does a measure foresee the damage?", ("measure", "removed", "replaced by a line"), rows)


def _cell(f: Foresight) -> str:
    return f"<b>{number(f.rho)}</b> {interval(f.low, f.high)}"


@use()
def foresight_by_block(study: PruningStudy, how: How = "remove") -> Shown:
    """Every block's rank by each measure against its damage: a measure that foresees draws a rising line."""
    figure, axes = canvas(
        "What each measure foresees",
        subtitle([study]),
        ["Numbers are blocks. Rank 1 goes first.", *notes([study])],
        height=2.9,
        ncols=len(study.measures),
        sharey=True,
    )
    damage = np.array([step.difference for step in study.single[how]])
    words = []
    for ax, measure in zip(axes, study.measures, strict=True):
        rank = ranks(np.array(measure.values)) + 1
        rho = spearman(np.array(measure.values), damage)
        ax.plot(rank, damage, "o", ms=3, color=COLOURS[measure.order])
        for block in range(study.L):
            ax.annotate(str(block), (rank[block], damage[block]), xytext=(2, 2), textcoords="offset points", fontsize=6)
        ax.set_title(f"{NAMES[measure.order]}\nρ = {number(rho)}")
        ax.set_xlabel("rank of the block")
        first, last = np.argmin(rank), np.argmax(rank)
        words.append(
            f"{NAMES[measure.order]}: rank correlation {number(rho)}; it puts block {first} first, which costs "
            f"{number(float(damage[first]))}, and block {last} last, which costs {number(float(damage[last]))}."
        )
    axes[0].set_yscale("log" if damage.min() > 0 else "symlog")
    axes[0].set_ylabel("added log-loss (nats a token)")
    return Shown(
        figure,
        sentences(
            f"Scatter plots, one for each measure, of the log-loss added by {DONE[how]} a block against its rank.",
            *words,
            f"{subtitle([study])}.",
            caveats([study]),
        ),
        sentences(
            f"Log-loss added by {DONE[how]} one block, against the rank that each measure gives the block.",
            f"{subtitle([study])}.",
        ),
    )
