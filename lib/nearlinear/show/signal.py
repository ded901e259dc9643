"""Figures of signal propagation: how alike the tokens become with depth, and what gradient is left for each matrix."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.signal import MATRICES, Mask, SignalStudy, Stack, Tokens

from .shown import Shown
from .style import BLUE, DASHES, GREEN, GREY, INK, ORANGE, PURPLE, SKY, VERMILLION, canvas, legend_above, use
from .words import number, sentences

NAMES: dict[Stack, str] = {
    "attention": "attention alone",
    "attention-norm": "attention, norm",
    "skipless": "attention, norm, MLP",
    "attention-skip": "attention, norm, skip",
    "post-ln": "Post-LN",
    "pre-ln": "Pre-LN",
    "parallel": "parallel",
    "v-skipinit-value-skip": "V-SkipInit, αI + βA",
    "v-skipinit": "V-SkipInit, shaped",
    "sas": "SAS",
    "sas-p": "SAS-P",
    "sas-p-no-norm": "SAS-P, no norm",
}
"""What a reader calls a stack."""

_DOTTED = (0, (1, 1.6))
LOOKS: dict[Stack, tuple[str, str, object]] = {
    "attention": (VERMILLION, "o", "-"),
    "attention-norm": (VERMILLION, "s", DASHES),
    "skipless": (ORANGE, "^", "-"),
    "attention-skip": (PURPLE, "D", DASHES),
    "post-ln": (PURPLE, "v", "-"),
    "pre-ln": (BLUE, "o", "-"),
    "parallel": (SKY, "s", "-"),
    "v-skipinit-value-skip": (GREY, "D", DASHES),
    "v-skipinit": (GREY, "^", "-"),
    "sas": (GREEN, "o", "-"),
    "sas-p": (GREEN, "s", DASHES),
    "sas-p-no-norm": (GREEN, "v", _DOTTED),
}
"""Colour, marker and line of each: skipless ones warm, those with skips blue and purple, shaped ones grey and green."""

TOKEN_NAMES: dict[Tokens, str] = {"random": "random tokens", "text": "bytes of real text"}
MATRIX_NAMES = {"query": "W_Q", "key": "W_K", "value": "W_V"}

COLLAPSED = 0.01
"""Relative residual below which we call the tokens of a sequence alike."""

FLOOR, GRADIENT_FLOOR = 1e-17, 1e-30
"""Where the axes of the relative residual, which rounding keeps above 1e-16, and of the gradients begin."""


def how_made(study: SignalStudy) -> str:
    """Whether the numbers travel with the book or were computed where they are shown."""
    made = study.provenance
    return f"recorded {made.created[:10]}" if " results" in made.command else "computed for this page"


def size_of(study: SignalStudy, tokens: Tokens) -> str:
    """What was run, so that the short run can never pass for the long one."""
    seeds = f"{len(study.seeds)} seeds" if len(study.seeds) > 1 else "1 seed"
    size = f"{study.L} blocks, d = {study.d}, {study.h} heads · T = {study.T} {TOKEN_NAMES[tokens]}"
    return f"{size} · {seeds}, {study.provenance.dtype}, at initialisation · {how_made(study)}"


def survivors(study: SignalStudy, mask: Mask, tokens: Tokens) -> list[Stack]:
    """The stacks whose tokens are still different after the last block."""
    return [s for s in study.stacks if study.values(s, mask, tokens, "relative_residual")[:, -1].mean() > COLLAPSED]


@use()
def collapse_by_depth(study: SignalStudy, tokens: Tokens = "random") -> Shown:
    """The relative residual against depth, on a logarithmic axis, a panel for each mask."""
    figure, axes = canvas(
        "How different the tokens still are",
        size_of(study, tokens),
        [_spread(study), "Near 1e-16 there is only rounding left: float64 holds sixteen digits."],
        height=3.5,
        ncols=len(study.masks),
        sharey=True,
    )
    words = []
    for ax, mask in zip(axes, study.masks, strict=True):
        ax.set_title(f"{mask} attention")
        values = {s: study.values(s, mask, tokens, "relative_residual") for s in study.stacks}
        words += _lines(ax, study.depths, values)
        ax.set_xlabel("after so many blocks")
        ax.set_yscale("log")
    axes[0].set_ylim(FLOOR, 2)
    axes[0].set_ylabel("‖X − 1x̄ᵀ‖ / ‖X‖ (log)")
    legend_above(axes[0], columns=4)
    what = "The share of the states that is not the same for all tokens (relative residual), against depth"
    return _shown(figure, study, tokens, what, words, f"one panel for each mask ({', '.join(study.masks)}).")


@use()
def geometry_by_depth(study: SignalStudy, mask: Mask = "causal", tokens: Tokens = "random") -> Shown:
    """Residual, cosine, stable rank and kernel of the stacks whose tokens stay different, on plain axes."""
    kept = survivors(study, mask, tokens)
    figure, axes = canvas(
        f"What becomes of the geometry where it survives ({mask} attention)",
        size_of(study, tokens),
        [_spread(study), f"Left out: stacks whose relative residual ends below {COLLAPSED:g}."],
        height=5.2,
        nrows=2,
        ncols=2,
        sharex=True,
    )
    labels = ("relative residual", "mean cosine of two tokens", "stable rank", "mean diagonal of XXᵀ/d (log)")
    words = []
    for ax, measure, label in zip(
        axes, ("relative_residual", "cosine", "stable_rank", "diagonal"), labels, strict=True
    ):
        said = _lines(ax, study.depths, {s: study.values(s, mask, tokens, measure) for s in kept})
        ax.set_title(label)
        words += [f"{label}:", *said]
    for s in kept:
        off = study.values(s, mask, tokens, "off_diagonal").mean(0)
        axes[3].plot(study.depths, off, color=LOOKS[s][0], lw=0.8)
    axes[3].set_yscale("log")
    axes[3].annotate("thin: off the diagonal", (0.02, 0.94), xycoords="axes fraction", size=8, color=INK)
    for ax in axes[2:]:
        ax.set_xlabel("after so many blocks")
    legend_above(axes[0], columns=4)
    what = f"Relative residual, mean cosine, stable rank and kernel against depth, {mask} attention"
    return _shown(figure, study, tokens, what, words, "of the stacks whose tokens stay different.")


@use()
def gradients_by_block(study: SignalStudy, tokens: Tokens = "random") -> Shown:
    """Norms of the gradients of W_Q, W_K and W_V against the block, on a logarithmic axis, a row for each mask."""
    figure, axes = canvas(
        "What gradient is left for each matrix",
        size_of(study, tokens),
        [_spread(study), "A gradient of exactly zero has no place on this axis; the caption names them."],
        height=2.6 * len(study.masks),
        nrows=len(study.masks),
        ncols=len(MATRICES),
        sharex=True,
        sharey=True,
    )
    words = []
    for ax, (mask, matrix) in zip(axes, product(study.masks, MATRICES), strict=True):
        norms = {s: study.norms(s, mask, tokens, matrix) for s in study.stacks}
        drawn = {s: np.where(values > 0, values, np.nan) for s, values in norms.items()}
        words += [f"{mask}, {MATRIX_NAMES[matrix]}:", *_lines(ax, study.runs[0].gradients.block, drawn)]
        ax.set_title(f"∇{MATRIX_NAMES[matrix]}, {mask}")
        ax.set_yscale("log")
    axes[0].set_ylim(GRADIENT_FLOOR, None)
    for row, ax in enumerate(axes):
        ax.set_xlabel("block" if row >= len(axes) - len(MATRICES) else "")
        ax.set_ylabel("Frobenius norm (log)" if row % len(MATRICES) == 0 else "")
    legend_above(axes[0], columns=4)
    none = " ".join(dict.fromkeys(without_gradient(study, mask, tokens) for mask in study.masks))
    what = "Norm of the gradient of a next-token loss for each matrix, against the block"
    return _shown(figure, study, tokens, what, [*words, none], f"a row of panels for each mask. {none}")


def without_gradient(study: SignalStudy, mask: Mask, tokens: Tokens) -> str:
    """Which stacks have a gradient of exactly zero, and which have no such matrix but in their first block."""
    found = []
    for matrix in MATRICES:
        norms = {s: study.norms(s, mask, tokens, matrix) for s in study.stacks}
        zero = [NAMES[s] for s, values in norms.items() if not np.nan_to_num(values).any()]
        lacking = [NAMES[s] for s, values in norms.items() if np.isnan(values).any()]
        found += [f"Exactly zero for {MATRIX_NAMES[matrix]}: {'; '.join(zero)}."] if zero else []
        found += [f"No {MATRIX_NAMES[matrix]} after the first block: {'; '.join(lacking)}."] if lacking else []
    return sentences(*found)


def _lines(ax: Axes, x: Sequence[int], values: dict[Stack, np.ndarray]) -> list[str]:
    """One line a stack, the mean over seeds, with the range over seeds behind it; returns where each ends, in words."""
    for stack, each in values.items():
        colour, marker, line = LOOKS[stack]
        ax.fill_between(x, each.min(0), each.max(0), color=colour, alpha=0.18, lw=0)
        ax.plot(x, each.mean(0), color=colour, marker=marker, ls=line, lw=1.3, ms=3.2, markevery=4, label=NAMES[stack])
    return [_ends(NAMES[stack], x, each) for stack, each in values.items()]


def _ends(name: str, x: Sequence[int], values: np.ndarray) -> str:
    mean = values.mean(0)
    known = np.flatnonzero(~np.isnan(mean))
    if not len(known):
        return f"{name}: none."
    first, last = known[0], known[-1]
    return f"{name}: {number(mean[first])} at {x[first]}, {number(mean[last])} at {x[last]}."


def _spread(study: SignalStudy) -> str:
    if len(study.seeds) == 1:
        return "One seed of weights and tokens."
    return f"Line: mean over {len(study.seeds)} seeds of weights and tokens; band: from the lowest to the highest."


def _shown(figure, study: SignalStudy, tokens: Tokens, what: str, words: Sequence[str], more: str) -> Shown:
    size = size_of(study, tokens)
    return Shown(figure, sentences(f"Line charts. {what}. {size}.", *words), sentences(f"{what}, {more}", f"{size}."))
