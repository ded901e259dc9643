"""The same questions in other words: how much of a change is the change, and how much is the way of asking?"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.answers import Answered, AnswersStudy
from nearlinear.results.pruning import How

from .answers import HOW, by_guessing, gained, heading, right, share
from .pruning import NAMES
from .shown import Html, Shown
from .style import BLUE, DASHES, GREEN, GREY, PURPLE, canvas, legend_above, use
from .tables import table
from .words import caveats, notes, score, sentences

WORDINGS = {None: "“Question: … Answer:”", "short": "“Q: … A:”", "bare": "the question alone"}
"""What a reader calls the frames of a question; None: lm-eval's, in which every order is asked."""

_LOOKS = {None: (BLUE, "o"), "short": (GREEN, "^"), "bare": (PURPLE, "D")}


def steps_in(study: AnswersStudy, wording: str | None, how: How) -> list[tuple[int, Answered]]:
    """The first order of a study in one wording, by number of changed blocks, after the unchanged model."""
    if wording is None:
        return [(0, study.dense), *((each.k, each.answered) for each in study.by(study.orders[0], how))]
    return [(each.k, each.answered) for each in study.worded(wording, how)]


def wordings(study: AnswersStudy) -> tuple[str | None, ...]:
    return (None, *study.wordings)


@use()
def answers_by_wording(study: AnswersStudy) -> Shown:
    """Accuracy against the number of changed blocks, one curve a wording; left removed, right replaced."""
    order = NAMES.get(study.orders[0], study.orders[0])
    figure, axes = canvas(
        "The same questions in other words",
        heading(study),
        ["Bars: 95 % bootstrap interval over questions. Grey band: where 95 of 100 guessers end.", *notes([study])],
        height=3.0,
        ncols=2,
        sharey=True,
    )
    words = [sentence for ax, how in zip(axes, HOW, strict=True) for sentence in _panel(ax, study, how)]
    axes[0].set_ylabel("accuracy")
    legend_above(axes[0], columns=4)
    return Shown(
        figure,
        sentences(
            "Two line charts of accuracy against the number of changed blocks.",
            *words,
            f"{heading(study)}.",
            caveats([study]),
        ),
        sentences(
            f"Share of {study.questions.id} answered right, by what frames the question. The blocks go in the order of",
            f"{order}.",
            f"{heading(study)}.",
        ),
    )


def _panel(ax: Axes, study: AnswersStudy, how: How) -> list[str]:
    ax.axhspan(*by_guessing(study), color=GREY, alpha=0.18, lw=0)
    ax.axhline(study.chance, color=GREY, lw=1, ls=DASHES, label="chance")
    ax.set_title(f"blocks {HOW[how]}")
    words = [f"Blocks {HOW[how]}."]
    for i, wording in enumerate(wordings(study)):
        steps, (colour, marker) = steps_in(study, wording, how), _LOOKS[wording]
        x = np.array([k for k, _ in steps])
        y, low, high = np.array([share(right(answered)) for _, answered in steps]).T
        look = {"color": colour, "marker": marker, "elinewidth": 1.1, "ms": 4}
        ax.errorbar(x + 0.15 * (i - 1), y, [y - low, high - y], label=WORDINGS[wording], **look)
        said = ", ".join(f"{score(a)} at {k}" for a, k in zip(y, x, strict=True))
        words.append(f"{WORDINGS[wording]}: {said}.")
    ax.set_xticks(x)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("blocks changed")
    return words


def spread(study: AnswersStudy) -> float:
    """The most by which two wordings disagree about the accuracy of one and the same model."""
    tables = [[answered.acc for _, answered in steps_in(study, w, how)] for how in HOW for w in wordings(study)]
    return float(np.ptp(np.array(tables).reshape(len(HOW), len(wordings(study)), -1), axis=1).max())


def wordings_table(study: AnswersStudy) -> Html:
    """Replaced minus removed in every wording, paired by question."""
    head = ("blocks", *(WORDINGS[wording] for wording in wordings(study)))
    pairs: Sequence = [
        list(zip(steps_in(study, w, "remove"), steps_in(study, w, "replace"), strict=True))[1:] for w in wordings(study)
    ]
    rows = [
        [str(row[0][0][0]), *(gained(replaced, removed).said for (_, removed), (_, replaced) in row)]
        for row in zip(*pairs, strict=True)
    ]
    return table("Accuracy gained by replacing instead of removing", head, rows)
