"""What longer trainings, and those on prose, say about S17 and S26, by the rule of *no loss* in `learning_verdicts`."""

from .counting import NAMES
from .learning_verdicts import Trained, fewer
from .learning_words import BASE, Runs, gap_said, gap_told
from .tables import Ours


def longer_row(screen: Runs, runs: Runs, longer: Runs) -> Ours:
    """S17: SAS-P beside Pre-LN after three times the steps. `runs`: those of the usual length, at the same rates."""
    usual, long = Trained(screen, runs), Trained(screen, longer)
    return Ours(
        claim="S17",
        what=f"held-out loss of {NAMES['sas-p']} minus that of {NAMES[BASE]} after {long.steps / usual.steps:g} times "
        "the steps, mean over seeds",
        number=gap_told(long.gap("sas-p")),
        controls=f"after {usual.steps:,} steps it was {gap_said(usual.gap('sas-p').mean)}; rates not chosen anew for "
        f"the longer runs; {long.controls('sas-p', BASE)}",
        verdict=long.no_loss("sas-p"),
        command="nearlinear results --only train-laptop-longer",
    )


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
