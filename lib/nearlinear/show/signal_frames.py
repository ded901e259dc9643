"""Frames of the depth picker: how alike the tokens are as they enter a block, and how the block then mixes them."""

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO

import ipywidgets as widgets
import numpy as np
from PIL import Image

from nearlinear.results.signal import Look

from . import svg
from .frames import Frame
from .picker import layer_picker
from .signal import NAMES, TOKEN_NAMES
from .style import FAINT, GRID
from .words import number

WIDTH, SIDE, TOP, LEFT = 320, 208, 24, 40
LEVELS = 16
WHITE, DARK = np.array([255.0, 255.0, 255.0]), np.array([0.0, 52.0, 94.0])
"""Ends of the ramp, from 0 to 1: lightness tells the number, so it reads without colour vision."""


def signal_picker(looks: Sequence[Look], name: str = "Depth") -> widgets.VBox:
    """Every block of each look: the cosines of its tokens, and its attention. Raises ValueError as `layer_picker`."""
    frames = {
        f"{NAMES[look.stack]}, {look.mask}": [look_frame(look, block) for block in range(look.L)] for look in looks
    }
    return layer_picker(frames, name=name)


def look_frame(look: Look, block: int) -> Frame:
    """One block of one stack."""
    rest, cosine = look.signal.relative_residual[block], look.signal.cosine[block]
    first = look.cosines.shape[1]
    drawings = [
        _drawing("cosines of the tokens that enter", look.cosines[block], "token"),
        _drawing("attention: who sees whom", look.attention[block], "key"),
    ]
    alt = (
        f"{NAMES[look.stack]}, {look.mask} attention, block {block} of {look.L}: {look.T} {TOKEN_NAMES[look.tokens]} "
        f"enter with a mean cosine of {cosine:.3f} and a relative residual of {number(rest)}; the diagonal of its "
        f"attention is {_weight(look.attention[block])} of the largest weight of a row, on average."
    )
    pictures = "".join(svg.picture(WIDTH, SIDE + TOP + 36, parts) for parts in drawings)
    body = f"<div style='display:flex;flex-wrap:wrap;gap:6px 14px'>{pictures}</div>"
    below = (
        f"<p style='margin:6px 0 0'><b>Block {block}</b> · {TOKEN_NAMES[look.tokens]} enter with relative residual "
        f"{number(rest)} and mean cosine {cosine:.3f}.</p>"
        f"<p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>The first {first} of T = {look.T}; d = {look.d}, "
        f"{look.L} blocks, seed {look.seed}, at initialisation. Attention: mean over heads, each row divided by its "
        "largest weight. White is 0 or less, dark is 1.</p>"
    )
    return Frame.of(body, alt, below)


def _weight(attention: np.ndarray) -> str:
    return number(float(np.diagonal(attention).mean()))


def _drawing(title: str, matrix: np.ndarray, across: str) -> list[str]:
    last = len(matrix) - 1
    place = f"x='{LEFT}' y='{TOP}' width='{SIDE}' height='{SIDE}'"
    return [
        svg.text(LEFT, 14, title),
        f"<image {place} style='image-rendering:pixelated' href='{picture_of(matrix)}'/>",
        f"<rect {place} fill='none' stroke='{GRID}'/>",
        svg.text(LEFT - 5, TOP + 10, "0", "end", colour=FAINT),
        svg.text(LEFT - 5, TOP + SIDE, str(last), "end", colour=FAINT),
        svg.text(LEFT, TOP + SIDE + 15, "0", colour=FAINT),
        svg.text(LEFT + SIDE, TOP + SIDE + 15, str(last), "end", colour=FAINT),
        svg.text(LEFT + SIDE / 2, TOP + SIDE + 30, across, "middle", colour=FAINT),
        *_key(),
    ]


def _key() -> list[str]:
    """The ramp with its ends, right of the drawing."""
    x = LEFT + SIDE + 14
    place = f"x='{x}' y='{TOP}' width='10' height='{SIDE}' preserveAspectRatio='none'"
    ramp = f"<image {place} style='image-rendering:pixelated' href='{picture_of(np.linspace(1, 0, LEVELS)[:, None])}'/>"
    return [ramp, svg.text(x + 14, TOP + 10, "1", colour=FAINT), svg.text(x + 14, TOP + SIDE, "0", colour=FAINT)]


def picture_of(matrix: np.ndarray) -> str:
    """Numbers from 0 to 1 (k, m) as a picture of as many points in 16 shades; what lies outside is put on the edge."""
    levels = np.round(np.clip(matrix, 0, 1) * (LEVELS - 1)).astype(np.uint8)
    image = Image.fromarray(levels)
    image.putpalette([round(c) for i in range(LEVELS) for c in WHITE + (DARK - WHITE) * i / (LEVELS - 1)])
    out = BytesIO()
    image.save(out, "png", optimize=True, bits=4)
    return f"data:image/png;base64,{b64encode(out.getvalue()).decode()}"
