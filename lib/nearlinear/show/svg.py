"""A very small SVG kit for picker frames, which must be light: a frame is a few kilobytes, thirty of them a picker.

Attributes are in single quotes, because a frame travels inside JSON, where each double quote costs a byte more.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from .style import FAINT, FONT, GRID, INK, PANEL

FONTS = f'"{FONT}",Verdana,Arial,sans-serif'

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Scale:
    """Maps low … high to start … end in the drawing, linearly or by logarithm; what lies outside is put on the edge."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value, NaN for NaN and, on a logarithmic scale, for what has no logarithm."""
        if math.isnan(value) or (self.log and value <= 0):
            return math.nan
        change = math.log if self.log else float
        part = (change(value) - change(self.low)) / (change(self.high) - change(self.low))
        return self.start + min(1.0, max(0.0, part)) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Powers of ten, and where these are few their double and fivefold too; or about five round numbers."""
        if self.log:
            return self._log_ticks()
        rough = (self.high - self.low) / 5
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= rough)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(k * step, 10) for k in range(first, last + 1)]

    def _log_ticks(self) -> list[float]:
        first, last = math.floor(math.log10(self.low) + 1e-9), math.ceil(math.log10(self.high) - 1e-9)
        powers = [10.0**k for k in range(first, last + 1, max(1, (last - first) // 4))]
        short = [m * p for p in powers for m in (1, 2, 5)] if self.high < 100 * self.low else powers
        return [t for t in short if self.low * (1 - 1e-9) <= t <= self.high * (1 + 1e-9)]

    def name(self, tick: float) -> str:
        """A tick's number: powers of ten where a logarithmic scale reaches below 0.001."""
        if self.log and self.low < 1e-3:
            return "10" + f"{round(math.log10(tick))}".translate(_RAISED)
        return f"{tick:g}".replace("-", "−")


def text(x: float, y: float, words: str, anchor: str = "start", size: float = 11, colour: str = INK) -> str:
    look = "" if colour == INK else f" fill='{colour}'"
    place = "" if anchor == "start" else f" text-anchor='{anchor}'"
    big = "" if size == 11 else f" font-size='{size}'"
    return f"<text x='{x:.0f}' y='{y:.0f}'{place}{big}{look}>{escape(words)}</text>"


def line(x1: float, y1: float, x2: float, y2: float, colour: str = GRID, width: float = 1, look: str = "") -> str:
    return f"<path d='M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}' stroke='{colour}' stroke-width='{width}'{look}/>"


def curve(points: Iterable[tuple[float, float]], colour: str, width: float = 1.6, look: str = "") -> str:
    """A line through the points, broken where one is NaN."""
    path, pen = [], "M"
    for x, y in points:
        if math.isnan(x + y):
            pen = "M"
            continue
        path.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return f"<path d='{''.join(path)}' fill='none' stroke='{colour}' stroke-width='{width}'{look}/>"


def bars(edges: Sequence[float], heights: Sequence[float], floor: float, colour: str) -> str:
    """Histogram bars as one path; edges has one entry more than heights."""
    steps = "".join(f"V{h:.1f}H{right:.1f}" for h, right in zip(heights, edges[1:], strict=True))
    return f"<path d='M{edges[0]:.1f} {floor:.1f}{steps}V{floor:.1f}Z' fill='{colour}'/>"


def marker(kind: str, x: float, y: float, colour: str, *, hollow: bool = False, size: float = 5) -> str:
    """A circle "o", square "s", triangle "^" or diamond "D"; nothing where there is no place for it."""
    if math.isnan(x + y):
        return ""
    look = f"fill='{PANEL if hollow else colour}' stroke='{colour}' stroke-width='1.6'"
    if kind == "o":
        return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{size - 0.6}' {look}/>"
    side = 2 * size
    corners = {
        "s": f"m-{size} -{size}h{side}v{side}h-{side}z",
        "^": f"m0 -{size}l{size} {side}h-{side}z",
        "D": f"m0 -{size}l{size} {size}l-{size} {size}l-{size} -{size}z",
    }
    return f"<path d='M{x:.1f} {y:.1f}{corners[kind]}' {look}/>"


def ruled(scale: Scale, at: float, *, upright: bool, until: float) -> str:
    """Ticks of a scale as faint lines with their numbers: of an upright scale left of `at`, else below it."""
    parts = []
    for tick in scale.ticks():
        place, name = scale(tick), scale.name(tick)
        if upright:
            parts += [line(at, place, until, place), text(at - 5, place + 4, name, "end", colour=FAINT)]
        else:
            parts += [line(place, at, place, until), text(place, at + 14, name, "middle", colour=FAINT)]
    return "".join(parts)


def picture(width: int, height: int, parts: Iterable[str]) -> str:
    """One drawing that grows and shrinks with its column; hidden from readers, whose words are the frame's."""
    size = f"viewBox='0 0 {width} {height}' style='flex:1 1 270px;min-width:0;max-width:420px;overflow:visible'"
    font = f"font-family='{FONTS}' font-size='11' fill='{INK}'"
    return f"<svg aria-hidden='true' {size} {font}>{''.join(parts)}</svg>"
