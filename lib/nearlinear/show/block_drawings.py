"""The eight blocks as drawings: each part in its place, and how it stands: kept, new, gone now, or gone before."""

from collections.abc import Sequence
from dataclasses import dataclass

from . import svg
from .block_parts import BEFORE, DRAWINGS, GONE, KEPT, NEW, standings
from .style import BLUE, FAINT, GREY, INK, PANEL, WARNING

WIDTH = 240
HEIGHTS = {"sequential": 326, "norm after": 314, "parallel": 284}

_LINEAR, _FRESH = "#eef2f6", "#e2f0fa"


@dataclass(frozen=True)
class Place:
    """Where a part is drawn: the middle of its box, the width of it, and what is written in it."""

    x: float
    y: float
    width: float
    label: str


_COLUMN = {"W_Q": (72, 76), "W_K": (128, 76), "W_V": (184, 76), "A": (128, 106), "W_P": (128, 136)}
_ROWS = {"norm 2": 188, "W_1": 214, "φ": 234, "W_2": 254, "β_FF": 277}
_WIDTHS = {"W_Q": 42, "W_K": 42, "W_V": 42, "A": 160, "W_P": 52, "norm 2": 64, "W_1": 52, "φ": 26, "W_2": 52}


def _sequential(shift: int = 0) -> dict[str, Place]:
    """Attention above, the MLP below; `shift` moves all up, where no norm comes first."""
    places = {name: Place(x, y - shift, _WIDTHS[name], name) for name, (x, y) in _COLUMN.items()}
    rows = {name: Place(128, y - shift / 2, _WIDTHS.get(name, 0), name) for name, y in _ROWS.items()}
    return _named({"norm 1": Place(128, 44, 64, "Norm"), **places, **rows})


def _side_by_side() -> dict[str, Place]:
    """Attention on the left, the MLP on the right."""
    left = {"W_Q": (50, 104), "W_K": (92, 104), "W_V": (136, 104), "A": (92, 134), "W_P": (92, 164), "β_SA": (92, 196)}
    right = {"norm 2": (200, 76), "W_1": (200, 104), "φ": (200, 124), "W_2": (200, 144), "β_FF": (200, 196)}
    widths = _WIDTHS | {"W_Q": 36, "W_K": 36, "W_V": 38, "A": 126}
    places = {name: Place(x, y, widths.get(name, 0), name) for name, (x, y) in (left | right).items()}
    return _named({"norm 1": Place(128, 46, 64, "Norm"), **places})


def _named(places: dict[str, Place]) -> dict[str, Place]:
    """What is written where it is not the part's own name, and the second name of attention's place."""
    attention, norm = places["A"], places["norm 2"]
    shaped = Place(attention.x, attention.y, attention.width, "αI + βA − γC")
    softmax = Place(attention.x, attention.y, attention.width, "A")
    return {**places, "A": softmax, "shaped": shaped, "norm 2": Place(norm.x, norm.y, norm.width, "Norm")}


def _norm_after() -> dict[str, Place]:
    """As in sequence, the norms behind the sums."""
    places = _sequential(24)
    first, second = places.pop("norm 1"), places.pop("norm 2")
    after = {"norm after 1": Place(first.x, 152, first.width, "Norm"), "norm after 2": Place(second.x, 284, 64, "Norm")}
    return {**places, **after}


_PLACES = {
    "sequential": _sequential(),
    "norm after": _norm_after(),
    "parallel": _side_by_side(),
}

_WIRES = {
    "sequential": "M128 18V314M128 58H72V96M128 58V96M128 58H184V96",
    "norm after": "M128 18V302M128 34H72V72M128 34V72M128 34H184V72",
    "parallel": "M128 18V62M92 62H200V226H92M92 62V226M92 86H50V124M92 86H136V124M128 226V270",
}
"""Where the states flow, whatever stands in the way: a part that is gone leaves the wire through its place."""

_SKIPS = {
    "sequential": {"skip 1": (26, 158), "skip 2": (170, 297)},
    "norm after": {"skip 1": (24, 132), "skip 2": (172, 264)},
    "parallel": {"skip 2": (26, 248)},
}
"""Where each skip leaves the stream and where it comes back to it."""


def drawing(block: str) -> list[str]:
    """The block as pieces of SVG, WIDTH wide and `height(block)` high, the states flowing down."""
    layout, standing = DRAWINGS[block].layout, standings(block)
    bottom = height(block) - 12
    pieces = [f"<path d='{_WIRES[layout]}' fill='none' stroke='{INK}'/>", f"<path d='M124 {bottom - 6}l4 7l4 -7z'/>"]
    pieces += [_skip(*_SKIPS[layout][part], standing[part]) for part in _SKIPS[layout] if part in standing]
    if layout == "parallel":
        pieces.append(_sum(128, 226, KEPT))
    present = {(_PLACES[layout][part].x, _PLACES[layout][part].y) for part in DRAWINGS[block].modules if part != "MLP"}
    for part, how in standing.items():
        if part not in DRAWINGS[block].modules and (part not in _PLACES[layout] or _at(layout, part) in present):
            continue
        pieces += [_part(place, part, how) for place in _drawn_as(layout, part)]
    names = [svg.text(128, 12, "X", "middle"), svg.text(138, bottom + 3, "X out", size=10, colour=FAINT)]
    return [*pieces, *names]


def height(block: str) -> int:
    return HEIGHTS[DRAWINGS[block].layout]


def _at(layout: str, part: str) -> tuple[float, float]:
    return _PLACES[layout][part].x, _PLACES[layout][part].y


def _drawn_as(layout: str, part: str) -> list[Place]:
    """Boxes of one part: the MLP has two, φ and W_2, for W_1 is read together with others."""
    return [_PLACES[layout][name] for name in (("φ", "W_2") if part == "MLP" else (part,))]


_LINES = {KEPT: (INK, 1.2, ""), NEW: (BLUE, 2.4, ""), GONE: (WARNING, 1.4, "5 2"), BEFORE: (GREY, 1, "1 3")}


def _stroke(how: str) -> str:
    colour, width, dashes = _LINES[how]
    return f"stroke='{colour}' stroke-width='{width}'" + (f" stroke-dasharray='{dashes}'" if dashes else "")


def _part(place: Place, part: str, how: str) -> str:
    if part.startswith("β"):
        return _gain(place, how)
    ghost = how in (GONE, BEFORE)
    x, y = place.x - place.width / 2, place.y - 9
    fill = "none" if ghost else _FRESH if how == NEW else _LINEAR if place.label.startswith("W_") else PANEL
    box = f"<rect x='{x:g}' y='{y:g}' width='{place.width:g}' height='18' rx='3' fill='{fill}' {_stroke(how)}/>"
    strike = svg.line(x, y + 18, x + place.width, y, WARNING, 1.6) if how == GONE else ""
    return box + _label(place.x + (3 if ghost else 0), place.y + 4, place.label, how) + strike


def _gain(place: Place, how: str) -> str:
    fill = _FRESH if how == NEW else PANEL
    circle = f"<circle cx='{place.x:g}' cy='{place.y:g}' r='9' fill='{fill}' {_stroke(how)}/>"
    return circle + _label(place.x, place.y + 4, "β", how) + _label(place.x + 13, place.y + 6, place.label[2:], KEPT, 9)


def _label(x: float, y: float, words: str, how: str, size: float = 11) -> str:
    """Words with what follows "_" lowered; beside the wire where the part is gone, so that both can be seen."""
    letter, _, low = words.partition("_")
    lowered = f"<tspan dy='3' font-size='8'>{low}</tspan>" if low else ""
    colour = _LINES[how][0] if how in (GONE, BEFORE) else INK
    anchor = "start" if how in (GONE, BEFORE) or size == 9 else "middle"
    look = f"text-anchor='{anchor}' font-size='{size:g}' fill='{colour}'"
    return f"<text x='{x:g}' y='{y:g}' {look}>{letter}{lowered}</text>"


def _skip(start: float, end: float, how: str) -> str:
    """A line past the parts, and the sum where it comes back; struck out where it is gone, and no sum there."""
    left = 12
    line = f"<path d='M128 {start}H{left}V{end}H119' fill='none' {_stroke(how)}/>"
    middle = (start + end) / 2
    word = f"<text x='{left + 4}' y='{start + 44}' font-size='9' fill='{_LINES[how][0]}'>skip</text>"
    if how in (GONE, BEFORE):
        cross = f"<path d='M{left - 5} {middle - 5:g}l10 10m0 -10l-10 10' stroke='{WARNING}' stroke-width='1.8'/>"
        return line + word + (cross if how == GONE else "")
    return line + word + _sum(128, end, how)


def _sum(x: float, y: float, how: str) -> str:
    look = _stroke(how)
    return f"<circle cx='{x}' cy='{y}' r='7' fill='{PANEL}' {look}/><path d='M{x - 4} {y}h8M{x} {y - 4}v8' {look}/>"


def sheet(blocks: Sequence[str], titles: Sequence[str], *, heading: str, columns: int = 3) -> str:
    """Several drawings as one SVG, `columns` beside each other, a title over each and a heading over all."""
    rows = [range(i, min(i + columns, len(blocks))) for i in range(0, len(blocks), columns)]
    pieces, top = [svg.text(8, 16, heading, size=13)], 32
    for row in rows:
        for place, i in enumerate(row):
            head = svg.text(8, 14, titles[i], size=12)
            pieces.append(f"<g transform='translate({place * WIDTH} {top})'>{head}")
            pieces.append(f"<g transform='translate(0 24)'>{''.join(drawing(blocks[i]))}</g></g>")
        top += 24 + max(height(blocks[i]) for i in row) + 10
    size = f"xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {columns * WIDTH} {top}'"
    font = f"font-family='{svg.FONTS}' font-size='11' fill='{INK}'"
    ground = f"<rect width='{columns * WIDTH}' height='{top}' fill='{PANEL}'/>"
    return f"<svg {size} {font}>{ground}{''.join(pieces)}</svg>"
