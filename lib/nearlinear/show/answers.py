"""Figures and tables of what a model still answers; every interval resamples the questions."""

from collections.abc import Sequence
from math import lgamma
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.answers import Answered, AnswersStudy
from nearlinear.results.distillation import STARTS, Distilled, DistilStudy, Way

from .pruning import NAMES
from .shown import Html, Shown
from .style import BLUE, DASHES, GREEN, GREY, ORANGE, PURPLE, VERMILLION, canvas, legend_above, use
from .tables import table
from .words import NO_ANSWER, caveats, interval, model_name, notes, score, sentences

By = Literal["acc", "acc_norm"]
RIGHT = {"acc": "right", "acc_norm": "right_norm"}
BY = {"acc": "accuracy", "acc_norm": "accuracy by the byte"}
"""The two accuracies as a reader meets them: acc and acc_norm of lm-eval."""

HOW = {"remove": "removed", "replace": "replaced by a line"}
TRAINED: dict[Way, str] = {"linear": "replaced and distilled", "all": "removed and distilled"}
N_RESAMPLES = 2000


class Share(NamedTuple):
    """A mean over questions with its 95 % percentile interval, from 2,000 resamples of the questions."""

    mean: float
    low: float
    high: float

    @property
    def said(self) -> str:
        return f"<b>{score(self.mean)}</b> {interval(self.low, self.high)}"


def share(values: np.ndarray, *, seed: int = 0) -> Share:
    """Of values (n,), one a question: right or not, or the difference of two models."""
    n = len(values)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES)  # (resamples, n)
    low, high = np.percentile(counts @ values / n, [2.5, 97.5])
    return Share(float(values.mean()), float(low), float(high))


def right(answered: Answered, by: By = "acc") -> np.ndarray:
    """(n,): 1.0 for each question answered right."""
    return np.array(getattr(answered, RIGHT[by]), float)


def gained(one: Answered, other: Answered, by: By = "acc") -> Share:
    """How much larger the accuracy of one model is than of the other, on the same questions. Raises ValueError."""
    if one.n != other.n:
        raise ValueError(f"one model answers {one.n} questions and the other {other.n}: they cannot be compared")
    return share(right(one, by) - right(other, by))


def by_guessing(study: AnswersStudy) -> tuple[float, float]:
    """Between which accuracies 95 of 100 guessers end: the binomial quantiles at chance level."""
    n, p = study.questions.n, study.chance
    i = np.arange(n + 1)
    ways = np.array([lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k in i])
    below = np.cumsum(np.exp(ways + i * np.log(p) + (n - i) * np.log1p(-p)))
    low, high = np.searchsorted(below, [0.025, 0.975])
    return float(low / n), float(high / n)


def heading(study: AnswersStudy) -> str:
    """Model, questions and tokens, so that a quick run can never pass for a full one."""
    asked = f"{study.questions.n:,} {study.questions.id}"
    return f"{model_name(study.provenance)}: {asked}, maps fitted on {study.n_fit:,} tokens"


@use()
def answers_by_k(study: AnswersStudy, *distillation: DistilStudy) -> Shown:
    """Fig. 8: accuracy against the number of changed blocks, one column an order; below it the accuracy a byte.

    Distilled models that were asked the same questions stand beside. Raises ValueError where they were asked others.
    """
    figure, axes = canvas(
        "Does it still answer?",
        heading(study),
        ["Bars: 95 % bootstrap interval over questions. Grey band: where 95 of 100 guessers end.", *notes([study])],
        height=5.0,
        nrows=2,
        ncols=len(study.orders),
        sharex=True,
        sharey=True,
    )
    panels = [(order, by) for by in BY for order in study.orders]
    words = [
        sentence
        for ax, (order, by) in zip(axes, panels, strict=True)
        for sentence in _panel(ax, study, order, by, distillation)
    ]
    legend_above(axes[0], columns=4)
    return Shown(
        figure,
        sentences(
            f"Line charts of accuracy against the number of changed blocks. {_controls(study)}",
            *words,
            f"{heading(study)}.",
            caveats([study]),
        ),
        sentences(
            f"Share of {study.questions.id} answered right as blocks are removed or replaced by their affine maps.",
            "Top: the likeliest answer counts. Bottom: the likeliest a byte. Left to right: the order of the blocks.",
            f"{heading(study)}.",
        ),
    )


def _controls(study: AnswersStudy) -> str:
    low, high = (score(end) for end in by_guessing(study))
    return f"Chance is {score(study.chance)}; of 100 guessers, 95 end between {low} and {high}."


def _panel(ax: Axes, study: AnswersStudy, order: str, by: By, distillation: Sequence[DistilStudy]) -> list[str]:
    """Draw one order by one accuracy; returns what it shows, in words."""
    ax.axhspan(*by_guessing(study), color=GREY, alpha=0.18, lw=0)
    ax.axhline(study.chance, color=GREY, lw=1, ls=DASHES, label="chance")
    ax.axhline(right(study.unread, by).mean(), color=GREEN, lw=1.2, ls=":", label="without the question")
    words = [f"{BY[by].capitalize()}, blocks in the order of {NAMES.get(order, order)}."]
    for how, colour, marker, shift in (("remove", VERMILLION, "s", -0.1), ("replace", BLUE, "o", 0.1)):
        steps = [(0, study.dense), *((each.k, each.answered) for each in study.by(order, how))]
        words.append(_curve(ax, steps, by, shift, HOW[how], color=colour, marker=marker))
    for way, runs in distilled(study, order, distillation).items():
        colour, marker = {"linear": (PURPLE, "D"), "all": (ORANGE, "^")}[way]
        words.append(_points(ax, runs, by, TRAINED[way], color=colour, marker=marker))
    ax.set_xticks([0, *sorted({each.k for each in study.changed})])
    ax.set_ylim(bottom=0)
    if ax.get_subplotspec().is_last_row():
        ax.set_xlabel("blocks changed")
    if ax.get_subplotspec().is_first_col():
        ax.set_ylabel(BY[by])
    if ax.get_subplotspec().is_first_row():
        ax.set_title(f"by {NAMES.get(order, order)}")
    return words


def _curve(ax: Axes, steps: Sequence[tuple[int, Answered]], by: By, shift: float, label: str, **look) -> str:
    """Draw accuracies with their intervals; returns them in words."""
    shares = [share(right(answered, by)) for _, answered in steps]
    y, low, high = np.array(shares).T
    x = np.array([k for k, _ in steps])
    ax.errorbar(x + np.where(x > 0, shift, 0), y, [y - low, high - y], elinewidth=1.1, label=label, ms=4, **look)
    return f"{label}: " + ", ".join(f"{score(a)} at {int(k)}" for a, k in zip(y, x, strict=True)) + "."


def distilled(study: AnswersStudy, order: str, distillation: Sequence[DistilStudy]) -> dict[Way, list[Distilled]]:
    """The distilled models of an order that were asked, by what was trained, from few blocks to many.

    Raises ValueError where they were asked other questions.
    """
    found: dict[Way, list[Distilled]] = {}
    for one in (one for one in distillation if one.order == order and one.questions):
        if one.questions.sha256 != study.questions.sha256:
            raise ValueError("the distilled models were asked other questions: they cannot be compared")
        found.setdefault(one.way, []).extend(run for run in one.main if run.answered)
    return {way: sorted(runs, key=lambda run: (run.k, run.seed)) for way, runs in found.items()}


def _points(ax: Axes, runs: Sequence[Distilled], by: By, label: str, **look) -> str:
    """Draw distilled models, one point a seed, side by side; returns them in words."""
    places = [run.k + 0.3 + 0.15 * sum(other.k == run.k for other in runs[:i]) for i, run in enumerate(runs)]
    return _curve(ax, [(x, run.answered) for x, run in zip(places, runs, strict=True)], by, 0, label, ls="", **look)


def answers_table(study: AnswersStudy, by: By = "acc") -> Html:
    """Paired differences to the unchanged model, and between the two ways of changing, on the same questions."""
    head = ("order", "blocks", "removed", "replaced by a line", "replaced − removed")
    pairs = [
        pair
        for order in study.orders
        for pair in zip(study.by(order, "remove"), study.by(order, "replace"), strict=True)
    ]
    rows = [
        [
            NAMES.get(a.order, a.order),
            str(a.k),
            gained(a.answered, study.dense, by).said,
            gained(b.answered, study.dense, by).said,
            gained(b.answered, a.answered, by).said,
        ]
        for a, b in pairs
    ]
    dense = score(study.dense.acc if by == "acc" else study.dense.acc_norm)
    return table(f"Change of {BY[by]} from {dense}, the unchanged model's on the same questions", head, rows)


def distilled_answers(study: AnswersStudy, *distillation: DistilStudy) -> Html:
    """Each distilled model beside the unchanged one and beside the plain edit of the same blocks. Raises ValueError as
    `answers_by_k` does.
    """
    head = ("trained", "blocks", "seed", "accuracy", "minus unchanged", "minus the same without training")
    rows = [
        [
            f"{TRAINED[way]}, by {NAMES.get(order, order)}",
            str(run.k),
            str(run.seed),
            share(right(run.answered)).said,
            gained(run.answered, study.dense).said,
            _over_plain(study, order, way, run),
        ]
        for order in study.orders
        for way, runs in distilled(study, order, distillation).items()
        for run in runs
    ]
    return table("What training gives back", head, rows)


def _over_plain(study: AnswersStudy, order: str, way: Way, run: Distilled) -> str:
    plain = [each.answered for each in study.by(order, STARTS[way]) if each.layers == run.changed.layers]
    return gained(run.answered, plain[0]).said if plain else NO_ANSWER


def answer_controls(study: AnswersStudy) -> Html:
    """What the accuracies are to be read beside: chance, answers without the question, and random weights."""
    models = {
        "unchanged model": study.dense,
        "unchanged model, not told the question": study.unread,
        "random weights": study.random_twin,
    }
    rows = [[name, *(share(right(answered, by)).said for by in BY)] for name, answered in models.items()]
    low, high = by_guessing(study)
    rows.append(["guessing", *[f"<b>{score(study.chance)}</b> {interval(low, high)}"] * len(BY)])
    asked = study.questions
    named = f"{asked.n:,} {asked.id} (sha256 {asked.sha256[:12]}…){': ' if asked.note else ''}{asked.note}"
    return table(named, ("who answers", *BY.values()), rows)
