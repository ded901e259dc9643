"""Figures of trainings with a term: both scores by layer, what it costs in loss, and what it does to its own target."""

import numpy as np

from nearlinear.results.regularised_views import NONE, Grid, Runs, Setting, at_end, grid_of, terms_of

from .learning_words import loss_said
from .regularised_words import (
    TERM_LOOKS,
    broken_said,
    mean_of,
    seeds_note,
    setting_name,
    size_said,
    strength_look,
    term_name,
)
from .shown import Shown
from .style import block_axis, canvas, legend_above, plain_log, use
from .words import number, score, sentences

SCORES = {"update_scores": ("s_Δ", score), "rest": ("1 − s (log)", number)}


def _values(runs: Runs, name: str) -> np.ndarray:
    """(seeds, L): s_Δ, or 1 − s."""
    return at_end(runs, "unexplained" if name == "rest" else name)


@use()
def regularised_scores(runs: Runs) -> Shown:
    """Fig. 4 with its controls: s_Δ and 1 − s by block, held out, a column for each term and a line for each λ."""
    grid = grid_of(runs)
    terms = terms_of(grid)
    figure, axes = canvas(
        "Linearity by layer and λ",
        size_said(runs),
        [f"{seeds_note(grid)} Held out at the end of training, first tokens left out.", broken_said(grid)],
        height=4.2,
        nrows=len(SCORES),
        ncols=len(terms),
        sharex=True,
        sharey="row",
    )
    words = []
    for i, (name, (label, say)) in enumerate(SCORES.items()):
        row = axes[i * len(terms) : (i + 1) * len(terms)]
        for ax, term in zip(row, terms, strict=True):
            for setting, each in _of_term(grid, term).items():
                values = _values(each, name)
                _by_block(ax, grid, setting, values)
                if i == 0 or setting != NONE:
                    words.append(f"{label}, {setting_name(setting)}, by block: {_said(values, say)}.")
            block_axis(ax, values.shape[1])
            if i == 0:
                ax.set_title(term_name(term))
            if i < len(SCORES) - 1:
                ax.set_xlabel("")
        row[0].set_ylabel(label)
    axes[-1].set_yscale("log")
    plain_log(axes[-len(terms)].yaxis)
    legend_above(axes[0], columns=5)
    what = "s_Δ above and 1 − s below, by block, for each term and λ: where 1 − s rises, s falls"
    words = list(dict.fromkeys(words))
    return Shown(figure, sentences(f"Line charts. {what}. {size_said(runs)}.", *words), f"{what}. {size_said(runs)}.")


def _of_term(grid: Grid, term: str) -> Grid:
    """No term, and a term at every λ."""
    return {setting: each for setting, each in grid.items() if setting == NONE or setting[0] == term}


def _by_block(ax, grid: Grid, setting: Setting, values: np.ndarray) -> None:
    colour, marker, line = strength_look(grid, setting)
    x = np.arange(values.shape[1])
    label = "no term" if setting == NONE else f"λ = {setting[1]:g}"
    ax.fill_between(x, np.fmin.reduce(values), np.fmax.reduce(values), color=colour, alpha=0.15, lw=0)
    ax.plot(x, [mean_of(column) for column in values.T], color=colour, marker=marker, ls=line, label=label)


def _said(values: np.ndarray, say) -> str:
    return ", ".join(say(mean_of(column)) for column in values.T)


COSTS = {
    "loss": "held-out loss",
    "cosine_term": "Σ (1 − cos), held out",
    "squared_term": "Σ ‖Δ‖² of a token, held out",
}


@use()
def regularised_losses(runs: Runs) -> Shown:
    """Held-out loss against λ, and what each term does to both terms."""
    grid = grid_of(runs)
    figure, axes = canvas(
        "What λ costs, and what it buys",
        size_said(runs),
        [f"{seeds_note(grid)} The loss is the plain one, without any term.", broken_said(grid)],
        height=2.7,
        ncols=len(COSTS),
    )
    words = []
    for ax, (name, label) in zip(axes, COSTS.items(), strict=True):
        for term in terms_of(grid):
            of_term = _of_term(grid, term)
            values = np.stack([at_end(each, name) for each in of_term.values()])  # (settings, seeds)
            colour, marker, line = TERM_LOOKS[term]
            x = np.arange(len(of_term)) + 0.06 * list(TERM_LOOKS).index(term)
            means = [mean_of(row) for row in values]
            ax.plot(x, means, color=colour, marker=marker, ls=line, label=term_name(term))
            ax.plot(np.repeat(x, values.shape[1]), values.ravel(), ".", color=colour, ms=3, alpha=0.6)
            strengths = [strength for _, strength in of_term]
            ax.set_xticks(range(len(strengths)), [f"{strength:g}" for strength in strengths])
            say = loss_said if name == "loss" else number
            told = ", ".join(f"{say(value)} at {s:g}" for value, s in zip(means, strengths, strict=True))
            words.append(f"{label}, {term_name(term)}, by λ: {told}.")
        ax.set(title=label, xlabel="λ")
        if name == "squared_term" and (values > 0).any():
            ax.set_yscale("log")
            plain_log(ax.yaxis)
    axes[0].set_ylabel("nats a byte" if runs[0].spec.reading.tokens == "bytes" else "nats a token")
    legend_above(axes[0], columns=2)
    what = "Held-out loss against λ, and both terms, each seed a dot"
    return Shown(figure, sentences(f"Line charts. {what}. {size_said(runs)}.", *words), f"{what}. {size_said(runs)}.")
