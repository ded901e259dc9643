"""Masked trainings of more steps: does the block that is behind catch up?"""

from .encoder_words import UNIT, loss_gap_told, masked_heading, told
from .learning_words import Runs
from .longer import NOT_RUN, gaps_said, longer_curves
from .shown import Html, Shown
from .style import use


@use()
def encoder_longer(runs: Runs, longer: Runs) -> Shown | Html:
    """Loss against steps in longer trainings, those of the usual length thin; and the difference at both ends.

    `longer`: may be none, and then a sentence says so.
    """
    if not longer:
        return told(NOT_RUN)
    return longer_curves(
        runs,
        longer,
        title="And with more steps",
        what="Held-out loss of masked language models in longer trainings, and the difference at the end",
        heading=masked_heading(longer),
        unit=UNIT,
        gap_told=loss_gap_told,
    )


def encoder_longer_said(runs: Runs, longer: Runs) -> Html:
    """How much of the difference is left after more steps."""
    return told(gaps_said(runs, longer, loss_gap_told)) if longer else Html("")
