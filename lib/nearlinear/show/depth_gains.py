"""The gains of shallow and deep models at the end of training, block by block."""

import numpy as np

from nearlinear.results.ablation_views import GAINS, gain_curves, gain_names
from nearlinear.results.depth_views import deepened

from .counting import NAMES
from .depth_words import blocks_said, depth_heading
from .learning_words import Runs
from .shown import Shown
from .signal import LOOKS
from .style import DASHES, FAINT, canvas, legend_above, use
from .values_words import LETTERS
from .words import number, sentences


@use()
def depth_gains(runs: Runs) -> Shown:
    """Where α, β, γ and β_FF end, as a share of their start, against how deep in its model a block lies."""
    pair = deepened(runs)
    shallow, deep = map(blocks_said, pair.depths)
    figure, axes = canvas(
        "The gains, shallow and deep",
        depth_heading(pair),
        [
            f"At the end, over the start; means over heads and seeds. Dashed: {shallow}; solid: {deep}.",
            f"β_FF starts at {_starts(pair)}. From left to right: from the first block of a model to its last.",
        ],
        height=4.2,
        nrows=2,
        ncols=2,
        sharex=True,
    )
    words = []
    for ax, gain in zip(axes, GAINS, strict=True):
        for L, blocks, line in ((shallow, pair.shallow, DASHES), (deep, pair.deep, "-")):
            for block, each in blocks.items():
                if gain not in gain_names(each[0]):
                    continue
                curves = gain_curves(each, gain)
                values = (curves[:, -1] / curves[:, 0]).mean(0)
                label = f"{NAMES[block]}" if line == "-" else None
                ax.plot(np.linspace(0, 1, len(values)), values, color=LOOKS[block][0], ls=line, marker=LOOKS[block][1],
                        markevery=max(1, len(values) // 6), label=label)  # fmt: skip
                words.append(f"{LETTERS[gain]}, {NAMES[block]}, {L}: {_span(values)}.")
        ax.axhline(1, color=FAINT, lw=1, ls=":")
        ax.set_title(LETTERS[gain])
    for ax in axes[2:]:
        ax.set_xlabel("place in the model")
        ax.set_xticks((0, 0.5, 1), ("first", "middle", "last"))
    legend_above(axes[0], columns=4)
    what = "The gains at the end of training over their start, against the place of a block in its model"
    heading = depth_heading(pair)
    return Shown(figure, sentences(f"Line charts. {what}. {heading}.", *words), f"{what}. {heading}.")


def _span(values: np.ndarray) -> str:
    if np.isnan(values).any():
        return "no answer"
    return f"{number(float(values.min()))} to {number(float(values.max()))} times its start"


def _starts(pair) -> str:
    """0.173 (6 blocks) and 0.087 (24 blocks)"""
    found = []
    for L, blocks in zip(pair.depths, (pair.shallow, pair.deep), strict=True):
        start = next((run.looks[0].gains["beta_ff"][0] for (run, *_) in blocks.values() if run.looks[0].gains), np.nan)
        found.append(f"{number(start)} ({blocks_said(L)})")
    return " and ".join(found)
