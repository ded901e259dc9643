"""The two small drawings of a changed model: its blocks in a row, and its perplexity beside the unchanged model's."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from nearlinear.results.pruning import Changed, How

from . import svg
from .frames import RIGHT, WIDTH
from .pruning import band
from .style import BLUE, FAINT, GREY, INK, PANEL, VERMILLION
from .words import number

LOOK: dict[How, tuple[str, str]] = {"remove": (VERMILLION, "s"), "replace": (BLUE, "o")}
"""Colour and marker of each way of changing a block, as in the figure of single blocks."""

_HEIGHT = 76
_STANDS = "#c9d1d9"
_END = RIGHT - 8


def drawings(*parts: Sequence[str]) -> str:
    """The drawings beside each other where there is room, else under each other."""
    pictures = "".join(svg.picture(WIDTH, _HEIGHT, each) for each in parts)
    return f"<div style='display:flex;flex-wrap:wrap;gap:6px 14px'>{pictures}</div>"


def strip(L: int, how: How = "remove", layers: Iterable[int] = ()) -> list[str]:
    """The blocks on their stream: a box for each that stands, a crossed gap or a slanted line for each other one."""
    layers, pitch = sorted(layers), min(24.0, (RIGHT - 6) / L)
    places = [4 + block * pitch for block in range(L)]
    stand = "".join(
        f"M{x:.1f} 20h{pitch - 2:.1f}v22h-{pitch - 2:.1f}z" for b, x in enumerate(places) if b not in layers
    )
    return [
        svg.line(0, 31, 6 + L * pitch, 31, GREY),
        f"<path d='{stand}' fill='{_STANDS}' stroke='{FAINT}' stroke-width='.6'/>",
        *(sign(how, places[block], pitch - 2) for block in layers),
        *(_number(places[block] + pitch / 2 - 1, block, block in layers) for block in _numbered(L, layers, pitch)),
        svg.text((6 + L * pitch) / 2, 72, "block", "middle", colour=FAINT),
    ]


def _numbered(L: int, layers: Sequence[int], pitch: float) -> list[int]:
    """The blocks whose numbers there is room for; one that is changed alone is among them."""
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100) if 8 * s >= L or s == 100)
    if len(layers) != 1:
        return list(range(0, L, step))
    return sorted({*layers, *(b for b in range(0, L, step) if abs(b - layers[0]) * pitch > 16)})


def _number(x: float, block: int, changed: bool) -> str:
    return svg.text(x, 58, str(block), "middle", colour=INK if changed else FAINT)


def sign(how: How, x: float, width: float) -> str:
    """A changed block, told by its shape as well as its colour."""
    colour, _ = LOOK[how]
    box = f"<path d='M{x:.1f} 15h{width:.1f}v32h-{width:.1f}z' fill='{PANEL}' stroke='{colour}'"
    line = f"M{x:.1f} 47l{width:.1f} -32" + (f"M{x:.1f} 15l{width:.1f} 32" if how == "remove" else "")
    dashes = " stroke-dasharray='2 2'" if how == "remove" else ""
    return f"{box}{dashes}/><path d='{line}' stroke='{colour}' stroke-width='1.8'/>"


def sign_in_text(how: How) -> str:
    """The same, small, for a line of text."""
    look = "width='9' height='20' style='vertical-align:-5px;margin-left:4px'"
    return f"<svg aria-hidden='true' viewBox='0 14 10 34' {look}>{sign(how, 1, 8)}</svg>"


def perplexity_scale(low: float, high: float) -> svg.Scale:
    return svg.Scale(low, high, 10, _END, log=True)


def on_the_axis(x: svg.Scale, dense: float, how: How = "remove", cost: Changed | None = None) -> list[str]:
    """Perplexity of the unchanged model, hollow, and of the changed one, filled, with its interval."""
    parts = [svg.ruled(x, 42, upright=False, until=16), svg.line(10, 28, _END, 28, FAINT, 0.5)]
    parts.append(svg.text((10 + _END) / 2, 72, "perplexity (log)", "middle", colour=FAINT))
    parts += [svg.marker("D", x(dense), 28, INK, hollow=True), svg.text(10, 11, f"◇ unchanged {number(dense)}")]
    if cost is not None:
        parts += _measured(x, cost, *LOOK[how])
    return parts


def _measured(x: svg.Scale, cost: Changed, colour: str, kind: str) -> list[str]:
    """What lies beyond the axis is drawn at its end, with an arrow at its number."""
    low, high = map(x, ends(cost))
    bar = "" if math.isnan(low + high) else svg.line(low, 28, high, 28, colour, 6, " stroke-opacity='.4'")
    label = f"changed {number(cost.perplexity)}{' →' if cost.perplexity > x.high else ''}"
    return [bar, svg.marker(kind, x(cost.perplexity), 28, colour), svg.text(_END, 11, label, "end")]


def ends(cost: Changed) -> tuple[float, float]:
    """The 95 % interval of a perplexity, given the dense model's; NaN where it is more than a float holds."""
    with np.errstate(over="ignore", invalid="ignore"):
        (low,), (high,) = band([cost])
    return float(low), float(high)
