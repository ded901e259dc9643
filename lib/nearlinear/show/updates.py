"""Figures without the residual: Fig. 1 right, the sizes of Fig. 3, and the identity that joins them to Fig. 1 left."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.records import PerBlock
from nearlinear.results.types import LinearityProfile

from .scores import INTERVAL, Profiles, as_tuple, draw_control, gap, looks
from .series import LOWEST, controls_of
from .shown import Shown
from .style import COLOURS, FAINT, block_axis, canvas, legend_above, log_y, plain_log, use
from .words import (
    NO_ANSWER,
    caveats,
    describe,
    held_out_size,
    notes,
    number,
    run_size,
    score,
    sentences,
    subtitle,
    warning,
)


@use()
def update_scores_by_block(profiles: Profiles) -> Shown:
    """Fig. 1 right: the score of the update alone, one panel a model, under every control."""
    profiles = as_tuple(profiles)
    columns = min(len(profiles), 2)
    rows = -(-len(profiles) // columns)
    heading = subtitle(profiles, *map(held_out_size, profiles)) if len(profiles) == 1 else ""
    figure, axes = canvas(
        "Update score by block: the residual taken out",
        heading,
        [INTERVAL, *notes(profiles)],
        warning(profiles),
        height=3.0 if rows == 1 else 2.6 * rows,
        nrows=rows,
        ncols=columns,
        sharey=True,
    )
    words = [
        sentences(f"{subtitle([p], held_out_size(p))}.", *_update_panel(ax, p))
        for ax, p in zip(axes, profiles, strict=False)
    ]
    for spare in axes[len(profiles) :]:
        spare.remove()
    for ax in axes[::columns]:
        ax.set_ylabel("update score")
    if not heading:
        for ax, p in zip(axes, profiles, strict=False):
            ax.set_title(f"{run_size(p)}\n{held_out_size(p)}".replace(": ", "\n", 1), size=8)
    legend_above(axes[0])
    return Shown(
        figure,
        sentences("Line charts of the update score against block number.", *words, caveats(profiles)),
        sentences(
            "Share of each block's update that a linear map of its input explains: in-sample with all tokens, without",
            "the first token of each window, held out without it, and held out without massive tokens as well.",
            *(f"{subtitle([p], held_out_size(p))}." for p in profiles),
            INTERVAL,
            floor_note(profiles),
        ),
    )


def _update_panel(ax: Axes, profile: LinearityProfile) -> list[str]:
    """Draw one model's three curves; returns what they show, in words."""
    series = controls_of(profile, "update_scores")
    for one in series:
        draw_control(ax, one, lambda values: np.maximum(values, LOWEST))
        for block in below_the_floor(one.values):
            label = f" {score(one.values[block])} ↓"
            ax.annotate(label, (block, LOWEST), size=7, color=COLOURS[one.role], va="center")
    block_axis(ax, profile.L)
    return [describe(one.label, one.values) for one in series]


def below_the_floor(values: PerBlock) -> list[int]:
    """Blocks whose score lies below what is drawn."""
    return [block for block, value in enumerate(values) if value < LOWEST]


def floor_note(profiles: Sequence[LinearityProfile]) -> str:
    """A word of warning where a curve leaves the figure; nothing where none does."""
    values = [v for p in profiles for s in controls_of(p, "update_scores") for v in s.values]
    return f"Scores below {number(LOWEST)} are drawn there, with their number." if below_the_floor(values) else ""


@use()
def update_sizes(profiles: Profiles) -> Shown:
    """Fig. 3: how large a block's update is beside the stream it joins, and the centred energies of the identity."""
    profiles = as_tuple(profiles)
    how = (
        "Left: mean over all tokens. Right: with markers all tokens; pale and broad without each window's first token."
    )
    figure, (left, right) = canvas(
        "How large is a block's update?",
        subtitle(profiles),
        [how, *notes(profiles)],
        warning(profiles),
        height=3.1,
        ncols=2,
    )
    words = []
    for look, p in zip(looks(profiles), profiles, strict=True):
        look.plot(left, p.norm_ratio)
        look.plot(right, p.energy_ratio_no_first_token, alpha=0.4, marker=None, lw=3, label=None)
        look.plot(right, p.energy_ratio)
        words += [describe(f"{run_size(p)}. Norm ratio", p.norm_ratio, number)]
        words += [describe("Energy ratio, all tokens", p.energy_ratio, number)]
        words += [describe("Energy ratio, first token out", p.energy_ratio_no_first_token, number)]
    labels = r"mean $\|\delta_t\|\,/\,\|y_t\|$ (log)", r"$\|\Delta\|^2/\,\|Y\|^2$, centred (log)"
    for ax, label in zip((left, right), labels, strict=True):
        block_axis(ax, max(p.L for p in profiles))
        log_y(ax)
        plain_log(ax.yaxis)
        ax.set_ylabel(label)
    left.set_title("norm ratio (the paper's Fig. 3)")
    right.set_title("energy ratio (the one in the identity)")
    legend_above(left)
    return Shown(
        figure,
        sentences("Two line charts on logarithmic axes against block number.", *words, caveats(profiles)),
        sentences(
            "Size of each block's update beside its output. Left, as in Fig. 3: the mean over tokens of ‖δ_t‖/‖y_t‖.",
            "Right: ‖Δ‖²/‖Y‖² of the centred matrices, with and without the first token of each window.",
            f"{subtitle(profiles)}.",
        ),
    )


@use()
def identity(profile: LinearityProfile) -> Shown:
    """1 − s against (1 − s_Δ)·‖Δ‖²/‖Y‖²: every block lies on the diagonal, because both maps leave the same error."""
    figure, (ax,) = canvas(
        "One error, two scores", subtitle([profile]), notes([profile]), warning([profile]), height=3.3
    )
    rest = profile.no_first_token
    every = gap(profile.scores), _predicted(profile.update_scores, profile.energy_ratio)
    without = gap(rest.scores), _predicted(rest.update_scores, profile.energy_ratio_no_first_token)
    ax.plot(every[1], every[0], "o", ms=6, color=COLOURS["in-sample"], label="all tokens")
    ax.plot(without[1], without[0], "s", ms=6, mfc="none", color=COLOURS["no first token"], label="first token out")
    known = np.concatenate([*every, *without])
    known = known[np.isfinite(known)]
    ends = (known.min() / 2, known.max() * 2) if len(known) else (1e-3, 1.0)
    ax.plot(ends, ends, color=FAINT, lw=1, zorder=0, label="equal")
    ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    ax.set_xlabel(r"$(1 - s_\Delta)\,\|\Delta\|^2/\,\|Y\|^2$ (log)")
    ax.set_ylabel(r"$1 - s$ (log)")
    ax.legend(loc="upper left")
    result = _on_the_diagonal([*every[0], *without[0]], [*every[1], *without[1]])
    return Shown(
        figure,
        sentences(
            f"Scatter chart on logarithmic axes, two points a block. {run_size(profile)}. {result}",
            describe("1 − score, all tokens", every[0], number),
            describe("1 − score, first token out", without[0], number),
            caveats([profile]),
        ),
        sentences(
            "The score's distance from 1 against the update score's, times the update's share of the energy:",
            f"{subtitle([profile])}. {result}",
        ),
    )


def _on_the_diagonal(left: Sequence[float], right: Sequence[float]) -> str:
    """How far the two sides of the identity are apart, in words; blocks without an answer are left aside."""
    apart = [abs(a / b - 1) for a, b in zip(left, right, strict=True) if np.isfinite(a / b)]
    if not apart:
        return f"There is {NO_ANSWER} for any block."
    verdict = "lies on the diagonal" if max(apart) < 1e-6 else "should lie on the diagonal, and does not"
    return f"Every block {verdict}: the two sides differ by a relative {number(max(apart))} at most."


def _predicted(update_scores: PerBlock, energy_ratio: PerBlock) -> np.ndarray:
    return gap(update_scores) * np.asarray(energy_ratio, float)
