"""Figures of values and projections: how much they may move, and from which start."""

from itertools import chain

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.ablation_views import Settings, by_setting
from nearlinear.results.training_studies import BETAS

from .learning_words import Runs, heading, loss_said, ranged, unit
from .shown import Shown
from .signal import LOOKS
from .style import BLUE, DASHES, GREEN, GREY, PURPLE, VERMILLION, canvas, legend_above, use
from .values_words import NAMES, STARTS, TIED, block_of, ends, there
from .words import sentences

DOTS = "A dot a seed (weights and order of the text); line or dash: their mean."

OF_START = {"orthogonal": (VERMILLION, "s", DASHES), "identity": (BLUE, "o", "-")}
"""Colour, marker and line of each start of values and projections."""

BESIDE = {"pre-ln": (GREY, "-."), "sas": (GREEN, ":")}
"""Drawn as lines across: colour and line."""

OTHERS = (*TIED, "identity-gains", "orthogonal-gains")
OF_OTHERS = dict(zip(OTHERS, ((PURPLE, "^"), (PURPLE, "v"), (BLUE, "D"), (VERMILLION, "D")), strict=True))


@use()
def short_values(runs: Runs) -> Shown:
    """A few steps of a few settings, one curve a run: training losses, and the held-out loss at each look."""
    settings = by_setting(runs)
    figure, (ax,) = canvas(
        "A few steps",
        heading(runs),
        ["Line: training loss, the mean since the point before. Marks: held-out loss."],
        height=3.0,
    )
    words = []
    for name, (run, *_) in settings.items():
        colour, marker, line = OF_START.get(name.split("-")[0], LOOKS[block_of(name)])
        ax.plot(run.steps, run.losses, color=colour, ls=line, label=f"{NAMES[name]}, training")
        ax.plot(*run.held_out, marker, color=colour, mfc="white", label=f"{NAMES[name]}, held out")
        words.append(
            f"{NAMES[name]}: training {loss_said(run.losses[0])} to {loss_said(run.losses[-1])}, held out "
            f"{loss_said(run.loss)} at the end."
        )
    ax.set(xlabel="steps", ylabel=unit(runs[0]))
    legend_above(ax, columns=2)
    what = "Training and held-out loss of the first steps, by how values and projections start and may move"
    return Shown(figure, sentences(f"A line chart. {what}. {heading(runs)}.", *words), f"{what}. {heading(runs)}.")


@use()
def values_sweep(runs: Runs) -> Shown:
    """Figs. 3 and 15: loss at the end against β, by start; beside it other ways of holding values to something."""
    swept = {start: [f"{start}-{100 * beta:g}" for beta in BETAS] for start in STARTS}
    settings = there(runs, [*chain(*swept.values()), *OTHERS, *BESIDE])
    figure, (left, right) = canvas(
        "How much values and projections may move",
        heading(runs),
        [
            f"Left: W = W_init + β ΔW, for W_V and W_P of V-SkipInit; β = 0 leaves them where they start. {DOTS}",
            "Right: rotations of which a product is the identity, and α and β trained from 1 and 0.2.",
            "Lines across, with the range over seeds: Pre-LN and SAS.",
        ],
        height=3.5,
        ncols=2,
        sharey=True,
    )
    for start, names in swept.items():
        colour, marker, line = OF_START[start]
        values = np.array([ends(settings, name) for name in names])
        left.plot(range(len(BETAS)), values.mean(1), color=colour, ls=line, label=start)
        for place, each in enumerate(values):
            dots(left, place + (0.06 if start == "identity" else -0.06), each, colour, marker)
    for place, name in enumerate(OTHERS):
        colour, marker = OF_OTHERS[name]
        values = ends(settings, name)
        dots(right, place, values, colour, marker)
        right.hlines(values.mean(), place - 0.18, place + 0.18, color=colour, lw=1.4)
    for ax in (left, right):
        _across(ax, settings)
    left.set_xticks(range(len(BETAS)), [f"{beta:g}" for beta in BETAS])
    left.set(xlabel="β of values and projections", title=f"held-out loss, {unit(runs[0])}")
    right.set_xticks(range(len(OTHERS)), [NAMES[name].replace(", ", ",\n") for name in OTHERS], rotation=25, ha="right")
    right.set_xlim(-0.5, len(OTHERS) - 0.5)
    right.set_title("the same, other ways")
    legend_above(left, columns=4)
    words = [f"{NAMES[name]} {ranged(ends(settings, name))}." for name in settings]
    what = "Held-out loss at the end against β, how far values and projections may move, by how they start"
    return Shown(
        figure,
        sentences(f"Two charts of dots. {what}. {heading(runs)}.", *words),
        sentences(f"{what}; beside Pre-LN and SAS. {heading(runs)}."),
    )


def dots(ax: Axes, place: float, values: np.ndarray, colour: str, marker: str) -> None:
    """One mark a seed, a little apart."""
    shift = 0.05 * (np.arange(len(values)) - (len(values) - 1) / 2)
    ax.plot(place + shift, values, marker, color=colour, ms=4.6, mfc="none", ls="")


def _across(ax: Axes, settings: Settings) -> None:
    for name, (colour, line) in BESIDE.items():
        values = ends(settings, name)
        ax.axhspan(values.min(), values.max(), color=colour, alpha=0.15, lw=0)
        ax.axhline(values.mean(), color=colour, lw=1.3, ls=line, label=NAMES[name])
