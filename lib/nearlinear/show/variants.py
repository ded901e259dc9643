"""Figure and table of the kinds of map: what of the damage of removal each of them takes away."""

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.variants import ByVariant, VariantsStudy

from .findings import Finding
from .shown import Html, Shown
from .style import BLUE, FAINT, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, canvas, use
from .tables import table
from .words import caveats, notes, number, sentences, subtitle

NAMES = {
    "identity": "nothing (removed)",
    "mean_shift": "mean update only",
    "normalised_scale": "matrix in the score's scale",
    "no_intercept": "matrix, intercept dropped",
    "through_origin": "matrix fitted without intercept",
    "affine": "affine map",
    "affine_ridge": "affine map with ridge",
}
"""What a reader calls a kind of map."""

_COLOURS = dict(zip(NAMES, (GREY, ORANGE, PURPLE, VERMILLION, SKY, BLUE, GREEN), strict=True))


@use()
def map_variants(study: VariantsStudy) -> Shown:
    """Added log-loss by kind of map, a panel for each block; filled points have the most tokens behind them."""
    figure, axes = canvas(
        "Which part of the map does the work?",
        subtitle([study]),
        [
            "Added nats: of log-loss, a token. Bars: 95 % paired bootstrap interval over documents.",
            _tokens_note(study),
            *notes([study]),
        ],
        height=3.2,
        ncols=len(study.blocks),
        sharey=True,
    )
    for ax, block in zip(axes, study.blocks, strict=True):
        _panel(ax, study, block)
    return Shown(
        figure,
        sentences(
            "Points with intervals: log-loss added by one changed block, for each kind of map.",
            *(_describe(study, block) for block in study.blocks),
            f"{subtitle([study])}.",
            caveats([study]),
        ),
        sentences(
            "Log-loss that one changed block adds to the unchanged model, by what stands in its place.",
            f"{subtitle([study])}.",
        ),
    )


def _panel(ax: Axes, study: VariantsStudy, block: int) -> None:
    kinds = _kinds(study)
    ax.set_title(f"block {block}")
    for i, n_fit in enumerate(study.n_fits):
        last = n_fit == study.n_fits[-1]
        shift = 0.16 * (i - (len(study.n_fits) - 1) / 2)
        for place, kind in enumerate(kinds):
            one = study.of(block, n_fit, kind)
            if kind in _WITHOUT_FIT and not last:
                continue
            bars = [[one.difference - one.interval[0]], [one.interval[1] - one.difference]]
            look = {"color": _COLOURS[kind], "mfc": _COLOURS[kind] if last else "none"}
            ax.errorbar([one.difference], [place + shift], xerr=bars, fmt="o" if last else "s", ms=5, lw=1.2, **look)
    ax.axvline(0, color=FAINT, lw=1)
    ax.set_yticks(range(len(kinds)), [NAMES[kind] for kind in kinds])
    ax.invert_yaxis()
    ax.set_xlabel("added nats" if len(study.blocks) > 1 else "added log-loss (nats a token)")


_WITHOUT_FIT = ("identity",)
"""Needs no tokens, so it is drawn once."""


def _kinds(study: VariantsStudy) -> list[str]:
    found = {one.variant for one in study.found}
    return [kind for kind in NAMES if kind in found]


def _tokens_note(study: VariantsStudy) -> str:
    many = f"n/d = {study.n_fits[-1] / study.d:.1f}"
    if len(study.n_fits) == 1:
        return f"Maps fitted on {study.n_fits[0]:,} tokens ({many})."
    few = f"{study.n_fits[0]:,} tokens (n/d = {study.n_fits[0] / study.d:.1f})"
    return f"Filled circles: maps fitted on {study.n_fits[-1]:,} tokens ({many}); open squares: on {few}."


def _describe(study: VariantsStudy, block: int) -> str:
    said = (f"{NAMES[kind]} {number(study.of(block, study.n_fits[-1], kind).difference)}" for kind in _kinds(study))
    return f"Block {block}: {', '.join(said)}."


def variants_table(study: VariantsStudy) -> Html:
    """Perplexity and the damage that is left, as a share of removal's, for every kind of map and block."""
    head = ("in the place of the block", *(f"block {block}" for block in study.blocks))
    rows = []
    for n_fit in study.n_fits:
        kinds = _kinds(study) if n_fit == study.n_fits[-1] else [k for k in _kinds(study) if k not in _WITHOUT_FIT]
        size = f" ({n_fit:,} tokens)" if len(study.n_fits) > 1 else ""
        rows += [
            [
                NAMES[kind] + ("" if kind in _WITHOUT_FIT else size),
                *(_cell(study.of(block, n_fit, kind), study.of(block, n_fit, "identity")) for block in study.blocks),
            ]
            for kind in kinds
        ]
    title = f"Perplexity with one block changed, where the unchanged model has {number(study.dense_perplexity)}"
    return table(title, head, rows)


def _cell(one: ByVariant, removal: ByVariant) -> str:
    if one.variant in _WITHOUT_FIT:
        return f"<b>{number(one.perplexity)}</b>"
    share = f"{100 * recovered(one, removal):.0f} %".replace("-", "−")
    return f"<b>{number(one.perplexity)}</b><br>{share} recovered"


def recovered(one: ByVariant, removal: ByVariant) -> float:
    """Share of the log-loss that removal adds which the map takes away again; below zero where it does harm."""
    return 1 - one.difference / removal.difference if removal.difference else float("nan")


def variants_findings(study: VariantsStudy) -> list[Finding]:
    """What the best map gives back, what the intercept is worth, and what too few tokens cost."""
    most, few = study.n_fits[-1], study.n_fits[0]

    def median(kind: str, n_fit: int) -> float:
        shares = [recovered(study.of(b, n_fit, kind), study.of(b, n_fit, "identity")) for b in study.blocks]
        return 100 * float(np.nanmedian(shares))

    what = f"of removal's damage taken away, in per cent, median of blocks {', '.join(map(str, study.blocks))}"
    return [
        *(
            Finding(f"variant-{kind.replace('_', '-')}", median(kind, most), f"{NAMES[kind]}: {what}")
            for kind in _kinds(study)
            if kind not in _WITHOUT_FIT
        ),
        *(
            []
            if few == most
            else [Finding("variant-few", median("affine", few), f"affine map, {few:,} tokens: {what}")]
        ),
    ]
