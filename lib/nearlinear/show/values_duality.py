"""The figure of the duality: a gain on values and projections beside the same factor on their learning rate."""

from itertools import chain

import numpy as np

from nearlinear.results.ablation_views import MATRICES, Settings, moved_curves

from .learning_words import Runs, gap_said, gap_told, heading, ranged, unit
from .shown import Shown
from .style import BLUE, DASHES, VERMILLION, canvas, legend_above, use
from .values import DOTS, dots
from .values_words import NAMES, PAIRS, ends, gap, there
from .words import number, sentences

FACTORS = (0.1, 0.3, 1.0)
"""What β, or the rate of values and projections, is multiplied by."""

WAYS = {
    "a gain β": ("orthogonal-10", "orthogonal-30", "orthogonal-100"),
    "a rate times β": ("orthogonal-rate-10", "orthogonal-rate-30", "orthogonal-100"),
}
OF_WAYS = {"a gain β": (BLUE, "o", "-"), "a rate times β": (VERMILLION, "s", DASHES)}


@use()
def values_duality(runs: Runs) -> Shown:
    """Fig. 9: a gain on values beside the same factor on their rate, by where they end and by how far matrices move."""
    settings = there(runs, list(dict.fromkeys(chain(*WAYS.values()))))
    figure, (left, right) = canvas(
        "A gain, or a smaller rate",
        heading(runs),
        [
            f"Left: {DOTS} At 1 the two are one setting.",
            "Right: size of β ΔW beside that of W_init, mean over W_V and W_P of all blocks and over seeds.",
        ],
        height=3.1,
        ncols=2,
    )
    for way, names in WAYS.items():
        colour, marker, line = OF_WAYS[way]
        values = np.array([ends(settings, name) for name in names])
        left.plot(range(len(FACTORS)), values.mean(1), color=colour, ls=line, label=way)
        for place, each in enumerate(values):
            dots(left, place + (0.05 if way == "a gain β" else -0.05), each, colour, marker)
        for factor, name in zip(FACTORS, names, strict=True):
            steps, moved = settings[name][0].spec.looks, _moved(settings, name)
            right.plot(steps, moved, color=colour, ls=line, lw=1.3)
            if way == "a gain β":
                right.annotate(f"{factor:g}", (steps[-1], moved[-1]), (4, -3), textcoords="offset points", size=8)
    left.set_xticks(range(len(FACTORS)), [f"{factor:g}" for factor in FACTORS])
    left.set(xlabel="β", title=f"held-out loss, {unit(runs[0])}")
    right.set(xlabel="steps", title="‖β ΔW‖ / ‖W_init‖")
    right.margins(x=0.08)
    legend_above(left, columns=2)
    what = "Held-out loss, and how far values and projections have moved, with a gain β and with a rate times β"
    return Shown(
        figure,
        sentences(f"Two charts. {what}. {heading(runs)}.", *_dual_said(settings)),
        sentences(f"{what}; AdamW, rotations at the start. {heading(runs)}."),
    )


def _moved(settings: Settings, name: str) -> np.ndarray:
    """Mean over matrices, blocks and seeds of how far they have moved, (looks,)."""
    return np.mean([moved_curves(settings[name], matrix) for matrix in MATRICES], axis=(0, 1, 3))


def _dual_said(settings: Settings) -> list[str]:
    free = "orthogonal-100"
    told = [f"β = 1: {ranged(ends(settings, free))}, moved by {number(_moved(settings, free)[-1])}."]
    for beta, rate in PAIRS.items():
        a, b = (number(_moved(settings, name)[-1]) for name in (beta, rate))
        told.append(
            f"{NAMES[beta]} minus {NAMES[rate]}: {gap_told(gap(settings, beta, rate))}; moved by {a} and {b} of "
            f"W_init; {NAMES[beta]} minus β = 1: {gap_said(gap(settings, beta, free).mean)}."
        )
    return told
