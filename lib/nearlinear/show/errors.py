"""Which tokens are not linear: Fig. 9, rarity, and how few tokens carry the error."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.tokens import TokenErrors

from .shown import Shown
from .style import COLOURS, FAINT, MARKERS, MODEL_COLOURS, block_axis, canvas, legend_above, plain_log, use
from .words import NO_ANSWER, caveats, describe, notes, number, run_size, sentences, subtitle

RELATIVE = "relative error ‖e_t‖ / ‖Δ_t‖"
_RELATIVE = r"relative error $\|e_t\|\,/\,\|\Delta_t\|$"
_RESAMPLES = 1000


def spread(L: int, count: int) -> tuple[int, ...]:
    """`count` blocks from the first to the last, evenly."""
    return tuple(dict.fromkeys(np.linspace(0, L - 1, min(count, L)).round().astype(int).tolist()))


def log_bins(errors: TokenErrors, count: int = 60) -> np.ndarray:
    """Edges of logarithmic bins that hold all errors of all blocks but the outermost thousandth at each end."""
    relative = errors.relative_error()
    known = relative[relative > 0]
    low, high = np.quantile(known, [0.001, 0.999]) if len(known) else (0.1, 1.0)
    return np.geomspace(low * 0.9, high * 1.1, count + 1)


@use()
def error_histograms(errors: TokenErrors, blocks: Sequence[int] | None = None) -> Shown:
    """Fig. 9: how the per-token errors of each block's map are spread; first tokens drawn as ticks of their own."""
    blocks = spread(errors.L, 6) if blocks is None else tuple(blocks)
    columns = min(3, len(blocks))
    rows = -(-len(blocks) // columns)
    how = "Line: median. Ticks: each window's first token (not in the bars). At 1 the map is no better than none."
    figure, axes = canvas(
        "Per-token error of the linear map",
        subtitle([errors]),
        [how, *notes([errors])],
        height=0.3 + 1.7 * rows,
        nrows=rows,
        ncols=columns,
        sharex=True,
    )
    relative, bins = errors.relative_error(), log_bins(errors)
    for ax, block in zip(axes, blocks, strict=False):
        _histogram(ax, relative[block], errors.is_first, bins)
        ax.set_title(f"block {block}")
    for spare in axes[len(blocks) :]:
        spare.remove()
    for ax in axes[len(blocks) - columns : len(blocks)]:
        ax.set_xlabel(f"{_RELATIVE} (log)")
    for ax in axes[::columns]:
        ax.set_ylabel("tokens")
    words = [_spread_in_words(f"Block {b}", relative[b], errors.is_first) for b in blocks]
    return Shown(
        figure,
        sentences(
            f"{len(blocks)} histograms of the {RELATIVE}, logarithmic axis. {run_size(errors)}.",
            *words,
            caveats([errors]),
        ),
        sentences(
            f"Histograms of the {RELATIVE} of each block's linear map, fitted on all tokens of the fit's windows.",
            f"{subtitle([errors])}. The paper's Fig. 9 draws the error itself, in normalised units.",
        ),
    )


def _histogram(ax: Axes, relative: np.ndarray, first: np.ndarray, bins: np.ndarray) -> None:
    inside = np.clip(relative, bins[0], bins[-1])
    ax.stairs(np.histogram(inside[~first], bins)[0], bins, fill=True, color=COLOURS["in-sample"], alpha=0.85)
    ax.axvline(np.median(relative[~first]), color=FAINT, lw=1.2)  # NaN, and so no line, where there is no answer
    level = np.full(first.sum(), 0.94)
    tick = {"ls": "none", "marker": "|", "ms": 9, "mew": 0.8, "color": COLOURS["no first token"]}
    ax.plot(inside[first], level, transform=ax.get_xaxis_transform(), **tick)
    ax.margins(y=0.2)  # room for the ticks above the bars
    ax.set_xscale("log")
    plain_log(ax.xaxis)


def _spread_in_words(label: str, relative: np.ndarray, first: np.ndarray) -> str:
    rest = relative[~first]
    if np.isnan(rest).any() or not len(rest):
        return f"{label}: {NO_ANSWER}."
    middle, high = np.quantile(rest, [0.5, 0.99])
    firsts = f", first tokens {number(np.median(relative[first]))}" if first.any() else ""
    return f"{label}: median {number(middle)}, 99th percentile {number(high)}{firsts}."


def token_counts(errors: TokenErrors, counts: Mapping[int, int] | None = None) -> np.ndarray:
    """(n,): how often each token's id occurs, in the given sample or else among the held-out tokens themselves."""
    if counts is None:
        _, index, own = np.unique(errors.token_id, return_inverse=True, return_counts=True)
        return own[index]
    return np.array([counts.get(int(i), 0) for i in errors.token_id])


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0, ties sharing their mean rank."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[index]


def frequency_correlation(errors: TokenErrors, counts: Mapping[int, int] | None = None) -> np.ndarray:
    """(L,): Spearman correlation of a token's frequency with its relative error; negative if rare tokens err more.

    First tokens of windows are left out, in the correlation and in the map's fit. NaN where an error is NaN.
    """
    frequency = ranks(token_counts(errors, counts)[~errors.is_first])
    relative = errors.relative_error(no_first=True)[:, ~errors.is_first]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.array([np.nan if np.isnan(e).any() else np.corrcoef(frequency, ranks(e))[0, 1] for e in relative])


def frequency_bins(counts: np.ndarray) -> np.ndarray:
    """Edges 1, 4, 16, 64 … beyond the most frequent token; 0 comes first where some token was never counted."""
    top = int(np.ceil(np.log2(max(counts.max(), 1) + 1) / 2))
    edges = 4.0 ** np.arange(top + 1)
    return np.concatenate([[0], edges]) if counts.min() == 0 else edges


def mean_by_bin(
    values: np.ndarray, bins: np.ndarray, n_bins: int, windows: np.ndarray, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of values in each bin (n_bins,) and its 95 % bootstrap interval (2, n_bins), resampling whole windows."""
    _, window = np.unique(windows, return_inverse=True)
    n_windows, cell = window.max() + 1, window * n_bins + bins
    sums = np.bincount(cell, values, n_windows * n_bins).reshape(n_windows, n_bins)
    sizes = np.bincount(cell, minlength=n_windows * n_bins).reshape(n_windows, n_bins)
    drawn = np.random.default_rng(seed).multinomial(n_windows, np.full(n_windows, 1 / n_windows), size=_RESAMPLES)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, resampled = sums.sum(0) / sizes.sum(0), (drawn @ sums) / (drawn @ sizes)
    ends, known = np.full((2, n_bins), np.nan), np.isfinite(mean)
    ends[:, known] = np.nanpercentile(resampled[:, known], [2.5, 97.5], axis=0)  # NaN: a bin that was not drawn
    return mean, ends


@use()
def error_by_frequency(
    errors: TokenErrors, counts: Mapping[int, int] | None = None, blocks: Sequence[int] | None = None
) -> Shown:
    """Does rarity carry the error? Mean relative error by how often a token occurs, for a few blocks."""
    blocks = spread(errors.L, 4) if blocks is None else tuple(blocks)
    where = "held-out text" if counts is None else "sample counted"
    how = "First tokens left out. Bars: 95 % bootstrap interval over windows. ρ: Spearman correlation over tokens."
    figure, (ax,) = canvas("Do rare tokens carry the error?", subtitle([errors]), [how, *notes([errors])], height=3.2)
    rho = frequency_correlation(errors, counts)
    words = _frequency_lines(ax, errors, token_counts(errors, counts), blocks, rho)
    ax.set_xlabel(f"times the token occurs in the {where}")
    ax.set_ylabel(f"mean {_RELATIVE}")
    legend_above(ax, columns=4)
    return Shown(
        figure,
        sentences(f"Line chart with error bars. {run_size(errors)}.", *words, caveats([errors])),
        sentences(
            f"Mean {RELATIVE} of tokens grouped by how often they occur in the {where};",
            f"the map was fitted without first tokens. {subtitle([errors])}.",
            describe("Spearman correlation of frequency and error over all blocks", rho, number),
        ),
    )


def _frequency_lines(ax: Axes, errors: TokenErrors, counts: np.ndarray, blocks, rho: np.ndarray) -> list[str]:
    """A line a block, its points side by side inside a bin so that intervals can be told apart; returns the words."""
    rest = ~errors.is_first
    edges = frequency_bins(counts[rest])
    used, bins = np.unique(np.searchsorted(edges, counts[rest], side="right") - 1, return_inverse=True)
    relative, words = errors.relative_error(no_first=True)[:, rest], []
    for i, block in enumerate(blocks):
        mean, ends = mean_by_bin(relative[block], bins, len(used), errors.window[rest])
        place = np.arange(len(used)) + 0.07 * (i - (len(blocks) - 1) / 2)
        look = {"color": MODEL_COLOURS[i % 6], "marker": MARKERS[i % 6], "ms": 5, "capsize": 2, "elinewidth": 1}
        ax.errorbar(place, mean, np.abs(ends - mean), label=f"block {block}, ρ = {number(rho[block])}", **look)
        words.append(
            f"Block {block}: mean relative error {number(mean[0])} for the rarest tokens, {number(mean[-1])} for the "
            f"most frequent, correlation {number(rho[block])}."
        )
    ax.set_xticks(range(len(used)), [_bin_name(edges, b) for b in used])
    return words


def _percent(share: float) -> str:
    return f"{number(100 * share)} %"


def _bin_name(edges: np.ndarray, b: int) -> str:
    low = int(edges[b])
    high = int(edges[b + 1]) - 1 if b + 1 < len(edges) else None
    return f"≥ {low}" if high is None else str(low) if high <= low else f"{low}–{high}"


def worst_share(error2: np.ndarray, share: float = 0.01) -> np.ndarray:
    """(L,): part of the total squared error that the worst `share` of the tokens hold; error2 is (L, n)."""
    error2 = error2.astype(np.float64)
    k = max(1, round(share * error2.shape[1]))
    worst = np.partition(error2, -k, axis=1)[:, -k:]
    with np.errstate(invalid="ignore", divide="ignore"):
        return worst.sum(1) / error2.sum(1)


@use()
def heavy_tails(errors: TokenErrors) -> Shown:
    """How much of each block's squared error the worst hundredth of the tokens hold."""
    figure, (ax,) = canvas("How few tokens carry the error?", subtitle([errors]), notes([errors]), height=2.8)
    lines = [
        ("all tokens", "in-sample", "o", worst_share(errors.error2)),
        ("first token out", "no first token", "s", worst_share(errors.error2_no_first[:, ~errors.is_first])),
    ]
    for label, role, marker, values in lines:
        ax.plot(range(errors.L), 100 * values, color=COLOURS[role], marker=marker, label=label)
    ax.axhline(1, color=FAINT, lw=1, ls=":", label="1 %, if all tokens erred alike")
    ax.set_ylim(bottom=0)
    ax.set_ylabel("% of the squared error")
    block_axis(ax, errors.L)
    legend_above(ax)
    words = [describe(f"Worst 1 % of tokens, {label}", values, _percent) for label, _, _, values in lines]
    return Shown(
        figure,
        sentences(f"Line chart against block number. {run_size(errors)}.", *words, caveats([errors])),
        sentences(
            "Share of the total squared error ‖e_t‖² that the worst 1 % of the tokens hold, block by block.",
            f"{subtitle([errors])}.",
        ),
    )
