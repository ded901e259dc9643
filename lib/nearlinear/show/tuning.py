"""Figures of finetuning: scores by block before and after, the rise by lesson and seed, and the road in between."""

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.tuning_views import OverSeeds, by_model, measure, rise, through

from .learning_words import loss_said
from .shown import Shown
from .style import FAINT, INK, block_axis, canvas, legend_above, plain_log, use
from .tuning_words import (
    SCORE,
    UPDATE,
    Runs,
    drawable,
    group_name,
    heading,
    is_control,
    lesson_name,
    look_of,
    mean_rise,
    model_name,
    rise_told,
    signed,
    stopped_said,
)
from .words import score, sentences


@use()
def tuning_by_block(runs: Runs) -> Shown:
    """By block: s_Δ and 1 − s before and after each lesson, and by how much s_Δ has risen; a column a model."""
    found, models = drawable(runs), list(by_model(runs))
    figure, axes = canvas(
        "Before finetuning, and after",
        heading(runs),
        [
            "Held out, first tokens left out. Black: before. Line: mean over seeds; band: from the lowest to highest.",
            "Dashed: controls. Where 1 − s falls, s rises.",
            stopped_said(runs),
        ],
        height=5.6,
        nrows=3,
        ncols=len(models),
        sharey="row",
        sharex="col",
    )
    told = []
    for column, model in enumerate(models):
        three = axes[column :: len(models)]
        of_model = {group: each for group, each in found.items() if group[0] == model}
        _before(three, next(iter(of_model.values()), []))
        told += [_after(three, group, each) for group, each in of_model.items()]
        three[0].set_title(model_name(model))
        three[1].set_yscale("log")
        three[2].axhline(0, color=INK, lw=0.8)
        block_axis(three[2], by_model(runs)[model][0].provenance.model.L)
    plain_log(axes[len(models)].yaxis)
    for ax, label in zip(axes[:: len(models)], ("s_Δ", "1 − s (log)", "rise of s_Δ"), strict=True):
        ax.set_ylabel(label)
    _legend_of(axes)
    what = "Held-out s_Δ and 1 − s of every block before and after finetuning, and the rise of s_Δ, by lesson"
    return Shown(figure, sentences(f"Line charts. {what}. {heading(runs)}.", *told), f"{what}. {heading(runs)}.")


def _legend_of(axes: list[Axes]) -> None:
    """One legend of everything that some panel draws: not every model is taught everything."""
    named = [pair for ax in axes for pair in zip(*ax.get_legend_handles_labels(), strict=True)]
    once = {label: handle for handle, label in reversed(named)}
    labels = list(dict.fromkeys(label for _, label in named))
    axes[0].figure.legend(
        [once[label] for label in labels], labels,
        loc="outside upper left", ncols=4, borderpad=0.2, columnspacing=1.6,
    )  # fmt: skip


def _before(axes: list[Axes], runs: Runs) -> None:
    for ax, values in zip(axes, (_of_looks(runs, UPDATE, 0), 1 - _of_looks(runs, SCORE, 0)), strict=False):
        if len(runs):
            ax.plot(values.mean(0), color=INK, lw=1.6, label="before")


def _after(axes: list[Axes], group, runs: Runs) -> str:
    """Draw one lesson of one model into its three panels, and say its ends."""
    colour, marker, line = look_of(group[1])
    kept = [run for run in runs if not run.stopped]
    update, rest = _of_looks(kept, UPDATE, -1), 1 - _of_looks(kept, SCORE, -1)
    for ax, values in zip(axes, (update, rest, rise(kept).values), strict=True):
        x = np.arange(values.shape[1])
        ax.fill_between(x, values.min(0), values.max(0), color=colour, alpha=0.15, lw=0)
        ax.plot(x, values.mean(0), color=colour, ls=line, marker=marker, ms=2.6, lw=1.2, label=lesson_name(group[1]))
    by_block = rise(kept).mean
    high, low = int(by_block.argmax()), int(by_block.argmin())
    ends = f"most in block {high} ({signed(by_block[high])}), least in block {low} ({signed(by_block[low])})"
    before, after = _of_looks(kept, UPDATE, 0).mean(), update.mean()
    return f"{group_name(group)}: mean s_Δ {score(before)} to {score(after)}; the rise is {ends}."


def _of_looks(runs: Runs, name: str, at: int) -> np.ndarray:
    """(seeds, L) at look number `at`."""
    return np.array([measure(run.looks[at], name) for run in runs])


@use()
def tuning_rises(runs: Runs) -> Shown:
    """Table 1 as a figure: how much the mean of s_Δ has risen, a dot a seed, with the controls beside the lessons."""
    found, models = drawable(runs), list(by_model(runs))
    of = {model: {g: each for g, each in found.items() if g[0] == model} for model in models}
    figure, axes = canvas(
        "By how much s_Δ rises",
        heading(runs),
        [
            "Mean over blocks, held out, first tokens left out. A dot a seed; dash: their mean; bar: its 95 % interval",
            "(Student's t over seeds). Hollow: controls.",
            stopped_said(runs),
        ],
        height=3.9,
        ncols=len(models),
        sharey=True,
        width_ratios=[max(1, len(each)) for each in of.values()],
    )
    told = []
    for ax, (model, each) in zip(axes, of.items(), strict=True):
        for place, (group, some) in enumerate(each.items()):
            over = mean_rise(some)
            _dots(ax, place, over, group[1])
            told.append(f"{group_name(group)}: {rise_told(over)}.")
        names = [lesson_name(lesson) for _, lesson in each]
        ax.set_xticks(range(len(names)), names, rotation=50, ha="right", rotation_mode="anchor", fontsize=8)
        ax.set_xlim(-0.6, len(names) - 0.4)
        ax.axhline(0, color=INK, lw=0.8)
        ax.set_title(model_name(model))
    axes[0].set_ylabel("rise of s_Δ")
    what = "The rise of the mean of s_Δ in finetuning, by model, lesson and seed, beside controls"
    return Shown(figure, sentences(f"Charts of dots. {what}. {heading(runs)}.", *told), f"{what}. {heading(runs)}.")


def _dots(ax: Axes, place: int, over: OverSeeds, lesson: str) -> None:
    colour, marker, _ = look_of(lesson)
    n = len(over.values)
    x = place + 0.09 * (np.arange(n) - (n - 1) / 2)
    ax.plot(x, over.values, marker, color=colour, ms=5, mfc="none" if is_control(lesson) else colour, ls="")
    ax.hlines(over.mean, place - 0.2, place + 0.2, color=colour, lw=1.4)
    if n > 1:
        ax.vlines(place + 0.28, over.low, over.high, color=colour, lw=3, alpha=0.45)


@use()
def tuning_road(runs: Runs) -> Shown:
    """What happens on the way: rise of s_Δ and of s, and the loss on the measured text, against steps."""
    found, models = drawable(runs), list(by_model(runs))
    figure, axes = canvas(
        "The road in between",
        heading(runs),
        [
            "Means over blocks, held out, first tokens left out; mean over seeds, band from the lowest to the highest.",
            "Loss: nats a token of the measured text by the model's own head, less that before. Above zero it forgets.",
            stopped_said(runs),
        ],
        height=5.0,
        nrows=3,
        ncols=len(models),
        sharex="col",
        sharey="row",
    )
    told = []
    for column, model in enumerate(models):
        three = axes[column :: len(models)]
        for group, each in found.items():
            if group[0] == model:
                told.append(_walked(three, group, each))
        for ax in three:
            ax.axhline(0, color=FAINT, lw=0.8)
        three[0].set_title(model_name(model))
        three[-1].set_xlabel("steps")
    for ax, label in zip(axes[:: len(models)], ("rise of s_Δ", "rise of s", "rise of the loss"), strict=True):
        ax.set_ylabel(label)
    _legend_of(axes)
    what = "The rise of s_Δ and of s, and of the loss on the measured text, against steps of finetuning"
    return Shown(figure, sentences(f"Line charts. {what}. {heading(runs)}.", *told), f"{what}. {heading(runs)}.")


def _walked(axes: list[Axes], group, runs: Runs) -> str:
    colour, marker, line = look_of(group[1])
    kept, ends = [run for run in runs if not run.stopped], []
    for ax, name in zip(axes, (UPDATE, SCORE, "loss"), strict=True):
        steps, values = through(kept, name)
        values = values.reshape(*values.shape[:2], -1).mean(-1)  # over blocks
        values = values - values[:, :1]
        ax.fill_between(steps, values.min(0), values.max(0), color=colour, alpha=0.15, lw=0)
        ax.plot(steps, values.mean(0), color=colour, ls=line, marker=marker, ms=3, lw=1.2, label=lesson_name(group[1]))
        ends.append(", ".join(signed(float(value), 4 if name == SCORE else 3) for value in values.mean(0)[1:]))
    return (
        f"{group_name(group)}, after {', '.join(f'{step:,}' for step in steps[1:])} steps: s_Δ {ends[0]}; s {ends[1]}; "
        f"loss {ends[2]}."
    )


@use()
def tuning_short(run) -> Shown:
    """A short finetuning: s_Δ of every block at every look, and the loss of what is learnt beside it."""
    steps, (values,) = through([run], UPDATE)
    figure, (left, right) = canvas(
        "A few steps", heading([run]), ["Held out; first tokens left out of s_Δ."], height=2.8, ncols=2
    )
    for block, each in enumerate(values.T):
        left.plot(steps, each, marker="o", label=f"block {block}")
    right.plot(run.steps, run.losses, marker="o", color=look_of("film")[0])
    left.set(title="s_Δ", xlabel="steps")
    right.set(title="training loss of the lesson, nats", xlabel="steps")
    legend_above(left, columns=6)
    pairs = (f"block {b} {score(float(v[0]))} to {score(float(v[-1]))}" for b, v in enumerate(values.T))
    told = f"{', '.join(pairs)}. Training loss {loss_said(run.losses[0])} to {loss_said(run.losses[-1])}."
    what = "s_Δ by block, and the loss of what is learnt, in a short finetuning of a small model"
    return Shown(figure, sentences(f"Line charts. {what}. {heading([run])}.", told), f"{what}. {heading([run])}.")
