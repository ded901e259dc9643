"""One look for every figure: palette, fonts, sizes. `with use():` sets it and takes it back; nothing global stays."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from textwrap import wrap

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

# Okabe and Ito's set, some darker: every line has 3:1 contrast on the panel, and any two are told apart by readers with
# any kind of colour vision (a test sees them as they do).
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = "#0072b2", "#b84000", "#00855f", "#a64d82", "#b87a00", "#3a93c9"
GREY = "#767676"

COLOURS = {
    "in-sample": BLUE,
    "no first token": VERMILLION,
    "held out": GREEN,
    "no massive token": PURPLE,
    "random twin": GREY,
    "encoder": ORANGE,
}
"""Colour by role, the same on every page."""

MODEL_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE)
DASHES = (0, (4, 2))
"""The line style of random weights."""

MARKERS = ("o", "s", "^", "D", "v", "P")

INK, FAINT, GRID, PANEL, WARNING = "#1f2328", "#57606a", "#e4e7eb", "#ffffff", "#a33c00"
FONT = "DejaVu Sans"

WIDTH = 7.6
"""Inches: a text column of the book."""

_LETTERS_A_LINE = 112


@contextmanager
def use() -> Iterator[None]:
    """The style, for as long as the `with` lasts; also a decorator. The panel is light: it reads on dark pages too."""
    from seaborn import axes_style  # here, because seaborn takes a second to import and a picker needs none of it

    ours = {
        "font.family": FONT,
        "font.size": 9.5,
        "axes.titlesize": 9.5,
        "axes.titleweight": "normal",
        "axes.titlelocation": "left",
        "axes.labelsize": 9.5,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "lines.linewidth": 1.7,
        "lines.markersize": 3.6,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "legend.handlelength": 2.2,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "xtick.major.size": 3.5,
        "ytick.major.size": 3.5,
        "xtick.minor.size": 0,
        "ytick.minor.size": 0,
        "figure.facecolor": PANEL,
        "axes.facecolor": PANEL,
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    }
    with rc_context(axes_style("ticks") | ours):
        yield


def canvas(
    title: str, subtitle: str, notes: Sequence[str] = (), warning: str = "", *, height: float, **grid
) -> tuple[Figure, list[Axes]]:
    """A figure with a heading above and small notes below, and its axes in reading order.

    `grid` goes to Figure.subplots. A warning stands first among the notes, in a colour of its own. Made without
    pyplot, so that no figure is kept alive or shown behind the caller's back.
    """
    above = _lines(subtitle)
    below = [(line, WARNING) for line in _lines(warning)] + [(line, FAINT) for note in notes for line in _lines(note)]
    top, bottom = 0.34 + 0.18 * len(above), 0.08 + 0.16 * len(below)
    figure = Figure(figsize=(WIDTH, top + height + bottom), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.07, h_pad=0.05)
    head, body, foot = figure.subfigures(3, 1, height_ratios=(top, height, bottom), hspace=0)
    head.text(0.008, 1 - 0.06 / top, title, size=12, weight="bold", va="top")
    for i, line in enumerate(above):
        head.text(0.008, 1 - (0.32 + 0.18 * i) / top, line, size=8.5, color=FAINT, va="top")
    for i, (line, colour) in enumerate(below):
        foot.text(0.008, 1 - (0.02 + 0.16 * i) / bottom, line, size=7.8, color=colour, va="top")
    return figure, list(body.subplots(squeeze=False, **grid).flat)


def _lines(text: str) -> list[str]:
    """Lines that fit the width, broken between the parts of "one part · another part" rather than inside them."""
    parts = text.split(" · ")
    kept = text if len(parts) == 1 else " · ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)
    return [line.removesuffix(" ·") for line in wrap(kept, _LETTERS_A_LINE)]


def legend_above(ax: Axes, columns: int = 3) -> None:
    """One legend for all panels, between the heading and the plots."""
    handles, labels = ax.get_legend_handles_labels()
    ax.figure.legend(handles, labels, loc="outside upper left", ncols=columns, borderpad=0.2, columnspacing=1.6)


def log_y(ax: Axes) -> None:
    """A logarithmic y-axis, also where there is no answer to draw: matplotlib gives up on one without data."""
    ax.set_yscale("log")
    if not any((np.asarray(line.get_ydata(), float) > 0).any() for line in ax.get_lines()):
        ax.set_ylim(0.1, 1)


def plain_log(axis: Axis) -> None:
    """Label a drawn logarithmic axis 0.01, 0.1, 1, for sizes near everyday ones; where it is short, 2 and 5 too."""
    axis.axes.autoscale_view()
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def block_axis(ax: Axes, L: int) -> None:
    """Blocks are counted from 0, and only whole ones exist."""
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100) if 8 * s >= L or s == 100)
    ax.set_xticks(range(0, L, step))
    ax.set_xlim(-0.5, L - 0.5)
    ax.set_xlabel("block")
