"""Trainings of more steps beside those of the usual length: does the block that is behind catch up?"""

from collections.abc import Callable

import numpy as np

from nearlinear.results.training import Block
from nearlinear.results.training_views import Difference, by_block, difference, held_out_curves, losses

from .counting import NAMES
from .encoders import dots
from .learning import draw_curves
from .learning_words import BASE, Runs, gap_said, ranged, spread_said
from .shown import Shown
from .signal import LOOKS
from .style import FAINT, canvas, legend_above
from .words import number, sentences

NOT_RUN = "Longer trainings of this size are not recorded."

Told = Callable[[Difference], str]
"""How a difference of losses is said."""


def longer_curves(runs: Runs, longer: Runs, *, title: str, what: str, heading: str, unit: str, gap_told: Told) -> Shown:
    """Loss against steps in longer trainings, those of the usual length thin; and the difference at both ends."""
    long, usual = by_block(longer), by_block(runs)
    others = [block for block in long if block != BASE]
    figure, (left, right) = canvas(
        title,
        heading,
        [
            spread_said(long),
            f"Thin: trainings of {runs[0].spec.recipe.steps:,} steps, whose rate has fallen to nothing by then.",
            f"Right: loss minus that of {NAMES[BASE]} of the same seed at the end of either; a mark a seed.",
        ],
        height=3.1,
        ncols=2,
        width_ratios=(3, 2),
    )
    draw_curves(left, {block: held_out_curves(each) for block, each in long.items()})
    for block in long:
        steps, values = held_out_curves(usual[block])
        left.plot(steps[1:], values[:, 1:].mean(0), color=LOOKS[block][0], lw=0.7)
    for place, (block, each) in enumerate((b, blocks) for b in others for blocks in (usual, long)):
        dots(right, place, losses(each[block]) - losses(each[BASE]), block)
    right.axhline(0, color=FAINT, lw=1, ls=":")
    names = [f"{NAMES[b]}, {each[0].spec.recipe.steps:,} steps" for b in others for each in (usual[b], long[b])]
    right.set_xticks(range(len(names)), names, rotation=30, ha="right")
    right.set_xlim(-0.5, len(names) - 0.5)
    left.set(title=f"held out, {unit}", xlabel="steps")
    right.set_title(f"minus {NAMES[BASE]}")
    legend_above(left, columns=4)
    ends = [f"{NAMES[b]} {ranged(losses(each))}." for b, each in long.items()]
    return Shown(
        figure,
        sentences(f"Two charts. {what}. {heading}. At the end:", *ends, gaps_said(runs, longer, gap_told)),
        sentences(f"{what}. {heading}."),
    )


def gaps_said(runs: Runs, longer: Runs, gap_told: Told) -> str:
    """What the differences from the base block were, and what is left of them after more steps."""
    usual, long = by_block(runs), by_block(longer)
    return sentences(*(_gap(usual, long, block, gap_told) for block in long if block != BASE))


def _gap(usual: dict[Block, Runs], long: dict[Block, Runs], block: Block, gap_told: Told) -> str:
    before, after = (difference(each[block], each[BASE]) for each in (usual, long))
    times = longer_by(usual[block], long[block])
    if np.isnan([before.mean, after.mean]).any():
        return f"{NAMES[block]} minus {NAMES[BASE]}: no answer, because a training broke off."
    left = after.mean / before.mean
    share = f"{number(100 * left)} % of it is left" if left >= 0 else "its sign has changed"
    return (
        f"{NAMES[block]} minus {NAMES[BASE]}: {gap_said(before.mean)} at the usual length, and after {times:g} times "
        f"the steps {gap_told(after)}; {share}."
    )


def longer_by(runs: Runs, longer: Runs) -> float:
    """How many times as many steps the longer trainings have."""
    return longer[0].spec.recipe.steps / runs[0].spec.recipe.steps
