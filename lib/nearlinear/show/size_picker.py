"""A picker of sizes: choose a model and its number of blocks, see where its parameters are and what is saved."""

import math
from collections.abc import Sequence
from dataclasses import replace

import ipywidgets as widgets

from nearlinear.results.counting import BIG, ceiling, parameters, saved
from nearlinear.results.sizes import Sizes

from . import svg
from .counting import PARTS, Models, described, less, millions
from .frames import FLOOR, LEFT, RIGHT, TOP, Frame, side_by_side, under
from .picker import _chosen, _drawn, _refuse_heavy, _wide
from .style import BLUE, FAINT, GREY

DEEPEST = 36
"""Most blocks to choose."""


def size_picker(models: Models, *, most: int = DEEPEST, name: str = "Sizes") -> widgets.VBox:
    """Every model with 1 to `most` blocks, from its own number of them. Raises ValueError where that is too heavy."""
    start = min(next(iter(models.values())).L, most)
    slider, row = _controls(name, most, start)
    nothing = widgets.HTML("")  # the stack counts from 0, blocks from 1
    stacks = [_chosen(slider, "value", [nothing, *_drawn(size_frames(n, s, most))]) for n, s in models.items()]
    choice = widgets.Dropdown(options=list(models), index=0, description=f"{name}: model", **_wide())
    picker = widgets.VBox([choice, row, _chosen(choice, "index", stacks)])
    _refuse_heavy(picker, name)
    return picker


def _controls(name: str, most: int, start: int) -> tuple[widgets.IntSlider, widgets.HBox]:
    """A slider from 1 to `most`, and a number box that follows it as it follows the box."""
    slider = widgets.IntSlider(start, 1, most, description=f"{name}: blocks", readout=False, **_wide("20rem"))
    box = widgets.BoundedIntText(start, 1, most, description=f"{name}: how many blocks", **_wide("16rem"))
    slider.link = widgets.jslink((slider, "value"), (box, "value"))
    return slider, widgets.HBox([slider, box], layout=widgets.Layout(flex_flow="row wrap", width="100%"))


def size_frames(name: str, sizes: Sizes, most: int = DEEPEST) -> list[Frame]:
    """A frame for each number of blocks, from 1."""
    by_depth = [replace(sizes, L=L) for L in range(1, most + 1)]
    scales = _scales(by_depth)
    curves = _curves(by_depth, *scales)
    return [_frame(name, each, curves, *scales) for each in by_depth]


def _frame(name: str, sizes: Sizes, curves: Sequence[str], x: svg.Scale, share: svg.Scale) -> Frame:
    at = svg.marker("o", x(sizes.L), share(100 * saved("sas", sizes)), BLUE)
    middle = svg.line(x(sizes.L), TOP, x(sizes.L), FLOOR, FAINT, 1.2)
    blocks = f"{sizes.L} block" + "s" * (sizes.L != 1)
    before, after = (parameters(block, sizes, BIG) for block in ("pre-ln", "sas"))
    counts = (
        f"{millions(before)} parameters with Pre-LN, {millions(after)} with SAS or SAS-P ({less('sas', sizes)}); "
        f"at most {ceiling('sas', sizes):.2f} times as fast."
    )
    parts = "; ".join(
        f"{part} {millions(parameters('pre-ln', sizes, (kind,)))} and {millions(parameters('sas', sizes, (kind,)))}"
        for part, (kind, _) in PARTS.items()
    )
    below = (
        f"<p style='margin:6px 0 0'><b>{blocks}</b> · {counts}</p>"
        f"<p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>{described(name, sizes)}. Norms and gains are left "
        "out.</p>"
    )
    drawings = side_by_side(_bars(sizes), [*curves, middle, at])
    return Frame.of(drawings, f"{name} with {blocks}: {counts} Pre-LN and SAS by part: {parts}.", below)


def _bars(sizes: Sizes) -> list[str]:
    """Two stacked bars, the longer one as long as the drawing, with the parts named below."""
    whole = svg.Scale(0, parameters("pre-ln", sizes, BIG), 4, RIGHT)
    drawn = [svg.text(0, 12, "parameters by part", colour=FAINT)]
    for i, (block, label) in enumerate({"pre-ln": "Pre-LN", "sas": "SAS, SAS-P"}.items()):
        top, end = 36 + 52 * i, 0
        drawn.append(svg.text(4, top - 5, f"{label} {millions(parameters(block, sizes, BIG))}"))
        for kind, colour in PARTS.values():
            begin, end = end, end + parameters(block, sizes, (kind,))
            drawn.append(
                f"<path d='M{whole(begin):.1f} {top}H{whole(end):.1f}v24H{whole(begin):.1f}z' fill='{colour}'/>"
            )
    for i, (part, (_, colour)) in enumerate(PARTS.items()):
        x, y = 4 + 150 * (i % 2), 140 + 22 * (i // 2)
        drawn += [f"<path d='M{x} {y}h12v12h-12z' fill='{colour}'/>", svg.text(x + 18, y + 10, part)]
    return drawn


def _scales(by_depth: Sequence[Sizes]) -> tuple[svg.Scale, svg.Scale]:
    """Blocks, and per cent saved up to a round number above all of them."""
    highest = 5 * math.ceil(20 * max(saved("sas", each) for each in by_depth))
    return svg.Scale(1, max(len(by_depth), 2), LEFT + 6, RIGHT - 6), svg.Scale(0, highest, FLOOR, TOP)


def _curves(by_depth: Sequence[Sizes], x: svg.Scale, y: svg.Scale) -> list[str]:
    """What is saved at every depth: the same in each frame."""
    points = [(x(each.L), y(100 * saved("sas", each))) for each in by_depth]
    numbers = [svg.text(x(L), FLOOR + 15, str(L), "middle", colour=FAINT) for L in range(6, len(by_depth) + 1, 6)]
    ruled = svg.ruled(y, LEFT, upright=True, until=RIGHT)
    title = svg.text(0, 12, "per cent fewer parameters", colour=FAINT)
    return [ruled, title, svg.curve(points, GREY), *numbers, under("blocks")]
