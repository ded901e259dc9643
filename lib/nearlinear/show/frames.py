"""The frames that pickers turn: light HTML, one block at a time, with its own words for those who cannot see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from . import svg
from .style import FAINT, INK, PANEL

WIDTH, HEIGHT = 320, 204
"""Size of one drawing, about that of a phone."""

LEFT, RIGHT, TOP, FLOOR = 40, 314, 26, 172
"""The field inside it that curves and bars are drawn in."""


@dataclass(frozen=True)
class Frame:
    """One picture of a picker: `html` to show, `alt` the same in words (already inside the html)."""

    html: str
    alt: str

    @classmethod
    def of(cls, body: str, alt: str, below: str = "", role: str = "img") -> "Frame":
        """A light panel, so that the frame reads on a dark page too, with the drawing and a sentence under it."""
        look = f"background:{PANEL};color:{INK};font:13px/1.5 {svg.FONTS};"
        panel = f"{look}padding:10px;border-radius:6px;max-width:780px;box-sizing:border-box"
        drawing = f"<div role='{role}' aria-label='{escape(alt)}'>{body}</div>"
        return cls(f"<div class='nl-frame' style='{panel}'>{drawing}{below}</div>", alt)


def side_by_side(*drawings: Sequence[str]) -> str:
    """Drawings beside each other where there is room, else under each other."""
    pictures = "".join(svg.picture(WIDTH, HEIGHT, parts) for parts in drawings)
    return f"<div style='display:flex;flex-wrap:wrap;gap:6px 14px'>{pictures}</div>"


def block_scale(L: int) -> svg.Scale:
    return svg.Scale(0, max(L - 1, 1), LEFT + 6, RIGHT - 6)


def block_numbers(L: int) -> list[str]:
    """Numbers under a drawing whose x-axis are the blocks, and its name."""
    x = block_scale(L)
    numbers = [svg.text(x(b), FLOOR + 15, str(b), "middle", colour=FAINT) for b in range(0, L, max(1, round(L / 6)))]
    return [*numbers, under("block")]


def under(label: str) -> str:
    """The name of the x-axis."""
    return svg.text((LEFT + RIGHT) / 2, FLOOR + 30, label, "middle", colour=FAINT)


def here(block: int, L: int) -> str:
    """The upright line that marks the chosen block."""
    x = block_scale(L)(block)
    return svg.line(x, TOP, x, FLOOR, FAINT, 1.2)
