"""Figures of where the paper's blocks attend, and of the first token: is there an attention sink?"""

from collections.abc import Mapping, Sequence

import numpy as np

from nearlinear.results.meeting import MeetingStudy

from .counting import NAMES
from .meeting import draw_by_block
from .meeting_words import heading, ranged, spread_note
from .shown import Shown
from .style import FAINT, block_axis, canvas, legend_above, use
from .words import number, sentences

ATTENTION = {
    "first_mass": "A: weight on the first token",
    "sink_mass": "A: weight on the token that gets most",
    "first_share": "M: share on the first token",
    "own_share": "M: share on the token itself",
}
MATRICES = (
    "A is softmax attention; M is αI + βA − γC in the shaped blocks and A in the others. Mean over heads, and over the "
    "later half of each window; M by absolute weight."
)
FIRST = {
    "first_value": "first token: length of its value",
    "first_length": "first token: length of its state",
    "peak": "largest coordinate of any state",
}


@use()
def meeting_attention(study: MeetingStudy, at: int = -1) -> Shown:
    """Where the softmax matrix A puts its weight, and where the matrix M does that acts on the values."""
    values = {name: {b: study.values(b, name, at=at) for b in study.blocks} for name in ATTENTION}
    figure, axes = canvas(
        "Where the blocks attend",
        _size(study, at),
        [spread_note(study), f"{MATRICES} Dotted: even attention."],
        height=5.2,
        nrows=2,
        ncols=2,
        sharex=True,
    )
    for ax, (name, title) in zip(axes, ATTENTION.items(), strict=True):
        draw_by_block(ax, values[name])
        ax.set_title(title)
        if title.startswith("A"):
            ax.axhline(study.even_mass, color=FAINT, lw=1, ls=":")
        ax.set_ylim(0, None)
    for ax in axes[2:]:
        block_axis(ax, study.L)
    legend_above(axes[0], columns=6)
    what = "Weight of attention on the first token, on the token that gets most, and on the token itself, by block"
    even = f"Even attention would put {number(study.even_mass)} on the first token."
    return _shown(figure, study, at, what, [even, *_extremes(values, ATTENTION)])


@use()
def meeting_first_token(study: MeetingStudy, at: int = -1) -> Shown:
    """The length of the first token's value and state, the largest coordinate, and what the first token does to s_Δ."""
    values = {name: {b: study.values(b, name, at=at) for b in study.blocks} for name in FIRST}
    gain = "s_Δ with the first token minus s_Δ without"
    values[gain] = {b: first_token_gain(study, b, at) for b in study.blocks}
    figure, axes = canvas(
        "What is special about the first token",
        _size(study, at),
        [spread_note(study), "Lengths and coordinates are divided by the median of the window."],
        height=5.2,
        nrows=2,
        ncols=2,
        sharex=True,
    )
    for ax, (name, each) in zip(axes, values.items(), strict=True):
        draw_by_block(ax, each)
        ax.set_title(FIRST.get(name, name))
        ax.axhline(0 if name == gain else 1, color=FAINT, lw=0.8, ls=":")
    for ax in axes[2:]:
        block_axis(ax, study.L)
    legend_above(axes[0], columns=6)
    what = (
        "The first token's value and state, the largest coordinate of any state, and what the first token does to s_Δ"
    )
    return _shown(figure, study, at, what, _extremes(values, FIRST | {gain: gain}))


def first_token_gain(study: MeetingStudy, block: str, at: int = -1) -> np.ndarray:
    """How much s_Δ rises when first tokens are fitted and scored too, (seeds, L)."""
    return study.values(block, "update_scores_all", at=at) - study.values(block, "update_scores", at=at)


def _size(study: MeetingStudy, at: int) -> str:
    return heading(study, step=study.runs[0].steps[at])


def _extremes(values: Mapping[str, Mapping[str, np.ndarray]], titles: Mapping[str, str]) -> list[str]:
    said = []
    for name, by_block in values.items():
        said.append(f"{titles[name]}, the block with most:")
        said += [f"{NAMES[block]}: {ranged(each.max(1))}." for block, each in by_block.items()]
    return said


def _shown(figure, study: MeetingStudy, at: int, what: str, words: Sequence[str]) -> Shown:
    size = _size(study, at)
    return Shown(figure, sentences(f"Line charts. {what}. {size}.", *words), sentences(f"{what}. {size}."))
