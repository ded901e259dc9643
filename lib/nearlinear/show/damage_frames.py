"""Frames of the damage picker: what each block costs to change, and at which place every measure would have put it."""

import math
from collections.abc import Mapping
from html import escape

import numpy as np

from nearlinear.results.pruning import PruningStudy

from . import svg
from .errors import ranks
from .frames import FLOOR, LEFT, RIGHT, TOP, WIDTH, Frame, block_numbers, block_scale, here, side_by_side, under
from .pruning import COLOURS, NAMES
from .style import BLUE, FAINT, INK, PANEL, VERMILLION
from .words import interval, notes, number, run_size, sentences

WAYS = {"remove": ("removed", VERMILLION, "s"), "replace": ("replaced by a line", BLUE, "o")}
_PITCH = 27
"""Height of one row."""


def damage_frames(study: PruningStudy) -> list[Frame]:
    """A frame a block. Raises ValueError for a study in which blocks were not changed alone."""
    if not all(study.single.values()):
        raise ValueError("this study changed no block alone: give one that did")
    ranked, curves = places(study), _curves(study)
    return [_frame(study, ranked, curves, block) for block in range(study.L)]


def places(study: PruningStudy) -> dict[str, np.ndarray]:
    """Name → the place of every block (L,), from 1: by damage, then by each measure; equal ones share a place."""
    damage = {f"damage, {word}": [s.difference for s in study.single[how]] for how, (word, *_) in WAYS.items()}
    measures = {NAMES[m.order]: m.values for m in study.measures}
    return {name: ranks(np.array(values)) + 1 for name, values in (damage | measures).items()}


def _frame(study: PruningStudy, ranked: Mapping[str, np.ndarray], curves: list[str], block: int) -> Frame:
    x, y = block_scale(study.L), _scale(study)
    marks = [
        svg.marker(shape, x(block), y(study.single[how][block].difference), colour)
        for how, (_, colour, shape) in WAYS.items()
    ]
    drawings = side_by_side([*curves, here(block, study.L), *marks], _rows(study, ranked, block))
    costs = [_cost(study, how, block) for how in WAYS]
    said = "; ".join(f"{name} {place[block]:g}" for name, place in ranked.items())
    alt = f"Block {block} of {run_size(study)}: {' '.join(costs)} Places among {study.L} blocks: {said}."
    small = escape(sentences(*notes([study])))
    below = (
        f"<p style='margin:6px 0 0'><b>Block {block}</b> · {escape(' '.join(costs))}</p>"
        f"<p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>{escape(run_size(study))}. {small}</p>"
    )
    return Frame.of(drawings, alt, below)


def _cost(study: PruningStudy, how: str, block: int) -> str:
    step = study.single[how][block]
    word = WAYS[how][0].capitalize()
    return (
        f"{word}: perplexity {number(step.perplexity)}, log-loss +{number(step.difference)} {interval(*step.interval)}."
    )


def _scale(study: PruningStudy) -> svg.Scale:
    """Whole powers of ten around every damage above zero; what is not above zero is drawn at the floor."""
    known = np.array([step.difference for steps in study.single.values() for step in steps])
    known = known[np.isfinite(known) & (known > 0)]
    low, high = (known.min(), known.max()) if len(known) else (0.1, 1.0)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return svg.Scale(10.0**first, 10.0 ** max(last, first + 1), FLOOR, TOP, log=True)


def _curves(study: PruningStudy) -> list[str]:
    """The damage of every block, both ways: the same in each frame."""
    x, y = block_scale(study.L), _scale(study)
    parts = [svg.ruled(y, LEFT, upright=True, until=RIGHT), svg.text(0, 12, "added nats a token (log)", colour=FAINT)]
    for how, (_, colour, _shape) in WAYS.items():
        values = [max(step.difference, y.low) for step in study.single[how]]
        parts.append(svg.curve([(x(b), y(value)) for b, value in enumerate(values)], colour))
    return parts + block_numbers(study.L)


def _rows(study: PruningStudy, ranked: Mapping[str, np.ndarray], block: int) -> list[str]:
    """A row for each ranking: its name, the block's place, and that place on a line from the first to the last."""
    scale = svg.Scale(1, study.L, 10, RIGHT - 4)
    names = {name: order for order, name in NAMES.items()}
    looks = [(colour, shape) for _, colour, shape in WAYS.values()]
    parts = [svg.text(10, FLOOR + 15, "1", "middle", colour=FAINT), under("place among the blocks")]
    parts.append(svg.text(RIGHT - 4, FLOOR + 15, str(study.L), "middle", colour=FAINT))
    for i, (name, place) in enumerate(ranked.items()):
        row = 14 + i * _PITCH
        colour, shape = looks[i] if i < len(looks) else (COLOURS.get(names[name], INK), "D")
        parts.append(f"<path d='M0 {row - 11}h{WIDTH}v13h-{WIDTH}z' fill='{PANEL}'/>")
        parts += [svg.text(4, row, name), svg.text(RIGHT, row, f"{place[block]:g}", "end")]
        parts += [svg.line(10, row + 9, RIGHT - 4, row + 9, FAINT, 0.5)]
        parts.append(svg.marker(shape, scale(float(place[block])), row + 9, colour, size=4))
    return parts
