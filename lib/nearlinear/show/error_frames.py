"""Frames of the error picker: one block's histogram of per-token errors, beside the errors of all blocks."""

import math
from dataclasses import dataclass
from functools import cached_property
from html import escape

import numpy as np

from nearlinear.results.tokens import TokenErrors

from . import svg
from .errors import RELATIVE, log_bins, worst_share
from .frames import FLOOR, LEFT, RIGHT, TOP, Frame, block_numbers, block_scale, here, side_by_side, under
from .style import COLOURS, FAINT, INK
from .words import NO_ANSWER, notes, number, run_size, sentences

_QUANTILES = (0.5, 0.99)


@dataclass(frozen=True)
class _Histograms:
    """What all frames of one model share: bins, counts (L, bins) and two quantiles (2, L); first tokens out."""

    errors: TokenErrors

    @cached_property
    def relative(self) -> np.ndarray:
        return self.errors.relative_error()

    @cached_property
    def bins(self) -> np.ndarray:
        return log_bins(self.errors)

    @cached_property
    def inside(self) -> np.ndarray:
        """Errors, those beyond the outermost bins put into them."""
        return np.clip(self.relative, self.bins[0], self.bins[-1])

    @cached_property
    def counts(self) -> np.ndarray:
        return np.stack([np.histogram(row[~self.errors.is_first], self.bins)[0] for row in self.inside])

    @cached_property
    def quantiles(self) -> np.ndarray:
        return np.quantile(self.relative[:, ~self.errors.is_first], _QUANTILES, axis=1)  # NaN for a block with a NaN

    @cached_property
    def worst(self) -> np.ndarray:
        return worst_share(self.errors.error2)


def histogram_frames(errors: TokenErrors) -> list[Frame]:
    """A frame a block: the histogram of relative errors, first tokens as ticks above it."""
    shared = _Histograms(errors)
    curves = _curves(shared)
    return [_frame(shared, curves, block) for block in range(errors.L)]


def _frame(shared: _Histograms, curves: list[str], block: int) -> Frame:
    errors, words = shared.errors, _in_words(shared, block)
    x, y = block_scale(errors.L), _upright(shared)
    marks = [svg.marker("o", x(block), y(q), COLOURS["in-sample"]) for q in shared.quantiles[:, block]]
    drawings = side_by_side(_histogram(shared, block), [*curves, here(block, errors.L), *marks])
    alt = f"Histogram of the {RELATIVE} at block {block}, {run_size(errors)}. {words}"
    small = escape(sentences(f"{run_size(errors)}.", *notes([errors])))
    below = (
        f"<p style='margin:6px 0 0'><b>Block {block}</b> · {words}</p>"
        f"<p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>{small}</p>"
    )
    return Frame.of(drawings, alt, below)


def _histogram(shared: _Histograms, block: int) -> list[str]:
    x = svg.Scale(shared.bins[0], shared.bins[-1], LEFT, RIGHT, log=True)
    y = svg.Scale(0, max(1, int(shared.counts[block].max())), FLOOR, TOP + 14)
    ticks = "".join(f"M{x(v):.1f} {TOP}v9" for v in shared.inside[block, shared.errors.is_first] if not math.isnan(v))
    middle = x(shared.quantiles[0, block])
    return [
        svg.text(0, 12, "tokens (ticks: each window's first)", colour=FAINT),
        svg.ruled(y, LEFT, upright=True, until=RIGHT),
        svg.ruled(x, FLOOR, upright=False, until=FLOOR + 4),
        under(f"{RELATIVE} (log)"),
        svg.bars([x(b) for b in shared.bins], [y(c) for c in shared.counts[block]], FLOOR, COLOURS["in-sample"]),
        f"<path d='{ticks}' stroke='{COLOURS['no first token']}'/>",
        svg.line(middle, TOP + 12, middle, FLOOR, INK, 1.2) if not math.isnan(middle) else "",
    ]


def _upright(shared: _Histograms) -> svg.Scale:
    """Relative error upwards, on a logarithmic axis around every quantile shown, with 1 on it."""
    known = [*shared.quantiles[shared.quantiles > 0].tolist(), 1.0]
    return svg.Scale(0.8 * min(known), 1.25 * max(known), FLOOR, TOP, log=True)


def _curves(shared: _Histograms) -> list[str]:
    """The median and the 99th percentile of every block."""
    x, y = block_scale(shared.errors.L), _upright(shared)
    parts = [svg.ruled(y, LEFT, upright=True, until=RIGHT)]
    parts.append(svg.text(0, 12, "relative error (log): median, 99th percentile (pale)", colour=FAINT))
    for quantile, look in zip(shared.quantiles, ("", " stroke-opacity='.5'"), strict=True):
        parts.append(svg.curve([(x(b), y(q)) for b, q in enumerate(quantile)], COLOURS["in-sample"], look=look))
    return parts + block_numbers(shared.errors.L)


def _in_words(shared: _Histograms, block: int) -> str:
    middle, high = shared.quantiles[:, block]
    if np.isnan(middle):
        return f"There is {NO_ANSWER} at this block."
    first = shared.relative[block, shared.errors.is_first]
    firsts = f"; {number(np.median(first))} for first tokens" if len(first) else ""
    return (
        f"Median error {number(middle)}, 99th percentile {number(high)}{firsts}. "
        f"The worst 1\N{NO-BREAK SPACE}% of all tokens hold {number(100 * shared.worst[block])}\N{NO-BREAK SPACE}% "
        "of the squared error."
    )
