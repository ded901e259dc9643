"""The picker of blocks: one step of the ladder at a time, as drawing, equation, code, parameters and signal."""

from collections.abc import Mapping, Sequence
from html import escape

import ipywidgets as widgets

from nearlinear.results.apart import BlockApart
from nearlinear.results.signal import Mask, SignalStudy

from . import svg
from .block_drawings import WIDTH, drawing, height
from .block_parts import DRAWINGS
from .block_sources import equation, lowered
from .frames import FLOOR, LEFT, RIGHT, TOP, Frame, side_by_side, under
from .ladder import MEASURED, code_of, mean, million, signal_words, size, sizes
from .ladder_steps import LADDER, STEPS, Step, step_of
from .picker import layer_picker
from .style import BLUE, FAINT, GREY, VERMILLION
from .words import sentences

LOWEST = 1e-4
"""Residuals below this are drawn at the floor: the tokens are alike."""

_LINES: dict[Mask, tuple[str, str]] = {
    "causal": (BLUE, ""),
    "bidirectional": (VERMILLION, " stroke-dasharray='5 3'"),
}


def ladder_picker(blocks: Sequence[BlockApart], study: SignalStudy, name: str = "Ladder") -> widgets.VBox:
    """Every block of the ladder, then the two beside it. Raises ValueError where one of them was not taken apart."""
    by_name = {made.block: made for made in blocks}
    if missing := [step.block for step in STEPS if step.block not in by_name]:
        raise ValueError(f"the ladder lacks {', '.join(missing)}: take these blocks apart too")
    frames = [ladder_frame(i, by_name, study) for i in range(len(STEPS))]
    return layer_picker({"the ladder": frames}, name=name)


def ladder_frame(number: int, by_name: Mapping[str, BlockApart], study: SignalStudy) -> Frame:
    """Drawing beside equation, code and parameters; under them what a stack of such blocks does to the signal."""
    step, made = STEPS[number], by_name[STEPS[number].block]
    counted, signal = parameters_words(made, by_name), signal_words(study, step.block)
    picture = svg.picture(WIDTH, height(step.block), drawing(step.block))
    charts = [_chart(study, step.block, measure) for measure in MEASURED]
    words = "".join(f"<p style='margin:6px 0'>{lowered(text)}</p>" for text in (step.what, counted))
    body = (
        f"{_rail(number)}<div style='display:flex;flex-wrap:wrap;gap:6px 18px;align-items:flex-start'>"
        f"<div style='flex:1 1 230px;max-width:290px'>{picture}</div>"
        f"<div style='flex:2 1 300px;min-width:0'>{words}{equation(step.equation)}</div></div>"
        f"<p style='margin:8px 0 2px;color:{FAINT}'>In the library, {step.cls}:</p>{code_of(step)}"
        f"<div style='margin-top:10px'>{side_by_side(*charts)}</div>"
    )
    alt = sentences(f"Block {number} of the ladder, {step.title}: {step.what}", counted, f"At initialisation {signal}.")
    return Frame.of(body, alt, _below(study, step, signal), role="group")


def _rail(number: int) -> str:
    """All blocks by number, so that one knows where the slider leads; this one stands out."""
    names = [f"{i} {step.title}" for i, step in enumerate(STEPS)]
    names[number] = f"<b>{names[number]}</b>"
    ladder, beside = " → ".join(names[: len(LADDER)]), " · ".join(names[len(LADDER) :])
    return f"<p style='margin:0 0 8px;font-size:12px;color:{FAINT}'>{ladder}. Beside it: {beside}.</p>"


def parameters_words(made: BlockApart, by_name: Mapping[str, BlockApart]) -> str:
    """How many parameters the block has, and how many fewer than the one that it was made from."""
    first = f", the first {made.first_block:,} more" if made.first_block else ""
    has = f"{made.n_parameters:,} parameters{first}; {million(made.all_blocks)} in {made.L} blocks ({sizes(made)})."
    before = by_name.get(DRAWINGS[made.block].after)
    if before is None:
        return has
    return f"{has} {_difference(made.n_parameters - before.n_parameters, before)}"


def _difference(more: int, before: BlockApart) -> str:
    name = step_of(before.block).title
    if not more:
        return f"As many as {name}."
    share = f", {100 * abs(more) / before.n_parameters:.1f} %" if abs(more) > before.n_parameters / 1000 else ""
    return f"{abs(more):,} {'more' if more > 0 else 'fewer'} than {name}{share}."


def _chart(study: SignalStudy, block: str, measure: str) -> list[str]:
    """One measure against depth under each mask, and Pre-LN's under the causal one to compare."""
    x = svg.Scale(0, study.depths[-1], LEFT, RIGHT - 6)
    y = svg.Scale(0, 1, FLOOR, TOP) if measure == "cosine" else svg.Scale(LOWEST, 1, FLOOR, TOP, log=True)
    parts = [
        svg.ruled(y, LEFT, upright=True, until=RIGHT),
        *(svg.text(x(tick), FLOOR + 15, f"{tick:g}", "middle", colour=FAINT) for tick in x.ticks()),
        under("after so many blocks"),
        svg.text(0, 12, MEASURED[measure], colour=FAINT),
    ]
    lines = [("pre-ln", "causal", GREY, " stroke-dasharray='1 2'")]
    lines += [(block, mask, *_LINES[mask]) for mask in study.masks]
    for which, mask, colour, look in lines:
        values = mean(study, which, mask, measure)
        low = y.low
        points = [(x(depth), y(max(float(v), low))) for depth, v in zip(study.depths, values, strict=True)]
        parts.append(svg.curve(points, colour, look=look))
    return parts


def _below(study: SignalStudy, step: Step, signal: str) -> str:
    colours = {"causal": "solid blue", "bidirectional": "dashed orange"}
    drawn = ", ".join(f"{colours[mask]}: {mask}" for mask in study.masks)
    small = f"{drawn}; dotted grey: Pre-LN, causal. Residuals below {LOWEST:g} are drawn there. {size(study)}."
    return (
        f"<p style='margin:6px 0 0'><b>{escape(step.title)}</b>, at initialisation: {escape(signal)}.</p>"
        f"<p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>{escape(small[0].upper() + small[1:])}</p>"
    )
