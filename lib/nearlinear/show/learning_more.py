"""Longer trainings drawn; and what they and those on prose say about S17 and S26, by the rule of *no loss*."""

from .counting import NAMES
from .encoder_words import told
from .learning_readings import epochs_said
from .learning_verdicts import Trained, fewer
from .learning_words import BASE, Runs, gap_said, gap_told, heading, unit
from .longer import NOT_RUN, gaps_said, longer_by, longer_curves
from .shown import Html, Shown
from .style import use
from .tables import Ours


@use()
def learning_longer(runs: Runs, longer: Runs) -> Shown | Html:
    """Fig. 8: loss against steps in longer trainings, those of the usual length thin; and the difference at both ends.

    `longer`: may be none, and then a sentence says so.
    """
    if not longer:
        return told(NOT_RUN)
    return longer_curves(
        runs,
        longer,
        title=f"{longer_by(runs, longer):g} times the text",
        what="Held-out loss in longer trainings, and the difference at the end",
        heading=heading(longer),
        unit=unit(longer[0]),
        gap_told=gap_told,
    )


def learning_longer_said(runs: Runs, longer: Runs) -> Html:
    """How much of the difference is left after more steps, and how often the text was read by then."""
    return told(gaps_said(runs, longer, gap_told), epochs_said(longer)) if longer else Html("")


def longer_rows(screen: Runs, runs: Runs, longer: Runs) -> list[Ours]:
    """S17: SAS-P beside Pre-LN after three times the steps; no row where there are no longer runs.

    `runs`: those of the usual length, at the same rates.
    """
    if not longer:
        return []
    usual, long = Trained(screen, runs), Trained(screen, longer)
    return [Ours(
        claim="S17",
        what=f"held-out loss of {NAMES['sas-p']} minus that of {NAMES[BASE]} after {longer_by(runs, longer):g} times "
        "the steps, mean over seeds",
        number=gap_told(long.gap("sas-p")),
        controls=f"after {usual.steps:,} steps it was {gap_said(usual.gap('sas-p').mean)}; rates not chosen anew for "
        f"the longer runs; {long.controls('sas-p', BASE)}",
        verdict=long.no_loss("sas-p"),
        command="nearlinear results --only train-laptop-longer",
    )]  # fmt: skip


def prose_row(screen: Runs, runs: Runs) -> Ours:
    """S26: SAS beside the parallel block on prose, both with ALiBi. `screen`: their rates on that text."""
    prose = Trained(screen, runs)
    return Ours(
        claim="S26",
        what=f"held-out loss on prose of {NAMES['sas']} minus that of {NAMES['parallel']}, the same steps, mean over "
        "seeds",
        number=gap_told(prose.gap("sas", "parallel")),
        controls=f"{fewer(prose, 'sas', 'parallel'):.1f} % fewer parameters; ALiBi in both; "
        f"{prose.controls('sas', 'parallel')}",
        verdict=prose.no_loss("sas", "parallel"),
        command="nearlinear results --only train-laptop-prose",
    )
