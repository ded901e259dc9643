"""Figures of the score with the residual: Fig. 1 left, and what the controls leave of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.types import LinearityProfile

from .series import Series, controls_of
from .shown import Shown
from .style import COLOURS, DASHES, MARKERS, MODEL_COLOURS, block_axis, canvas, legend_above, log_y, use
from .words import (
    base_name,
    caveats,
    describe,
    held_out_size,
    is_encoder,
    is_random,
    model_name,
    notes,
    run_size,
    sentences,
    subtitle,
    warning,
)

Profiles = LinearityProfile | Sequence[LinearityProfile]

INTERVAL = "Shaded: 95 % bootstrap interval over documents."


def as_tuple(profiles: Profiles) -> tuple[LinearityProfile, ...]:
    """One result or several, always as a tuple. Raises ValueError when there is none."""
    results = tuple(profiles) if isinstance(profiles, list | tuple) else (profiles,)
    if not results:
        raise ValueError("there is nothing to show: give at least one result")
    return results


@dataclass(frozen=True)
class Look:
    """How one model is drawn: colour by model, dashes for random weights, open squares for encoders."""

    colour: str
    marker: str
    dashes: str | tuple[int, tuple[int, int]]
    label: str

    def plot(self, ax: Axes, values: Sequence[float], **more) -> None:
        face = "white" if self.marker == "s" or self.dashes != "-" else self.colour
        settings = {"color": self.colour, "marker": self.marker, "ls": self.dashes, "label": self.label}
        ax.plot(range(len(values)), values, **settings | {"markerfacecolor": face} | more)


def looks(profiles: Sequence[LinearityProfile]) -> list[Look]:
    """A look for each: a random twin takes its model's colour, so that the pair is seen as one."""
    models = [p for p in profiles if not is_random(p.provenance)]
    names = list(dict.fromkeys([*map(base_name, (p.provenance for p in models + list(profiles)))]))
    decoders = [n for n in names if n not in {base_name(p.provenance) for p in profiles if is_encoder(p)}]

    def look(profile: LinearityProfile) -> Look:
        label = model_name(profile.provenance)
        if is_encoder(profile):
            return Look(COLOURS["encoder"], "s", "-", f"{label} (encoder)")
        place = decoders.index(base_name(profile.provenance)) % len(MODEL_COLOURS)
        random = is_random(profile.provenance)
        marker = [m for m in MARKERS if m != "s"][place % (len(MARKERS) - 1)]
        return Look(MODEL_COLOURS[place], marker, DASHES if random else "-", label)

    return [look(p) for p in profiles]


def gap(values: Sequence[float]) -> np.ndarray:
    """1 - score, for a logarithmic axis: a gap of zero or less has no logarithm and is left out."""
    distance = 1 - np.asarray(values, float)
    return np.where(distance > 0, distance, np.nan)


def score_and_gap_axes(axes: Sequence[Axes], L: int, score: str = "score") -> None:
    """Left the score, right its distance from 1 on a logarithmic axis, where 0.99 and 0.9999 can be told apart."""
    for ax in axes:
        block_axis(ax, L)
    axes[0].set_ylabel(score)
    axes[1].set_ylabel(f"1 − {score} (log)")
    log_y(axes[1])


@use()
def scores_by_block(profiles: Profiles) -> Shown:
    """Fig. 1 left, paper-compatible: in-sample, first token in, with the residual; any number of models."""
    profiles = as_tuple(profiles)
    figure, axes = canvas(
        "Linearity score by block, as the paper computes it",
        subtitle(profiles),
        ["In-sample, first token of each window in, with the residual.", *notes(profiles)],
        warning(profiles),
        height=2.9,
        ncols=2,
    )
    for look, profile in zip(looks(profiles), profiles, strict=True):
        look.plot(axes[0], profile.scores)
        look.plot(axes[1], gap(profile.scores))
    score_and_gap_axes(axes, max(p.L for p in profiles))
    legend_above(axes[0])
    lines = [describe(run_size(p), p.scores) for p in profiles]
    return Shown(
        figure,
        sentences(
            "Two line charts of the linearity score against block number; on the right as 1 − score.",
            *lines,
            caveats(profiles),
        ),
        sentences(
            "Linearity score of each block (in-sample, first token in, with the residual): left on a linear axis,",
            "right as its distance from 1 on a logarithmic one.",
            f"{subtitle(profiles)}.",
        ),
    )


def draw_control(ax: Axes, series: Series, change: Callable = np.asarray) -> None:
    """One control's curve, `change`d, with its interval shaded where it has one."""
    colour, blocks = COLOURS[series.role], range(len(series.values))
    ax.plot(blocks, change(series.values), color=colour, marker=series.marker, label=series.label)
    if series.intervals:
        low, high = np.array(series.intervals, float).T
        ax.fill_between(blocks, change(low), change(high), color=colour, alpha=0.22, lw=0)


def _twin_band(axes: Sequence[Axes], twins: Sequence[LinearityProfile], label: str) -> np.ndarray:
    """Mean and range over seeds of the random twins, drawn in both panels; returns the mean."""
    table = np.array([controls_of(t, "scores")[-1].values for t in twins], float)  # (seeds, L)
    mean, blocks = table.mean(0), range(table.shape[1])
    colour = COLOURS["random twin"]
    for ax, change in zip(axes, (np.asarray, gap), strict=True):
        ax.fill_between(blocks, change(table.min(0)), change(table.max(0)), color=colour, alpha=0.25, lw=0)
        ax.plot(blocks, change(mean), color=colour, ls=DASHES, label=label)
    return mean


@use()
def controls(profile: LinearityProfile, twins: Profiles = ()) -> Shown:
    """One model's score under every control: first token out, held out with its interval, random weights.

    Twins are shown under the strictest control. Raises ValueError when the model has held-out scores and a twin none.
    """
    twins = as_tuple(twins) if twins else ()
    if any((t.held_out is None) != (profile.held_out is None) for t in twins):
        raise ValueError("a model and its random twins must both have held-out scores, or neither")
    figure, axes = canvas(
        "What the controls leave of the score",
        subtitle([profile], held_out_size(profile)),
        [INTERVAL, *notes([profile])] if profile.held_out else notes([profile]),
        warning([profile, *twins]),
        height=3.1,
        ncols=2,
    )
    series = controls_of(profile, "scores")
    for ax, change in zip(axes, (np.asarray, gap), strict=True):
        for one in series:
            draw_control(ax, one, change)
    words = [describe(one.label, one.values) for one in series]
    if twins:
        seeds = f"{len(twins)} seed{'s' if len(twins) > 1 else ''}"
        label = f"random weights ({seeds}), {series[-1].label}"
        words.append(describe(label, _twin_band(axes, twins, label)))
    score_and_gap_axes(axes, profile.L)
    legend_above(axes[0], columns=2)
    return Shown(
        figure,
        sentences(
            f"Line charts of the score against block number. {subtitle([profile], held_out_size(profile))}.",
            *words,
            caveats([profile, *twins]),
        ),
        sentences(
            f"The linearity score of {subtitle([profile], held_out_size(profile))}, under each control.",
            INTERVAL if profile.held_out else "",
        ),
    )
