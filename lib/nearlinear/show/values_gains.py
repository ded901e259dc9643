"""Figures of what is trained beside matrices: β/α of values and projections, and the gains of SAS, block by block."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from nearlinear.results.ablation_views import GAINS, MATRICES, Settings, gain_curves, moved_curves, ratio_curves

from .learning_words import Runs, heading
from .shown import Shown
from .style import BLUE, DASHES, FAINT, ORANGE, canvas, legend_above, use
from .values_judged import MARK
from .values_words import LETTERS, NAMES, PARTS, RATIOS, listed, there
from .words import sentences

OF_PARTS = {"value": (BLUE, "-"), "project": (ORANGE, DASHES)}
MEASURES = {"|β/α|": ratio_curves, "‖β ΔW‖ / ‖α W_init‖": moved_curves}
"""The paper's measure, of two numbers; and ours, of two matrices."""


@use()
def values_ratios(runs: Runs) -> Shown:
    """Figs. 4, 21 and 22: where β/α goes when it is trained; under it how far the matrices themselves have moved."""
    settings = there(runs, RATIOS)
    figure, axes = canvas(
        "Where values and projections go when they are free",
        heading(runs),
        [
            "A line a matrix, mean over seeds. Thick: those of block 0. α and β are trained from 1 and 0.2.",
            f"Upper row: the paper's measure, of two gains. Dotted: {MARK:g}; it finds all but the first W_V below.",
            "Lower row: ours, of two matrices, in which the size of ΔW counts too.",
        ],
        height=4.7,
        nrows=2,
        ncols=len(RATIOS),
        sharex=True,
    )
    words = []
    for row, (measure, curves) in enumerate(MEASURES.items()):
        for ax, name in zip(axes[row * len(RATIOS) :], RATIOS, strict=False):
            words.append(f"{NAMES[name]}, {measure} at the end, by block:")
            for matrix in MATRICES:
                values = curves(settings[name], matrix)
                _by_block(ax, settings[name][0].spec.looks, values.mean(0), matrix)
                words.append(f"{PARTS[matrix]} {listed(values[:, -1].mean(0))}.")
            if row == 0:
                ax.axhline(MARK, color=FAINT, lw=1, ls=":")
                other = " (own scale)" if name.startswith("pre-ln") else ""
                ax.set_title(NAMES[name].replace(", α and β trained", other))
            else:
                ax.set_xlabel("steps")
            ax.set_ylim(0, None)
        axes[row * len(RATIOS)].set_ylabel(measure)
        _one_scale(axes[row * len(RATIOS) :][:2])
    legend_above(axes[0], columns=2)
    what = "How large the trained part of values and projections is beside the part that stays, through training"
    return Shown(
        figure,
        sentences(f"Line charts. {what}. {heading(runs)}.", *words),
        sentences(f"{what}: identity and rotations without the attention skip, and identity with it. {heading(runs)}."),
    )


def _one_scale(axes: Sequence[Axes]) -> None:
    """The two without the attention skip on one scale, so that they can be compared."""
    high = max(ax.get_ylim()[1] for ax in axes)
    for ax in axes:
        ax.set_ylim(0, high)


def _by_block(ax: Axes, steps: tuple[int, ...], values: np.ndarray, matrix: str) -> None:
    """Values (looks, L): a line a block, that of block 0 thick."""
    colour, line = OF_PARTS[matrix]
    for block, each in enumerate(values.T):
        label = PARTS[matrix] if block == 0 else None
        ax.plot(steps, each, color=colour, ls=line, lw=2.2 if block == 0 else 0.9, label=label)


@use()
def values_gains(runs: Runs, name: str = "sas") -> Shown:
    """Figs. 17 to 20: the gains of a setting through training, a line a block, a panel for each of α, β, γ and β_FF."""
    settings = there(runs, [name])
    figure, axes = canvas(
        f"The gains of {NAMES[name]}",
        heading(runs),
        [
            "A line a block, with its number at the end: mean over heads and seeds.",
            f"Standard deviation over the heads of a block at the end, at most: {_over_heads(settings, name)}.",
        ],
        height=4.4,
        nrows=2,
        ncols=2,
        sharex=True,
    )
    words = []
    for ax, gain in zip(axes, GAINS, strict=True):
        values = gain_curves(settings[name], gain)
        steps, colours = settings[name][0].spec.looks, depth_colours(values.shape[2])
        found = values.mean(0)
        for block, each in enumerate(found.T):
            ax.plot(steps, each, color=colours[block], lw=1.3)
        ax.set_ylim(min(0.0, 1.1 * float(np.nanmin(found))), 1.12 * float(np.nanmax(found)))
        _numbered(ax, steps[-1], found[-1], colours)
        ax.set_title(LETTERS[gain])
        last = values[:, -1].mean(0)
        words.append(f"{LETTERS[gain]} starts at {values[:, 0].mean():.2f} and ends, by block, at {listed(last)}.")
    for ax in axes[2:]:
        ax.set_xlabel("steps")
    what = f"The gains α, β, γ and β_FF of {NAMES[name]} through training, block by block"
    return Shown(figure, sentences(f"Line charts. {what}. {heading(runs)}.", *words), f"{what}. {heading(runs)}.")


def depth_colours(L: int) -> list[str]:
    """From dark to bright with depth, readable without colour vision and on a light panel."""
    return [to_hex(colormaps["cividis"](0.55 * block / max(L - 1, 1))) for block in range(L)]


def _numbered(ax: Axes, x: float, ends: np.ndarray, colours: list[str]) -> None:
    """Block numbers at the right ends of lines, moved apart where they would lie on each other."""
    low, high = ax.get_ylim()
    room, last = 0.06 * (high - low), -np.inf
    for block in np.argsort(ends):
        last = max(float(ends[block]), last + room)
        ax.annotate(
            str(block), (x, ends[block]), (1.02 * x, last), color=colours[block], size=8, va="center",
            arrowprops={"arrowstyle": "-", "color": colours[block], "lw": 0.5, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip


def _over_heads(settings: Settings, name: str) -> str:
    """Of each gain that a head has of its own, the largest standard deviation of any block and seed."""
    last = [run.looks[-1].spread for run in settings[name]]
    return ", ".join(
        f"{LETTERS[gain]} {max(max(each[gain]) for each in last):.2f}" for gain in GAINS if gain in last[0]
    )
