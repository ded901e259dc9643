"""The same trainings read in three ways, at equal steps, in equal time and by parameters; and what they saw before."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.training import Block, TrainingRun
from nearlinear.results.training_views import (
    by_block,
    check_alike,
    held_out_curves,
    losses,
    training_curves,
)

from .counting import NAMES
from .learning import END, Curves, draw_curves, ends_said
from .learning_times import NOT_TIMED, Seconds, step_seconds
from .learning_words import BASE, Runs, gap_said, heading, ranged, spread_said, unit
from .shown import Shown
from .signal import LOOKS
from .style import FAINT, GRID, canvas, legend_above, plain_log, use
from .words import number, sentences

NOT_RUN = "Equal parameters: not run. Another number of parameters is shown, not the same."


@use()
def three_readings(runs: Runs, seconds: Seconds | None = None, wider: Runs = ()) -> Shown:
    """Held-out loss at the end of training against steps, against minutes, and against parameters, on one axis.

    `seconds`: of a step, by block; None: those of the recorded benchmark, and where there are none that panel is left
    out. `wider`: runs of blocks that were given as many parameters as the base block, drawn hollow.
    """
    check_alike([*runs, *wider])
    blocks, curves = by_block(runs), {b: held_out_curves(each) for b, each in by_block(runs).items()}
    seconds = _known(blocks, step_seconds(runs[0]) if seconds is None else seconds)
    left_out = sentences("" if seconds else f"Equal time: left out. {NOT_TIMED}", "" if wider else NOT_RUN)
    panels = ["equal steps", *(["equal time"] if seconds else []), "parameters"]
    figure, axes = canvas(
        "Three readings of one training",
        heading(runs),
        [spread_said(blocks), *_timed(seconds, runs[0]), left_out],
        height=3.4,
        ncols=len(panels),
        sharey=True,
    )
    by_name = dict(zip(panels, axes, strict=True))
    _against_steps(by_name["equal steps"], curves, runs[0].spec.recipe.steps)
    if seconds:
        _against_minutes(by_name["equal time"], curves, seconds)
    _against_parameters(by_name["parameters"], blocks, by_block(wider) if wider else {})
    axes[0].set_ylabel(f"held-out loss, {unit(runs[0])}")
    axes[0].set_ylim(*_end_limits(curves, runs[0].spec.recipe.steps))
    legend_above(axes[0], columns=6)
    what = f"Held-out loss near the end of training, read in {len(panels)} ways: {', '.join(panels)}"
    return Shown(
        figure,
        sentences(
            f"Charts on one upright axis. {what}. {heading(runs)}.",
            *_said(blocks, curves, seconds),
            *_wider_said(wider),
            left_out,
        ),
        sentences(f"{what}. {heading(runs)}.", left_out),
    )


def _known(blocks: Mapping[Block, Runs], seconds: Seconds) -> dict[Block, float]:
    """Seconds of the blocks that are shown; nothing where one of them was not timed."""
    return {block: seconds[block] for block in blocks} if set(blocks) <= set(seconds) else {}


def _timed(seconds: Seconds, run: TrainingRun) -> list[str]:
    if not seconds:
        return []
    return [
        "Minutes: the steps times the median time of one, from a benchmark that times the blocks in turn.",
        f"At d = {run.spec.architecture.d} this says nothing of the paper's speeds: those are of wider models on GPUs.",
    ]


def _end_limits(curves: Curves, steps: int) -> tuple[float, float]:
    """From the lowest end to the highest loss at half of the steps."""
    found = np.concatenate([values[:, at >= END * steps].ravel() for at, values in curves.values()])
    low, high = np.nanmin(found), np.nanmax(found)
    return low - 0.06 * (high - low), high


def _against_steps(ax: Axes, curves: Curves, steps: int) -> None:
    draw_curves(ax, curves)
    _end_marks(ax, curves, {})
    ax.set(title="equal steps", xlabel="steps", xlim=(END * steps, 1.03 * steps))


def _against_minutes(ax: Axes, curves: Curves, seconds: Seconds) -> None:
    """The same curves, each stretched by the time of its step; the upright line is where the quickest ends."""
    scale = {block: each / 60 for block, each in seconds.items()}
    draw_curves(ax, curves, scale=scale)
    ends = _end_marks(ax, curves, scale)
    ax.axvline(min(ends), color=FAINT, lw=1, ls=":")
    ax.set(title="equal time", xlabel="minutes", xlim=(END * min(ends), 1.03 * max(ends)))


def _end_marks(ax: Axes, curves: Curves, scale: Mapping[Block, float]) -> list[float]:
    ends = []
    for block, (steps, values) in curves.items():
        ends.append(float(steps[-1] * scale.get(block, 1.0)))
        ax.plot(ends[-1], values[:, -1].mean(), LOOKS[block][1], color=LOOKS[block][0], ms=5)
    return ends


def _against_parameters(ax: Axes, blocks: Mapping[Block, Runs], wider: Mapping[Block, Runs]) -> None:
    for group, face in ((blocks, None), (wider, "white")):
        for block, each in group.items():
            colour, marker, _ = LOOKS[block]
            x, y = each[0].n_parameters / 1e3, losses(each)
            ax.vlines(x, y.min(), y.max(), color=colour, lw=1.2)
            ax.plot(x, y.mean(), marker, color=colour, mfc=face or colour, ms=5)
    ax.grid(True, axis="x", color=GRID)
    ax.set(title="parameters", xlabel="thousands of parameters")
    ax.margins(x=0.15)


def _said(blocks: Mapping[Block, Runs], curves: Curves, seconds: Seconds) -> list[str]:
    n = {block: each[0].n_parameters for block, each in blocks.items()}
    times = [f"{NAMES[block]} {1000 * seconds[block]:.0f} ms a step." for block in seconds]
    return [*ends_said(curves), *times, *(f"{NAMES[block]}: {count:,} parameters." for block, count in n.items())]


def _wider_said(wider: Runs) -> list[str]:
    each = by_block(wider).items() if wider else ()
    return [
        f"{NAMES[block]}, its MLP {runs[0].spec.architecture.d_ff} wide (hollow): {ranged(losses(runs))}, "
        f"{runs[0].n_parameters:,} parameters."
        for block, runs in each
    ]


@use()
def train_and_held_out(runs: Runs, base: Block = BASE) -> Shown:
    """Held-out minus training loss against steps: how much better a model knows the files that it learns from."""
    blocks = by_block(runs)
    gaps = {block: _gaps(each) for block, each in blocks.items()}
    once = epochs_said(runs)
    figure, (left, right) = canvas(
        "Text that is learnt from, and text that is not",
        heading(runs),
        [spread_said(blocks), f"{once} Held out are the beginnings of other files; training reads whole files."],
        height=3.0,
        ncols=2,
    )
    for name, curves, line in (("held out", held_out_curves, "-"), ("training", training_curves, ":")):
        steps, values = curves(blocks[base])
        shown = steps > 0
        left.plot(steps[shown], values.mean(0)[shown], color=LOOKS[base][0], ls=line, label=f"{NAMES[base]}, {name}")
    left.set(title=f"loss of {NAMES[base]}, {unit(runs[0])}", xscale="log", xlabel="steps (log)")
    plain_log(left.xaxis)
    left.legend()
    draw_curves(right, gaps)
    right.set(title="held out minus training", xscale="log", xlabel="steps (log)")
    plain_log(right.xaxis)
    legend_above(right, columns=6)
    what = "Held-out loss minus the training loss of the steps just before, against steps, by block"
    ends = [f"{NAMES[block]} {gap_said(values[:, -1].mean())}." for block, (_, values) in gaps.items()]
    return Shown(
        figure,
        sentences(f"Line charts. {what}. {heading(runs)}. At the end:", *ends, once),
        sentences(f"{what}. {heading(runs)}.", once),
    )


def _gaps(runs: Runs) -> tuple[np.ndarray, np.ndarray]:
    """(steps, held-out minus training loss) at the looks where both are known."""
    (looks, held), (steps, trained) = held_out_curves(runs), training_curves(runs)
    both = np.intersect1d(looks, steps)
    return both, held[:, np.searchsorted(looks, both)] - trained[:, np.searchsorted(steps, both)]


def epochs_said(runs: Runs) -> str:
    """How often the training text was read."""
    epochs = max(run.epochs for run in runs)
    often = "no window twice" if epochs <= 1 else "some windows more than once"
    return f"Of the training text {number(100 * epochs)} % was read, {often}."
