"""Why s_Δ changes in finetuning: less that no map explains, or larger updates, by (1 − s_Δ) ‖Δ‖² = (1 − s) ‖Y‖²."""

from html import escape

import numpy as np

from nearlinear.results.tuning_views import by_model, why

from .shown import Html, Shown
from .style import BLUE, INK, ORANGE, block_axis, canvas, legend_above, use
from .tables import at_least, table
from .tuning_words import Group, Runs, drawable, ended, group_name, heading, is_control, listed, signed, stopped_said
from .words import sentences

TIMES = 3
"""One part is named alone where it is so many times the other, or the other goes against it."""


def parts(runs: Runs) -> np.ndarray:
    """(2, seeds, L): by how much −log(‖E‖² / ‖Y‖²) and log(‖Δ‖² / ‖Y‖²) have risen; they add up to the rise of
    −log(1 − s_Δ). Runs that broke off are left out.
    """
    found = [why(run) for run in runs if not run.stopped]
    return np.array([[-each.unexplained for each in found], [each.size for each in found]])


def mean_parts(runs: Runs) -> tuple[float, float]:
    """The two parts, means over seeds and blocks."""
    explained, larger = parts(runs).mean((1, 2))
    return float(explained), float(larger)


@use()
def tuning_account(runs: Runs) -> Shown:
    """By block, what the rise of −log(1 − s_Δ) is made of: one panel a lesson; controls where there is nothing else."""
    found = drawable(runs)
    taught = {group: each for group, each in found.items() if not is_control(group[1])} or found
    models = [model for model in by_model(runs) if any(group[0] == model for group in taught)]
    columns = max(sum(group[0] == model for group in taught) for model in models)
    figure, axes = canvas(
        "Why s_Δ changes",
        heading(runs),
        [
            "Natural logarithms, mean over seeds; held out, first tokens left out. Blue and orange add up to the mark.",
            "Above zero s_Δ has risen.",
            stopped_said(runs),
        ],
        height=2.1 * len(models),
        nrows=len(models),
        ncols=columns,
        sharey=True,
    )
    told, drawn = [], []
    for row, model in enumerate(models):
        line = axes[row * columns : (row + 1) * columns]
        of_model = [(group, each) for group, each in taught.items() if group[0] == model]
        for ax, (group, each) in zip(line, of_model, strict=False):
            told.append(_drawn(ax, group, each))
            drawn.append(ax)
        for ax in line[len(of_model) :]:
            ax.set_axis_off()
        if row < len(models) - 1:
            for ax in line:
                ax.set_xlabel("")
    legend_above(drawn[0], columns=3)
    what = "The rise of −log(1 − s_Δ) by block, and the two parts that it is made of"
    return Shown(figure, sentences(f"Bar charts. {what}. {heading(runs)}.", *told), f"{what}. {heading(runs)}.")


def _drawn(ax, group: Group, runs: Runs) -> str:
    explained, larger = parts(runs).mean(1)
    at = np.arange(len(larger))
    ax.bar(at - 0.2, explained, 0.4, lw=0, color=BLUE, label="more linear: ‖E‖² / ‖Y‖² fell")
    ax.bar(at + 0.2, larger, 0.4, lw=0, color=ORANGE, label="larger updates: ‖Δ‖² / ‖Y‖² grew")
    ax.plot(at, explained + larger, "D", color=INK, ms=3, label="−log(1 − s_Δ)")
    ax.axhline(0, color=INK, lw=0.8)
    ax.set_title(group_name(group))
    block_axis(ax, len(at))
    a, b = float(explained.mean()), float(larger.mean())
    return (
        f"{group_name(group)}, mean over blocks: less unexplained {signed(a)}, larger updates {signed(b)}, "
        f"−log(1 − s_Δ) {signed(a + b)}."
    )


def verdict_of_parts(explained: float, larger: float) -> str:
    """Which part makes the change of −log(1 − s_Δ), in words: up or down, by one part or by both."""
    total = explained + larger
    if round(total, 3) == 0:
        return "hardly changes"
    way, sign = ("rises", 1) if total > 0 else ("falls", -1)
    more, size = sign * explained, sign * larger
    linear = "a smaller unexplained part" if sign > 0 else "a larger unexplained part"
    updates = "larger updates" if sign > 0 else "smaller updates"
    if more <= 0:
        return f"{way} by {updates} alone"
    if size <= 0:
        return f"{way} by {linear} alone"
    if more >= TIMES * size:
        return f"{way} mostly by {linear}"
    if size >= TIMES * more:
        return f"{way} mostly by {updates}"
    return f"{way} by {linear} and by {updates}"


def tuning_account_table(runs: Runs) -> Html:
    """Both parts of every lesson and control, means over blocks and seeds, and what they say."""
    rows = []
    for group, each in ended(runs).items():
        a, b = mean_parts(each)
        name = at_least(9, escape(group_name(group)))
        rows.append([name, signed(a), signed(b), signed(a + b), at_least(10, escape(verdict_of_parts(a, b)))])
    head = ("model and lesson", "less unexplained", "larger updates", "together: −log(1 − s_Δ)", "so")
    title = (
        "What the rise is made of, natural logarithms, means over blocks and seeds. Mostly: one part is at least "
        f"{TIMES} times the other; alone: the other goes against it. {heading(runs)}"
    )
    return table(title, head, rows)


def tuning_account_said(runs: Runs) -> Html:
    """A sentence for each way in which the score changes, and the lessons in which it does."""
    ways: dict[str, list[Group]] = {}
    for group, each in ended(runs).items():
        if not is_control(group[1]):
            ways.setdefault(verdict_of_parts(*mean_parts(each)), []).append(group)
    told = [f"Of {listed(names)}: the mean of −log(1 − s_Δ) {way}." for way, names in ways.items()]
    words = " ".join(told) or "Nothing here was taught with labels or preferences that say something."
    return Html(f"<p>{escape(words)}</p>", words)
