"""The paradox taken apart: is s_Δ lower because more is unexplained, or because the update is smaller?"""

from html import escape

import numpy as np

from nearlinear.results.regularised_views import (
    NONE,
    PAPERS,
    Grid,
    Runs,
    Setting,
    account,
    at_end,
    at_equal_size,
    at_loss,
    common_loss,
    gap,
    grid_of,
    parts,
    terms_of,
)

from .drift_words import signed
from .learning_words import loss_said
from .regularised_words import (
    TERM_LOOKS,
    broken_said,
    change_told,
    mean_of,
    seeds_note,
    setting_name,
    size_said,
    strength_look,
    term_name,
    way,
)
from .shown import Html, Shown
from .style import BLUE, INK, ORANGE, block_axis, canvas, legend_above, plain_log, use
from .words import number, score, sentences


@use()
def regularised_account(runs: Runs) -> Shown:
    """Why s_Δ is another than without a term, by block: log(1 − s_Δ) = log(‖E‖²/‖Y‖²) − log(‖Δ‖²/‖Y‖²)."""
    grid = grid_of(runs)
    terms, strengths = terms_of(grid), sorted({strength for term, strength in grid if term != "none"})
    figure, axes = canvas(
        "Why s_Δ changes with λ",
        size_said(runs),
        [
            "Against no term with the same seed, at the end of training; natural logarithms, mean over seeds.",
            "Blue and orange add up to the mark. Above zero s_Δ is lower than without a term.",
            broken_said(grid),
        ],
        height=max(2.4, 1.7 * len(strengths)),
        nrows=len(strengths),
        ncols=len(terms),
        sharey=True,
        sharex=True,
    )
    words = []
    for ax, (term, strength) in zip(axes, [(t, s) for s in strengths for t in terms], strict=True):
        ax.set_title(setting_name((term, strength)))
        if (term, strength) not in grid:
            ax.set_axis_off()
            continue
        found = account(grid[term, strength], grid[NONE])
        unexplained, size = (np.array([mean_of(column) for column in part.T]) for part in found)
        x = np.arange(len(size))
        ax.bar(x - 0.2, unexplained, 0.4, color=BLUE, label="more is unexplained: ‖E‖² / ‖Y‖² is larger")
        ax.bar(x + 0.2, -size, 0.4, color=ORANGE, label="the update is smaller: ‖Δ‖² / ‖Y‖²")
        ax.plot(x, unexplained - size, "D", color=INK, ms=3.4, label="log(1 − s_Δ)")
        ax.axhline(0, color=INK, lw=0.8)
        block_axis(ax, len(size))
        words.append(_account_words(grid, (term, strength)))
    for ax in axes[: -len(terms)]:
        ax.set_xlabel("")
    legend_above(axes[0], columns=3)
    what = "The change of log(1 − s_Δ) that each term and λ bring, by block, and the two parts that it is made of"
    return Shown(figure, sentences(f"Bar charts. {what}. {size_said(runs)}.", *words), f"{what}. {size_said(runs)}.")


def _account_words(grid: Grid, setting: Setting) -> str:
    more, smaller = parts(grid[setting], grid[NONE])
    whole = mean_of(more.seeds) + mean_of(smaller.seeds)
    return (
        f"{setting_name(setting)}, mean over blocks: unexplained share {signed(mean_of(more.seeds), 2)}, smaller "
        f"update {signed(mean_of(smaller.seeds), 2)}, log(1 − s_Δ) {signed(whole, 2)}."
    )


CAUSES = {
    ("larger", True): "Both: more of the state is unexplained, and the update is smaller.",
    ("larger", False): "More of the state is unexplained: the blocks are less linear.",
    (
        "smaller",
        True,
    ): "The update is smaller; of the state less is unexplained than before, so blocks are more linear.",
    ("smaller", False): "Less of the state is unexplained: the blocks are more linear.",
    ("even", True): "The update is only smaller: no more of the state is unexplained for certain.",
    ("even", False): "Neither part is certain over seeds.",
}
"""(unexplained share, whether the update is smaller for certain) → what it means."""


def regularised_cause(runs: Runs) -> Html:
    """Which of the two parts it is, setting by setting, by intervals over seeds; in a sentence or two each."""
    grid, told = grid_of(runs), []
    for setting in grid:
        if setting != NONE:
            told.append(f"{setting_name(setting)}: {cause_said(grid, setting)}")
    return Html("".join(f"<p style='margin:2px 0'>{escape(line)}</p>" for line in told), " ".join(told))


def cause_said(grid: Grid, setting: Setting) -> str:
    """How s_Δ stands against no term, how both parts do, and what follows."""
    runs, plain = grid[setting], grid[NONE]
    update, (more, smaller) = gap(runs, plain, "update_scores"), parts(runs, plain)
    what = f"s_Δ is {way(update, neither='neither lower nor higher for certain')} ({change_told(update)})."
    sums = (
        f"Of the change of log(1 − s_Δ), the unexplained share is {change_told(more, 2)} and the smaller update "
        f"{change_told(smaller, 2)}."
    )
    cause = CAUSES[way(more, "smaller", "larger", "even"), smaller.rises]
    return f"{what} {sums}" if update.rises else f"{what} {sums} {cause}"


@use()
def regularised_at_equal(runs: Runs) -> Shown:
    """Both terms at equal loss and at equal update size: s_Δ against held-out loss on the way, and against the size."""
    grid = grid_of(runs)
    figure, (left, right) = canvas(
        "At equal loss, and at equal update size",
        size_said(runs),
        [
            "Left: each look of the way; the grey line is at a loss that all come down to. Right: a mark for each λ.",
            "Means over blocks, of s_Δ and of ‖Δ‖² / ‖Y‖², and over seeds.",
            broken_said(grid),
        ],
        height=3.1,
        ncols=2,
        sharey=True,
    )
    for setting, each in grid.items():
        colour, marker, line = strength_look(grid, setting)
        looks = [run.looks for run in each if not run.stopped]
        if not looks:
            continue
        losses = np.mean([[look.loss for look in of_run[1:]] for of_run in looks], 0)
        scores = np.mean([[look.no_first_token.update_scores.mean() for look in of_run[1:]] for of_run in looks], 0)
        line = ":" if setting[0] == "squared" else line if setting == NONE else "-"
        left.plot(losses, scores, color=colour, marker=marker, ls=line, ms=2.6, lw=1.1, label=setting_name(setting))
    level = common_loss(grid)
    left.axvline(level, color=INK, lw=0.8, alpha=0.5)
    left.invert_xaxis()
    for term in terms_of(grid):
        of_term = [each for setting, each in grid.items() if setting == NONE or setting[0] == term]
        colour, marker, line = TERM_LOOKS[term]
        points = [[mean_of(at_end(each, name).mean(1)) for each in of_term] for name in ("size", "update_scores")]
        right.plot(*points, color=colour, marker=marker, ls=line, label=term_name(term))
    right.set_xscale("log")
    plain_log(right.xaxis)
    left.set(title="on the way", xlabel="held-out loss", ylabel="s_Δ")
    right.set(title="at the end", xlabel="‖Δ‖² / ‖Y‖² (log)")
    right.legend(loc="best")
    legend_above(left, columns=4)
    words = [f"At a held-out loss of {loss_said(level)}, s_Δ: {_at_level(grid, level)}."]
    for setting, each in grid.items():
        size, update = (mean_of(at_end(each, name).mean(1)) for name in ("size", "update_scores"))
        words.append(f"{setting_name(setting)} at the end: ‖Δ‖² / ‖Y‖² {number(size)}, s_Δ {score(update)}.")
    what = "Mean s_Δ against held-out loss through training, and at the end against the size of updates, by term and λ"
    return Shown(figure, sentences(f"Line charts. {what}. {size_said(runs)}.", *words), f"{what}. {size_said(runs)}.")


def _at_level(grid: Grid, level: float) -> str:
    return ", ".join(
        f"{setting_name(setting)} {score(mean_of(at_loss(each, 'update_scores', level)))}"
        for setting, each in grid.items()
    )


def regularised_equal_said(runs: Runs) -> Html:
    """What is left of the difference at equal loss, and of that between the terms at equal update size, in words."""
    grid = grid_of(runs)
    level, told = common_loss(grid), []
    for setting, each in grid.items():
        if setting != NONE:
            ours, plain = (at_loss(of, "update_scores", level) for of in (each, grid[NONE]))
            told.append(f"{setting_name(setting)} {signed(mean_of(ours - plain))}")
    words = f"At a held-out loss of {loss_said(level)}, s_Δ against no term: {'; '.join(told)}."
    others = [term for term in terms_of(grid) if term != PAPERS[0]]
    if PAPERS in grid and others:
        found = at_equal_size(grid, "update_scores", PAPERS, others[0])
        ours, other = setting_name(PAPERS), term_name(others[0])
        beside = f"the s_Δ of the {ours}, less that of the {other}, is {change_told(found)}"
        never = f"not every seed of the {other} comes to the size of the {ours}, so they cannot be compared there"
        words += f" At equal update size {never if np.isnan(found.mean) else beside}."
    return Html(f"<p>{escape(words)} {escape(seeds_note(grid))}</p>", words)
