"""Figures of probes: what a plane reads out of each state, by term and λ, and how much more than without a term."""

import numpy as np

from nearlinear.results.drift_groups import student
from nearlinear.results.regularised_views import NONE, Grid, Runs, gained, grid_of, over_items, read_out, terms_of

from .probes_words import MAJORITY, NOTHING, accuracies, is_read_out, majority_of, percent, probe_said, states_said
from .regularised_words import broken_said, setting_name, size_said, strength_look, term_name
from .shown import Html, Shown
from .style import GREY, INK, block_axis, canvas, legend_above, use
from .words import sentences


def probes_by_layer(runs: Runs) -> Shown | Html:
    """Fig. 5 with seeds: accuracy on test examples from each state, a panel for each term, a line for each λ."""
    return _by_layer(runs) if is_read_out(runs) else Html(f"<p>{NOTHING}</p>", NOTHING)


@use()
def _by_layer(runs: Runs) -> Shown:
    grid = grid_of(runs)
    terms, words = terms_of(grid) or ["none"], []
    figure, axes = canvas(
        "What is read out of each state",
        f"{size_said(runs)} · {probe_said(runs)}",
        [
            "Line: mean over seeds; band: from the lowest to the highest. Dotted: the same model before training.",
            f"Line across: {MAJORITY}.",
            broken_said(grid),
        ],
        height=3.0,
        ncols=len(terms),
        sharey=True,
    )
    for ax, term in zip(axes, terms, strict=True):
        for setting, each in grid.items():
            if setting != NONE and setting[0] != term:
                continue
            found = accuracies(each)
            if not len(found):
                continue
            colour, marker, line = strength_look(grid, setting)
            x = np.arange(found.shape[1])
            label = "no term" if setting == NONE else f"λ = {setting[1]:g}"
            ax.fill_between(x, found.min(0), found.max(0), color=colour, alpha=0.15, lw=0)
            ax.plot(x, found.mean(0), color=colour, marker=marker, ls=line, label=label)
            words.append(f"{setting_name(setting)}, by state: {states_said(found)}.")
        _before(ax, grid)
        ax.axhline(majority_of(runs), color=INK, lw=0.8)
        block_axis(ax, runs[0].spec.architecture.L + 1)
        ax.set(title=term_name(term), xlabel="state (0: before the first block)")
    axes[0].set_ylabel("right")
    legend_above(axes[0], columns=5)
    what = "Share of test examples that a probe gets right from each state, by term and λ"
    said = list(dict.fromkeys(words))
    size = f"{size_said(runs)}. {probe_said(runs)}. {MAJORITY[0].upper()}{MAJORITY[1:]}: {percent(majority_of(runs))}"
    return Shown(figure, sentences(f"Line charts. {what}. {size}.", *said), f"{what}. {size}.")


def _before(ax, grid: Grid) -> None:
    """What a model reads that has learnt nothing, where it was probed before training."""
    first = [run for run in grid[NONE] if len(run.probed) > 1 and run.probed[0].step == 0]
    if first:
        values = np.mean([run.probed[0].accuracy for run in first], 0)
        ax.plot(range(len(values)), values, ls=":", color=GREY, lw=1.2, label="before training")


def probes_gained(runs: Runs) -> Shown | Html:
    """How many more test examples are read out than without a term, state by state, with intervals over seeds."""
    if not is_read_out(runs):
        return Html(f"<p>{NOTHING}</p>", NOTHING)
    return _gained(runs)


@use()
def _gained(runs: Runs) -> Shown:
    grid = grid_of(runs)
    settings = [setting for setting in grid if setting != NONE]
    terms, words = terms_of(grid), []
    figure, axes = canvas(
        "More, or less, than without a term",
        f"{size_said(runs)} · {probe_said(runs)}",
        [
            "In points, seed against seed, with 95 % intervals. Thick bars: over test examples, seeds as they are;",
            "thin: over seeds (Student's t), examples as they are.",
            broken_said(grid),
        ],
        height=2.9,
        ncols=max(len(terms), 1),
        sharey=True,
    )
    for ax, term in zip(axes, terms, strict=False):
        of_term = [setting for setting in settings if setting[0] == term]
        for k, setting in enumerate(of_term):
            more = gained(read_out(grid[setting]), read_out(grid[NONE]))
            if len(more):
                colour, marker, _ = strength_look(grid, setting)
                x = np.arange(more.shape[1]) + 0.2 * (k - (len(of_term) - 1) / 2)
                _bars(ax, x, more, colour, marker, f"λ = {setting[1]:g}")
                told = ", ".join(f"{100 * value:+.1f}".replace("-", "−") for value in more.mean((0, 2)))
                words.append(f"{setting_name(setting)}, by state, in points: {told}.")
        ax.axhline(0, color=INK, lw=0.8)
        block_axis(ax, runs[0].spec.architecture.L + 1)
        ax.set(title=term_name(term), xlabel="state (0: before the first block)")
    axes[0].set_ylabel("points more right")
    legend_above(axes[0], columns=4)
    what = "Test examples that a probe gets right from each state, more or fewer than without a term"
    size = f"{size_said(runs)}. {probe_said(runs)}"
    return Shown(figure, sentences(f"Charts of points with bars. {what}. {size}.", *words), f"{what}. {size}.")


def _bars(ax, x: np.ndarray, more: np.ndarray, colour: str, marker: str, label: str) -> None:
    """`more` (seeds, states, n)."""
    by_seed = 100 * more.mean(2)
    low, high = 100 * over_items(more).T
    ends = np.array([student(column) for column in by_seed.T])
    ax.vlines(x, *ends.T, color=colour, lw=0.7)
    ax.vlines(x, low, high, color=colour, lw=2.4, alpha=0.6)
    ax.plot(x, by_seed.mean(0), marker, color=colour, ms=3.4, label=label)
