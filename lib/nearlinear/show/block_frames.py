"""Frames of the two block pickers: the whole profile with one block marked, and that block under every control."""

import math
from dataclasses import dataclass
from functools import cached_property
from html import escape

import numpy as np

from nearlinear.results.types import LinearityProfile

from . import svg
from .frames import FLOOR, LEFT, RIGHT, TOP, WIDTH, Frame, block_numbers, block_scale, here, side_by_side, under
from .series import LOWEST, Series, controls_of, held_out_all
from .style import COLOURS, FAINT, PANEL, WARNING
from .words import held_out_size, interval, notes, number, run_size, score, sentences, warning

_PITCH = 33
"""Height of one control's row."""


@dataclass(frozen=True)
class View:
    """One score of one model, `name` in its results and `word` for readers; `log` draws 1 − score."""

    profile: LinearityProfile
    name: str
    word: str
    log: bool

    @cached_property
    def curves(self) -> tuple[Series, ...]:
        return controls_of(self.profile, self.name)

    @cached_property
    def rows(self) -> tuple[Series, ...]:
        """Every control in numbers, the strictest last."""
        return (*self.curves[:2], *held_out_all(self.profile, self.name), *self.curves[2:])

    @property
    def label(self) -> str:
        return f"1 − {self.word} (log)" if self.log else self.word

    def drawn(self, value: float) -> float:
        return 1 - value if self.log else max(value, LOWEST)

    @cached_property
    def limits(self) -> tuple[float, float]:
        """Whole powers of ten around every 1 − score, or from 0, or the lowest score, to 1."""
        numbers = [np.ravel(v) for s in self.rows for v in (s.values, s.intervals) if v is not None]
        known = np.concatenate(numbers)
        known = known[np.isfinite(known)]
        if not self.log:
            return max(min([0.0, *known.tolist()]), LOWEST), 1.0
        gaps = (1 - known)[known < 1]
        if not len(gaps):
            return 1e-3, 1.0
        low, high = math.floor(math.log10(gaps.min())), math.ceil(math.log10(gaps.max()))
        return 10.0**low, 10.0 ** max(high, low + 1)

    def scale(self, start: float, end: float) -> svg.Scale:
        return svg.Scale(*self.limits, start, end, self.log)


def score_frames(profile: LinearityProfile) -> list[Frame]:
    """A frame a block for the score with the residual, drawn as 1 − score on a logarithmic axis."""
    return _frames(View(profile, "scores", "score", log=True))


def update_frames(profile: LinearityProfile) -> list[Frame]:
    """A frame a block for the update score, on a linear axis, with the size of the update in words."""
    return _frames(View(profile, "update_scores", "update score", log=False))


def _frames(view: View) -> list[Frame]:
    curves = _curves(view)
    return [_frame(view, curves, block) for block in range(view.profile.L)]


def _frame(view: View, curves: list[str], block: int) -> Frame:
    x, y = block_scale(view.profile.L), view.scale(FLOOR, TOP)
    marks = [svg.marker(s.marker, x(block), y(view.drawn(s.values[block])), COLOURS[s.role]) for s in view.curves]
    drawings = side_by_side([*curves, here(block, view.profile.L), *marks], _dots(view, block))
    words = "; ".join(f"{s.label} {_said(s, block)}" for s in view.rows)
    alt = f"Block {block} of {run_size(view.profile)}: {view.word} {words}."
    return Frame.of(drawings, alt, _below(view, block))


def _said(series: Series, block: int) -> str:
    """The number and, where there is one, its interval."""
    return sentences(score(series.values[block]), interval(*series.intervals[block]) if series.intervals else "")


def _below(view: View, block: int) -> str:
    """The words under a frame: which block, what size of run, what the numbers stand on."""
    profile = view.profile
    size = f"The update is {number(profile.norm_ratio[block])} of the block's output in norm (mean over tokens)."
    held = f"{held_out_size(profile).capitalize()}." if profile.held_out else ""
    small, caution = escape(sentences(held, *notes([profile]))), escape(warning([profile]))
    return (
        f"<p style='margin:6px 0 0'><b>Block {block}</b> · {escape(run_size(profile))}. {'' if view.log else size}</p>"
        f"<p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>{small} <b style='color:{WARNING}'>{caution}</b></p>"
    )


def _curves(view: View) -> list[str]:
    """The whole profile, the same in every frame of a model."""
    x, y = block_scale(view.profile.L), view.scale(FLOOR, TOP)
    parts = [svg.ruled(y, LEFT, upright=True, until=RIGHT), svg.text(0, 12, view.label, colour=FAINT)]
    for s in view.curves:
        points = [(x(b), y(view.drawn(value))) for b, value in enumerate(s.values)]
        parts.append(svg.curve(points, COLOURS[s.role]))
    return parts + block_numbers(view.profile.L)


def _dots(view: View, block: int) -> list[str]:
    """One row a control: its name, its number, and the number's place with its interval on the common axis."""
    scale = view.scale(10, RIGHT - 4)
    parts = [svg.ruled(scale, FLOOR + 1, upright=False, until=8), under(view.label)]
    for i, series in enumerate(view.rows):
        parts += _dot(view, series, scale, block, 20 + i * _PITCH)
    return parts


def _dot(view: View, s: Series, scale: svg.Scale, block: int, row: int) -> list[str]:
    colour, track = COLOURS[s.role], row + 16
    parts = [f"<path d='M0 {row - 11}h{WIDTH}v15h-{WIDTH}z' fill='{PANEL}'/>", svg.text(4, row, s.label)]
    parts += [svg.text(RIGHT, row, _said(s, block), "end"), svg.line(10, track, RIGHT - 4, track, FAINT, 0.5)]
    if s.intervals and not math.isnan(sum(s.intervals[block])):
        low, high = (scale(view.drawn(v)) for v in s.intervals[block])
        parts.append(svg.line(low, track, high, track, colour, 6, " stroke-opacity='.4'"))
    hollow = s not in view.curves
    return [*parts, svg.marker(s.marker, scale(view.drawn(s.values[block])), track, colour, hollow=hollow)]
