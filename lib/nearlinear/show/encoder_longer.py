"""Masked trainings of more steps: does the block that is behind catch up?"""

import numpy as np

from nearlinear.results.training import Block
from nearlinear.results.training_views import by_block, difference, held_out_curves, losses

from .counting import NAMES
from .encoder_words import BASE, UNIT, loss_gap_told, masked_heading, told
from .encoders import dots
from .learning import draw_curves
from .learning_words import Runs, gap_said, ranged, spread_said
from .shown import Html, Shown
from .signal import LOOKS
from .style import FAINT, canvas, legend_above, use
from .words import number, sentences

NOT_RUN = "Longer trainings of this size are not recorded."


@use()
def encoder_longer(runs: Runs, longer: Runs) -> Shown | Html:
    """Loss against steps in longer trainings, those of the usual length thin; and the difference at both ends.

    `longer`: may be none, and then a sentence says so.
    """
    if not longer:
        return told(NOT_RUN)
    long, usual = by_block(longer), by_block(runs)
    others = [block for block in long if block != BASE]
    figure, (left, right) = canvas(
        "And with more steps",
        masked_heading(longer),
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
    left.set(title=f"held out, {UNIT}", xlabel="steps")
    right.set_title(f"minus {NAMES[BASE]}")
    legend_above(left, columns=4)
    what = "Held-out loss of masked language models in longer trainings, and the difference at the end"
    ends = [f"{NAMES[b]} {ranged(losses(each))}." for b, each in long.items()]
    return Shown(
        figure,
        sentences(f"Two charts. {what}. {masked_heading(longer)}. At the end:", *ends, _gaps(runs, longer)),
        sentences(f"{what}. {masked_heading(longer)}."),
    )


def encoder_longer_said(runs: Runs, longer: Runs) -> Html:
    """How much of the difference is left after more steps."""
    return told(_gaps(runs, longer)) if longer else Html("")


def _gaps(runs: Runs, longer: Runs) -> str:
    """What the differences were, and what they are after more steps."""
    usual, long = by_block(runs), by_block(longer)
    return sentences(*(_gap(usual, long, block) for block in long if block != BASE))


def _gap(usual: dict[Block, Runs], long: dict[Block, Runs], block: Block) -> str:
    before, after = (difference(each[block], each[BASE]) for each in (usual, long))
    times = longer_by(usual[block], long[block])
    if np.isnan([before.mean, after.mean]).any():
        return f"{NAMES[block]} minus {NAMES[BASE]}: no answer, because a training broke off."
    left = after.mean / before.mean
    share = f"{number(100 * left)} % of it is left" if left >= 0 else "its sign has changed"
    return (
        f"{NAMES[block]} minus {NAMES[BASE]}: {gap_said(before.mean)} at the usual length, and after {times:g} times "
        f"the steps {loss_gap_told(after)}; {share}."
    )


def longer_by(runs: Runs, longer: Runs) -> float:
    """How many times as many steps the longer trainings have."""
    return longer[0].spec.recipe.steps / runs[0].spec.recipe.steps
