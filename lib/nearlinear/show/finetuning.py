"""Figures of finetuning: how often each encoder is right, beside its controls, and how it came there."""

import math

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.finetuning import FinetuneRun, accuracy_of
from nearlinear.results.finetuning_views import How, by_task
from nearlinear.results.training import Block

from .counting import NAMES
from .encoder_words import (
    BASE,
    Finetuned,
    accuracy_told,
    finetune_heading,
    of_control,
    percent,
    task_said,
)
from .encoders import dots
from .shown import Shown
from .signal import LOOKS
from .style import DASHES, FAINT, ORANGE, PURPLE, canvas, legend_above, use
from .words import sentences

OF_HOWS: dict[How, tuple[str, object]] = {"scratch": (ORANGE, DASHES), "shuffled": (PURPLE, (0, (1, 1.5)))}
"""Colour and line of the controls."""


@use()
def finetuned_accuracy(runs: Finetuned) -> Shown:
    """Tables 1 and 2: right answers on each task, a dot a seed; beside them from scratch, and from shuffled labels."""
    tasks = by_task(runs)
    figure, axes = canvas(
        "What was learnt, asked on a task",
        finetune_heading(runs),
        [
            "A dot a seed (pretraining, head and order of the examples); dash: their mean.",
            "Bar: 95 % bootstrap interval over groups of test examples, of that mean. Dotted: the commonest label.",
            "Orange and purple: controls, which learn from fresh weights, or from labels dealt out anew.",
        ],
        height=3.9,
        ncols=len(tasks),
        width_ratios=[sum(map(len, hows.values())) for hows in tasks.values()],
    )
    told = []
    for ax, (task, hows) in zip(axes, tasks.items(), strict=True):
        columns = [(block, how, each) for how, blocks in hows.items() for block, each in blocks.items()]
        for place, (block, how, each) in enumerate(columns):
            _column(ax, place, block, how, each)
            told.append(f"{task_said(task)}, {of_control(block, how)}: {accuracy_told(accuracy_of(each))}.")
        majority = columns[0][2][0].majority
        ax.axhline(100 * majority, color=FAINT, lw=1, ls=":")
        names = [of_control(block, how) for block, how, _ in columns]
        ax.set_xticks(range(len(columns)), names, rotation=55, ha="right", rotation_mode="anchor", fontsize=8)
        ax.set_title(f"{task_said(task)}: right, % of {columns[0][2][0].n_test:,}")
        told.append(f"{task_said(task)}, the commonest label: {percent(majority)}.")
    what = "Test accuracy after finetuning, by block, beside controls"
    return Shown(
        figure,
        sentences(f"Charts of dots, one a task. {what}. {finetune_heading(runs)}.", *told),
        sentences(f"{what}. {finetune_heading(runs)}."),
    )


def _column(ax: Axes, place: int, block: Block, how: How, runs: Finetuned) -> None:
    found = accuracy_of(runs)
    colour = LOOKS[block][0] if how == "pretrained" else OF_HOWS[how][0]
    dots(ax, place, 100 * np.array([run.accuracy for run in runs]), block, colour=colour)
    if found.n_runs:
        low, high = found.interval
        ax.vlines(place + 0.24, 100 * low, 100 * high, color=colour, lw=3, alpha=0.45)
    if found.n_broken:
        where = {"xycoords": ("data", "axes fraction"), "ha": "center", "va": "bottom"}
        ax.annotate(f"{found.n_broken} broke\noff", (place, 0.01), color=colour, size=7.5, **where)


@use()
def finetuning_curves(runs: Finetuned) -> Shown:
    """Above, the loss on what is learnt from; below, right answers on examples that are not; a column a task."""
    tasks = by_task(runs)
    figure, axes = canvas(
        "How they came there",
        finetune_heading(runs),
        [
            "Line: mean over seeds. Loss: the mean of the steps before each point. Dotted: blind guessing.",
            f"Controls of {NAMES[BASE]}: from scratch, and with labels dealt out anew.",
        ],
        height=5.0,
        nrows=2,
        ncols=len(tasks),
    )
    told = []
    for column, (task, hows) in enumerate(tasks.items()):
        above, below = axes[column], axes[len(tasks) + column]
        for how, blocks in hows.items():
            for block, each in blocks.items():
                if how == "pretrained" or block == BASE:
                    told.append(_drawn(above, below, task, block, how, each))
        example = next(iter(hows["pretrained"].values()))[0]
        above.axhline(math.log(len(example.labels)), color=FAINT, lw=1, ls=":")
        below.axhline(100 / len(example.labels), color=FAINT, lw=1, ls=":")
        above.set_title(f"{task_said(task)}: training loss, nats")
        below.set(title="right on the part for choices, %", xlabel="steps")
    legend_above(axes[0], columns=4)
    what = "Training loss of finetuning against steps, and right answers on examples for choices, by block"
    return Shown(
        figure,
        sentences(f"Line charts, a column a task. {what}. {finetune_heading(runs)}. At the end:", *told),
        sentences(f"{what}. {finetune_heading(runs)}."),
    )


def _drawn(above: Axes, below: Axes, task: str, block: Block, how: How, runs: Finetuned) -> str:
    colour, marker, line = LOOKS[block]
    if how != "pretrained":
        colour, line = OF_HOWS[how]
    steps, values = loss_curves(runs)
    label = of_control(block, how)
    above.plot(steps, np.nanmean(values, 0), color=colour, ls=line, lw=1.3, label=label)
    looks, shares = look_curves(runs)
    below.plot(looks, 100 * np.nanmean(shares, 0), color=colour, ls=line, marker=marker, mfc="none", lw=1.3)
    ends = f"loss {np.nanmean(values, 0)[-1]:.3f}, right {percent(float(np.nanmean(shares, 0)[-1]))}"
    return f"{task_said(task)}, {label}: {ends}."


def loss_curves(runs: Finetuned) -> tuple[np.ndarray, np.ndarray]:
    """(steps (k,), training losses (runs, k)): up to the stop that some run still reached; NaN where one broke off."""
    return _columns([dict(zip(run.steps, run.losses, strict=True)) for run in runs])


def look_curves(runs: Finetuned) -> tuple[np.ndarray, np.ndarray]:
    """(steps (k,), shares right on the part for choices (runs, k)), likewise."""
    return _columns([{look.step: look.accuracy for look in run.looks} for run in runs])


def _columns(found: list[dict[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    steps = sorted({step for one in found for step in one})
    return np.array(steps), np.array([[one.get(step, math.nan) for step in steps] for one in found])


def ends_of(run: FinetuneRun) -> str:
    """What came of one run, in words."""
    if run.stopped:
        return f"broke off: {run.stopped}"
    return f"right on {percent(run.accuracy)} of the test, on {percent(run.train_accuracy)} of what was learnt from"
