"""The frames that pickers turn: one block at a time, as light HTML with its own words for those who cannot see it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from nearlinear.results.records import Interval, PerBlock
from nearlinear.results.tokens import TokenErrors
from nearlinear.results.types import HeldOutScores, LinearityProfile

from . import svg
from .errors import RELATIVE, log_bins
from .style import COLOURS, FAINT, INK, PANEL, WARNING
from .words import held_out_size, interval, notes, number, run_size, score, sentences, warning

_LEFT, _RIGHT, _TOP, _FLOOR = 46, 332, 26, 172
_WIDTH, _HEIGHT = 340, 204


@dataclass(frozen=True)
class Frame:
    """One picture of a picker: `html` to show, `alt` the same in words (already inside the html)."""

    html: str
    alt: str

    @classmethod
    def of(cls, body: str, alt: str, below: str = "", role: str = "img") -> "Frame":
        """A light panel, so that the frame reads on a dark page too, with the drawing and a sentence under it."""
        panel = f"background:{PANEL};color:{INK};font:13px/1.5 {svg.FONTS};padding:10px;border-radius:6px;max-width:780px"
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


def _series(profile: LinearityProfile, name: str) -> list[Series]:
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
    return series


def _limits(series: Sequence[Series], log: bool) -> tuple[float, float]:
    """Ends of the common axis: of 1 − score where it is logarithmic, of the score with 1 on it where it is not."""
    every = np.concatenate([np.ravel(s.values) for s in series] + [np.ravel(s.intervals) for s in series if s.intervals])
    every = every[np.isfinite(every)]
    if not log:
        return (min(0.0, float(every.min())) if len(every) else 0.0), 1.0
    gaps = (1 - every)[every < 1]
    if not len(gaps):
        return 1e-3, 1.0
    return 10.0 ** math.floor(math.log10(gaps.min())), 10.0 ** math.ceil(math.log10(gaps.max()))


def score_frames(profile: LinearityProfile) -> list[Frame]:
    """A frame a block for the score with the residual, drawn as 1 − score on a logarithmic axis."""
    return _block_frames(profile, View("scores", "score", log=True))


def update_frames(profile: LinearityProfile) -> list[Frame]:
    """A frame a block for the update score, on a linear axis, with the size of the update in words."""
    return _block_frames(profile, View("update_scores", "update score", log=False))


def _block_frames(profile: LinearityProfile, name: str, word: str, *, log: bool) -> list[Frame]:
    series = _series(profile, name)
    limits = _limits(series, log)
    curves = _curves(series, limits, profile.L, f"1 − {word} (log)" if log else word, log)
    return [_block_frame(profile, series, limits, curves, b, word, log) for b in range(profile.L)]


def _block_frame(profile, series, limits, curves: str, block: int, word: str, log: bool) -> Frame:
    x, y = _curve_scales(limits, profile.L, log)
    here = [svg.line(x(block), _TOP, x(block), _FLOOR, FAINT, 1.2)]
    here += [svg.marker(s.marker, x(block), y(_drawn(s.values[block], log)), COLOURS[s.role], hollow=s.hollow) for s in series]
    left = svg.picture(_WIDTH, _HEIGHT, [curves, *here])
    right = svg.picture(_WIDTH, _HEIGHT, _dots(series, limits, block, word, log))
    row = f"<div style='display:flex;flex-wrap:wrap;gap:6px 20px'>{left}{right}</div>"
    words = "; ".join(f"{s.label} {score(s.values[block])} {_interval(s, block)}".strip() for s in series)
    alt = f"Block {block} of {run_size(profile)}: {word} {words}."
    return Frame.of(row, alt, _below(profile, block, word))


def _drawn(value: float, log: bool) -> float:
    return 1 - value if log else value


def _interval(series: Series, block: int) -> str:
    return interval(*series.intervals[block]) if series.intervals else ""


def _below(profile: LinearityProfile, block: int, word: str) -> str:
    """The sentence under a frame: which block, what size of run, what the number stands on."""
    size = ""
    if word == "update score":
        size = f"The update is {number(profile.norm_ratio[block])} of the block's output in norm (mean over tokens)."
    small = escape(sentences(held_out_size(profile).capitalize() + "." if profile.held_out else "", *notes([profile])))
    caution = escape(warning([profile]))
    return (
        f"<p style='margin:6px 0 0'><b>Block {block}</b> · {escape(run_size(profile))}. {size}</p>"
        f"<p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>{small} <b style='color:{WARNING}'>{caution}</b></p>"
    )


def _curve_scales(limits: tuple[float, float], L: int, log: bool) -> tuple[svg.Scale, svg.Scale]:
    return svg.Scale(0, max(L - 1, 1), _LEFT + 6, _RIGHT - 6), svg.Scale(*limits, _FLOOR, _TOP, log)


def _curves(series: Sequence[Series], limits, L: int, label: str, log: bool) -> str:
    """The whole profile, the same in every frame of a model."""
    x, y = _curve_scales(limits, L, log)
    step = max(1, round((L - 1) / 6))
    parts = [svg.ruled(y, _LEFT, upright=True, until=_RIGHT), svg.text(0, 12, label, colour=FAINT)]
    parts += [svg.text(x(b), _FLOOR + 15, str(b), "middle", colour=FAINT) for b in range(0, L, step)]
    parts.append(svg.text((_LEFT + _RIGHT) / 2, _FLOOR + 30, "block", "middle", colour=FAINT))
    for s in series:
        if not s.hollow:
            points = [(x(b), y(_drawn(v, log))) for b, v in enumerate(s.values)]
            parts.append(svg.curve(points, COLOURS[s.role]))
    return "".join(parts)


def _dots(series: Sequence[Series], limits: tuple[float, float], block: int, word: str, log: bool) -> list[str]:
    """One row a control: its name, its number, and the number's place with its interval on the common axis."""
    scale = svg.Scale(*limits, 10, _RIGHT - 4, log)
    parts = [svg.ruled(scale, _FLOOR + 1, upright=False, until=8)]
    label = f"1 − {word} (log)" if log else word
    parts.append(svg.text((10 + _RIGHT) / 2, _FLOOR + 30, label, "middle", colour=FAINT))
    for i, s in enumerate(series):
        parts += _dot(s, scale, block, 20 + 40 * i, log)
    return parts


def _dot(s: Series, scale: svg.Scale, block: int, row: int, log: bool) -> list[str]:
    colour, track, value = COLOURS[s.role], row + 16, s.values[block]
    said = f"{score(value)} {_interval(s, block)}".strip()
    parts = [f"<path d='M0 {row - 11}h340v15h-340z' fill='{PANEL}'/>", svg.text(4, row, s.label)]
    parts += [svg.text(_RIGHT, row, said, "end"), svg.line(10, track, _RIGHT - 4, track, FAINT, 0.5)]
    if s.intervals and not math.isnan(sum(s.intervals[block])):
        low, high = (scale(_drawn(v, log)) for v in s.intervals[block])
        parts.append(svg.line(low, track, high, track, colour, 6, " stroke-opacity='.4'"))
    return [*parts, svg.marker(s.marker, scale(_drawn(value, log)), track, colour, hollow=s.hollow)]


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
    worst = np.sort(error2.astype(np.float64))[-max(1, round(0.01 * len(error2))) :].sum() / error2.sum(dtype=np.float64)
    firsts = f"; {number(np.nanmedian(first))} for first tokens" if len(first) else ""
    return (
        f"Median error {number(np.nanmedian(rest))}, 99th percentile {number(np.nanquantile(rest, 0.99))}{firsts}. "
        f"The worst 1 % of all tokens hold {number(100 * worst)} % of the squared error."
    )
