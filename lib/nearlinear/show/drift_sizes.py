"""Figures of what else changes in training: how large updates are, why s_Δ changes, and the cloud of states."""

import numpy as np

from nearlinear.results.drift_groups import account, by_group, early

from .drift_grid import Measure, Row, grid
from .drift_words import Runs, corpora, group_name, heading, signed, stopped_said
from .shown import Shown
from .style import BLUE, INK, ORANGE, block_axis, canvas, legend_above, use
from .words import number, sentences

SIZES = (
    Row(
        "|Δ| / |y|",
        (Measure("norm_ratio", "without first tokens"), Measure("norm_ratio", "with first tokens", first_tokens=True)),
        say=number,
    ),
    Row(
        "‖Δ‖² / ‖Y‖²",
        (Measure("size", "without first tokens"), Measure("size", "with first tokens", first_tokens=True)),
        say=number,
    ),
)

CLOUD = (
    Row("anisotropy", (Measure("anisotropy", "anisotropy"),), say=number),
    Row("dimension, TwoNN", (Measure("two_nn", "TwoNN"),), say=number),
    Row("dimension, MLE", (Measure("mle", "MLE"),), say=number),
)


def drift_sizes(runs: Runs) -> Shown:
    """Fig. 3 through training: the length of updates beside that of states, and the ratio in the identity."""
    return grid(
        runs,
        SIZES,
        "How large updates are",
        "Mean |Δ| / |y| of a token above, the ratio of centred energies ‖Δ‖² / ‖Y‖² below, means over blocks",
        ["Full: first tokens left out; dashed: with them."],
    )


def drift_cloud(runs: Runs) -> Shown:
    """Anisotropy and intrinsic dimension of the states that leave blocks, against steps."""
    return grid(
        runs,
        CLOUD,
        "The cloud of states",
        "Anisotropy and two estimates of intrinsic dimension, means over the states that leave blocks, against steps",
        [f"Of the first {runs[0].spec.n_shape:,} held-out tokens, first ones left out; equal points count once."],
        height=1.7,
    )


@use()
def drift_account(runs: Runs) -> Shown:
    """Why s_Δ changes, block by block: log(1 − s_Δ) changes as ‖E‖² / ‖Y‖² does, less as ‖Δ‖² / ‖Y‖² does."""
    groups, texts = by_group(runs), corpora(runs)
    families = list(dict.fromkeys(family for family, _ in groups))
    figure, axes = canvas(
        "Why s_Δ changes",
        heading(runs),
        [
            "From the look that a title names to the last; natural logarithms, mean over seeds.",
            "Blue and orange add up to the mark. Above zero s_Δ has fallen.",
            stopped_said(runs),
        ],
        height=2.0 * len(families),
        nrows=len(families),
        ncols=len(texts),
        sharey=True,
    )
    words = []
    for ax, group in zip(axes, [(f, c) for f in families for c in texts], strict=True):
        if group not in groups:
            ax.set_axis_off()
            continue
        unexplained, size = account(groups[group]).mean(1)  # (L,) each
        at = np.arange(len(size))
        ax.bar(at - 0.2, unexplained, 0.4, color=BLUE, label="less linear: ‖E‖² / ‖Y‖² grew")
        ax.bar(at + 0.2, -size, 0.4, color=ORANGE, label="smaller updates: ‖Δ‖² / ‖Y‖² fell")
        ax.plot(at, unexplained - size, "D", color=INK, ms=3.6, label="log(1 − s_Δ)")
        ax.axhline(0, color=INK, lw=0.8)
        since = groups[group][0].spec.looks[early(groups[group])]
        ax.set_title(f"{group_name(group)}, from {since:,}")
        block_axis(ax, len(size))
        words.append(
            f"{group_name(group)}, mean over blocks: unexplained share {signed(float(unexplained.mean()), 2)}, size of "
            f"the update {signed(float(size.mean()), 2)}, log(1 − s_Δ) {signed(float((unexplained - size).mean()), 2)}."
        )
    for ax in axes[: -len(texts)]:
        ax.set_xlabel("")
    legend_above(axes[0], columns=3)
    what = "The change of log(1 − s_Δ) by block, and the two parts that it is made of"
    return Shown(figure, sentences(f"Bar charts. {what}. {heading(runs)}.", *words), f"{what}. {heading(runs)}.")
