"""The frames that pickers turn: one block at a time, as light HTML with its own words for those who cannot see it."""

import math
from dataclasses import dataclass
from functools import cached_property
from html import escape

import numpy as np

from nearlinear.results.records import Interval, PerBlock
from nearlinear.results.tokens import TokenErrors
from nearlinear.results.types import HeldOutScores, LinearityProfile

from . import svg
from .errors import RELATIVE, log_bins, worst_share
from .style import COLOURS, FAINT, INK, PANEL, WARNING
from .words import held_out_size, interval, notes, number, run_size, score, sentences, warning

_LEFT, _RIGHT, _TOP, _FLOOR = 40, 314, 26, 172
_WIDTH, _HEIGHT = 320, 204


@dataclass(frozen=True)
class Frame:
    """One picture of a picker: `html` to show, `alt` the same in words (already inside the html)."""

    html: str
    alt: str

    @classmethod
    def of(cls, body: str, alt: str, below: str = "", role: str = "img") -> "Frame":
        """A light panel, so that the frame reads on a dark page too, with the drawing and a sentence under it."""
        look = f"background:{PANEL};color:{INK};font:13px/1.5 {svg.FONTS};"
        panel = f"{look}padding:10px;border-radius:6px;max-width:780px"
        drawing = f"<div role='{role}' aria-label='{escape(alt)}'>{body}</div>"
        return cls(f"<div class='nl-frame' style='{panel}'>{drawing}{below}</div>", alt)


@dataclass(frozen=True)
class Series:
    """One control's numbers, a value a block, with intervals where there are any."""

    label: str
    role: str
    marker: str
    values: PerBlock
    intervals: tuple[Interval, ...] | None = None
    hollow: bool = False


def _controls(profile: LinearityProfile, name: str) -> tuple[Series, ...]:
    """All controls of one score ("scores" or "update_scores"), from the paper's own to the strictest."""
    series = [
        Series("in-sample, all tokens (the paper)", "in-sample", "o", getattr(profile, name)),
        Series("in-sample, first token out", "no first token", "s", getattr(profile.no_first_token, name)),
    ]

    def held(label: str, h: HeldOutScores, hollow: bool) -> Series:
        return Series(label, "held out", "^", getattr(h, name), getattr(h.intervals, name), hollow)

    if profile.held_out:
        series.append(held("held out, all tokens", profile.held_out, True))
        series.append(held("held out, first token out", profile.held_out.no_first_token, False))
    return tuple(series)


@dataclass(frozen=True)
class View:
    """One score of one model under all its controls, on one common axis; `log` draws 1 − score."""

    profile: LinearityProfile
    word: str
    series: tuple[Series, ...]
    log: bool

    @property
    def label(self) -> str:
        return f"1 − {self.word} (log)" if self.log else self.word

    def drawn(self, value: float) -> float:
        return 1 - value if self.log else value

    @cached_property
    def limits(self) -> tuple[float, float]:
        """Whole powers of ten around every 1 − score, or from 0, or the lowest score, to 1."""
        numbers = [np.ravel(v) for s in self.series for v in (s.values, s.intervals) if v is not None]
        known = np.concatenate(numbers)
        known = known[np.isfinite(known)]
        if not self.log:
            return min([0.0, *known.tolist()]), 1.0
        gaps = (1 - known)[known < 1]
        if not len(gaps):
            return 1e-3, 1.0
        return 10.0 ** math.floor(math.log10(gaps.min())), 10.0 ** math.ceil(math.log10(gaps.max()))

    def scale(self, start: float, end: float) -> svg.Scale:
        return svg.Scale(*self.limits, start, end, self.log)

    def upright(self) -> tuple[svg.Scale, svg.Scale]:
        """Scales of the profile: blocks to the right, the score upwards."""
        return svg.Scale(0, max(self.profile.L - 1, 1), _LEFT + 6, _RIGHT - 6), self.scale(_FLOOR, _TOP)


def score_frames(profile: LinearityProfile) -> list[Frame]:
    """A frame a block for the score with the residual, drawn as 1 − score on a logarithmic axis."""
    return _block_frames(View(profile, "score", _controls(profile, "scores"), log=True))


def update_frames(profile: LinearityProfile) -> list[Frame]:
    """A frame a block for the update score, on a linear axis, with the size of the update in words."""
    return _block_frames(View(profile, "update score", _controls(profile, "update_scores"), log=False))


def _block_frames(view: View) -> list[Frame]:
    curves = _curves(view)
    return [_block_frame(view, curves, block) for block in range(view.profile.L)]


def _block_frame(view: View, curves: str, block: int) -> Frame:
    """The whole profile with this block marked, and beside it the block's numbers under every control."""
    x, y = view.upright()
    here = [svg.line(x(block), _TOP, x(block), _FLOOR, FAINT, 1.2)]
    for s in view.series:
        place = x(block), y(view.drawn(s.values[block]))
        here.append(svg.marker(s.marker, *place, COLOURS[s.role], hollow=s.hollow))
    left, right = svg.picture(_WIDTH, _HEIGHT, [curves, *here]), svg.picture(_WIDTH, _HEIGHT, _dots(view, block))
    row = f"<div style='display:flex;flex-wrap:wrap;gap:6px 14px'>{left}{right}</div>"
    words = "; ".join(f"{s.label} {_said(s, block)}" for s in view.series)
    alt = f"Block {block} of {run_size(view.profile)}: {view.word} {words}."
    return Frame.of(row, alt, _below(view, block))


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


def _curves(view: View) -> str:
    """The whole profile, the same in every frame of a model."""
    x, y = view.upright()
    blocks = range(view.profile.L)
    parts = [svg.ruled(y, _LEFT, upright=True, until=_RIGHT), svg.text(0, 12, view.label, colour=FAINT)]
    parts += [
        svg.text(x(b), _FLOOR + 15, str(b), "middle", colour=FAINT) for b in blocks[:: max(1, round(len(blocks) / 6))]
    ]
    parts.append(svg.text((_LEFT + _RIGHT) / 2, _FLOOR + 30, "block", "middle", colour=FAINT))
    for s in view.series:
        if not s.hollow:
            parts.append(svg.curve([(x(b), y(view.drawn(s.values[b]))) for b in blocks], COLOURS[s.role]))
    return "".join(parts)


def _dots(view: View, block: int) -> list[str]:
    """One row a control: its name, its number, and the number's place with its interval on the common axis."""
    scale = view.scale(10, _RIGHT - 4)
    parts = [svg.ruled(scale, _FLOOR + 1, upright=False, until=8)]
    parts.append(svg.text((10 + _RIGHT) / 2, _FLOOR + 30, view.label, "middle", colour=FAINT))
    for i, series in enumerate(view.series):
        parts += _dot(view, series, scale, block, 20 + 40 * i)
    return parts


def _dot(view: View, s: Series, scale: svg.Scale, block: int, row: int) -> list[str]:
    colour, track = COLOURS[s.role], row + 16
    parts = [f"<path d='M0 {row - 11}h{_WIDTH}v15h-{_WIDTH}z' fill='{PANEL}'/>", svg.text(4, row, s.label)]
    parts += [svg.text(_RIGHT, row, _said(s, block), "end"), svg.line(10, track, _RIGHT - 4, track, FAINT, 0.5)]
    if s.intervals and not math.isnan(sum(s.intervals[block])):
        low, high = (scale(view.drawn(v)) for v in s.intervals[block])
        parts.append(svg.line(low, track, high, track, colour, 6, " stroke-opacity='.4'"))
    return [*parts, svg.marker(s.marker, scale(view.drawn(s.values[block])), track, colour, hollow=s.hollow)]


def histogram_frames(errors: TokenErrors) -> list[Frame]:
    """A frame a block: the histogram of per-token relative errors, first tokens as ticks above it."""
    relative, bins = errors.relative_error(), log_bins(errors)
    inside = np.clip(relative, bins[0], bins[-1])
    counts = [np.histogram(row[~errors.is_first], bins)[0] for row in inside]
    top = max(int(c.max()) for c in counts)
    return [_histogram_frame(errors, b, relative[b], inside[b], counts[b], bins, top) for b in range(errors.L)]


def _histogram_frame(errors, block, relative, inside, counts, bins, top) -> Frame:
    first = errors.is_first
    x, y = svg.Scale(bins[0], bins[-1], _LEFT, _RIGHT, log=True), svg.Scale(0, top, _FLOOR, _TOP + 14)
    ticks = "".join(f"M{x(v):.1f} {_TOP}v9" for v in inside[first] if not math.isnan(v))
    parts = [svg.ruled(y, _LEFT, upright=True, until=_RIGHT), svg.ruled(x, _FLOOR, upright=False, until=_FLOOR + 4)]
    parts.append(svg.bars([x(b) for b in bins], [y(c) for c in counts], _FLOOR, COLOURS["in-sample"]))
    parts.append(f"<path d='{ticks}' stroke='{COLOURS['no first token']}'/>")
    parts.append(svg.text((_LEFT + _RIGHT) / 2, _FLOOR + 30, f"{RELATIVE} (log)", "middle", colour=FAINT))
    parts.append(svg.text(0, 12, "tokens (ticks: each window's first)", colour=FAINT))
    words = _tail_in_words(relative[~first], errors.error2[block], relative[first])
    if not np.isnan(relative[~first]).all():
        middle = x(float(np.nanmedian(relative[~first])))
        parts.append(svg.line(middle, _TOP + 12, middle, _FLOOR, INK, 1.2))
    alt = f"Histogram of the {RELATIVE} at block {block}, {run_size(errors)}. {words}"
    below = f"<p style='margin:6px 0 0'><b>Block {block}</b> · {escape(run_size(errors))}. {words}</p>"
    return Frame.of(f"<div style='display:flex'>{svg.picture(_WIDTH, _HEIGHT, parts)}</div>", alt, below)


def _tail_in_words(rest: np.ndarray, error2: np.ndarray, first: np.ndarray) -> str:
    if np.isnan(rest).all():
        return "No answer at this block."
    worst = worst_share(error2[None])[0]
    firsts = f"; {number(np.nanmedian(first))} for first tokens" if len(first) else ""
    return (
        f"Median error {number(np.nanmedian(rest))}, 99th percentile {number(np.nanquantile(rest, 0.99))}{firsts}. "
        f"The worst 1 % of all tokens hold {number(100 * worst)} % of the squared error."
    )
