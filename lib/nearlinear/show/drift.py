"""Figures of linearity through training: both readings of Fig. 2, block by block, and beside the loss."""

import numpy as np

from nearlinear.results.drift import DriftRun
from nearlinear.results.drift_groups import by_group
from nearlinear.results.drift_views import through

from .drift_grid import Measure, Row, grid, places, step_axis
from .drift_words import LOOKS, Runs, corpora, epochs_said, family_name, group_name, heading, stopped_said, text_name
from .learning_words import loss_said
from .shown import Shown
from .style import canvas, legend_above, use
from .words import number, score, sentences

ALL = "with first tokens"


def _rest(values: np.ndarray) -> np.ndarray:
    return 1 - values


READINGS = (
    Row(
        "s_Δ",
        (Measure("update_scores", "without first tokens"), Measure("update_scores", ALL, first_tokens=True)),
    ),
    Row(
        "1 − s (log)",
        (Measure("scores", "without first tokens", of=_rest), Measure("scores", ALL, first_tokens=True, of=_rest)),
        log=True,
        say=number,
    ),
)
"""The two readings of Fig. 2: its panel's title leaves the residual out, the text leaves it in."""


def drift_through(runs: Runs) -> Shown:
    """Fig. 2 twice: s_Δ, and 1 − s, held out, means over blocks against steps, with first tokens and without."""
    return grid(
        runs,
        READINGS,
        "Linearity through training, in both readings",
        "Held-out s_Δ above and 1 − s below, means over blocks, against training steps: where 1 − s rises, s falls",
        ["Full: first tokens left out of fit and test; dashed: with them. The first mark is before training."],
        height=2.2,
    )


@use()
def drift_map(runs: Runs, name: str = "update_scores") -> Shown:
    """s_Δ of every block at every look: a panel for each family and text, steps to the right, blocks upwards."""
    groups, texts = by_group(runs), corpora(runs)
    families = list(dict.fromkeys(family for family, _ in groups))
    figure, axes = canvas(
        "s_Δ by block and step",
        heading(runs),
        [
            "Held out, first tokens left out, mean over seeds. Columns are looks, and stand apart evenly.",
            stopped_said(runs),
        ],
        height=1.9 * len(families),
        nrows=len(families),
        ncols=len(texts),
        sharey=True,
    )
    found = {group: through(each, name)[1].mean(0) for group, each in groups.items()}  # (looks, L)
    low = min(0.0, *(float(np.nanmin(values)) for values in found.values() if np.isfinite(values).any()))
    words = []
    for ax, (family, corpus) in zip(axes, [(f, c) for f in families for c in texts], strict=True):
        ax.grid(visible=False)
        if (family, corpus) not in groups:
            ax.set_axis_off()
            continue
        values, steps = found[family, corpus], groups[family, corpus][0].spec.looks
        image = ax.pcolormesh(values.T, cmap="viridis", vmin=low, vmax=1)
        L = values.shape[1]
        ax.set_yticks(np.arange(0, L, max(1, L // 4)) + 0.5, range(0, L, max(1, L // 4)))
        shown = range(0, len(steps), max(1, len(steps) // 4))
        ax.set_xticks([k + 0.5 for k in shown], [f"{steps[k]:,}" for k in shown])
        ax.set_title(group_name((family, corpus)))
        words.append(f"{group_name((family, corpus))}: {_ends_said(values)}")
    for ax in axes[:: len(texts)]:
        ax.set_ylabel("block")
    for ax in axes[-len(texts) :]:
        ax.set_xlabel("steps")
    axes[0].figure.colorbar(image, ax=axes, shrink=0.9, label="s_Δ")
    what = "Held-out s_Δ of every block before training and at every look, mean over seeds"
    return Shown(figure, sentences(f"Maps of colour. {what}. {heading(runs)}.", *words), f"{what}. {heading(runs)}.")


def _ends_said(values: np.ndarray) -> str:
    """Block by block, before training and at the end."""
    pairs = (f"block {b} {score(float(v[0]))} to {score(float(v[-1]))}" for b, v in enumerate(values.T))
    return ", ".join(pairs) + "."


@use()
def drift_losses(runs: Runs) -> Shown:
    """Training and held-out loss against steps, so that over-fitting is seen beside what it does to the scores."""
    groups, texts = by_group(runs), corpora(runs)
    figure, axes = canvas(
        "What is learnt on the way",
        heading(runs),
        [f"Marks: held out, mean over seeds; line: training, of seed {runs[0].spec.seed}. {epochs_said(runs)}"],
        height=2.6,
        ncols=len(texts),
        sharey=True,
    )
    words = []
    for ax, corpus in zip(axes, texts, strict=True):
        for group, each in groups.items():
            if group[1] == corpus:
                words.append(_losses(ax, group, each))
        ax.set(title=text_name(corpus), xlabel="steps (log)")
    axes[0].set_ylabel("nats a byte" if runs[0].spec.reading.tokens == "bytes" else "nats a token")
    legend_above(axes[0], columns=2)
    what = "Training and held-out loss against steps"
    return Shown(
        figure,
        sentences(f"Line charts. {what}. {heading(runs)}.", *words),
        f"{what}, by family and text. {heading(runs)}. {epochs_said(runs)}",
    )


def _losses(ax, group, runs: Runs) -> str:
    colour, marker, line = LOOKS.get(group[0], LOOKS["sas"])
    steps, values = through(runs, "loss")
    ax.plot(runs[0].steps, runs[0].losses, color=colour, ls=line, lw=0.9, label=f"{family_name(group[0])}, training")
    held = values.mean(0)
    ax.plot(places(steps), held, marker, color=colour, mfc="white", label=f"{family_name(group[0])}, held out")
    step_axis(ax, steps)
    ends = (
        f"held out {loss_said(held[0])} to {loss_said(held[-1])}, training {loss_said(runs[0].losses[-1])} at the end"
    )
    return f"{group_name(group)}: {ends}."


@use()
def drift_short(run: DriftRun) -> Shown:
    """A short training looked at on its way: s_Δ of every block at every look, and the loss beside it."""
    steps, (values,) = through([run], "update_scores")
    _, (losses,) = through([run], "loss")
    figure, (left, right) = canvas(
        "A few steps", heading([run]), ["Held out; first tokens left out of s_Δ."], height=2.8, ncols=2
    )
    for block, each in enumerate(values.T):
        left.plot(steps, each, marker="o", label=f"block {block}")
    right.plot(steps, losses, marker="o", color=LOOKS["llama"][0])
    left.set(title="s_Δ", xlabel="steps")
    right.set(title="loss, nats a token", xlabel="steps")
    legend_above(left, columns=6)
    what = "s_Δ by block, and held-out loss, in the first steps of a small model"
    told = f"{_ends_said(values)} Loss {loss_said(losses[0])} to {loss_said(losses[-1])}."
    return Shown(figure, sentences(f"Line charts. {what}. {heading([run])}.", told), f"{what}. {heading([run])}.")
