"""What the trained models say about L6 and L15, which were claimed of other models: rules, never by hand."""

import numpy as np

from nearlinear.results.meeting import MeetingStudy

from .counting import NAMES
from .meeting_pruning import alone, ordered
from .meeting_words import BASE, per_seed, scored
from .tables import Ours
from .verdicts import verdict
from .words import number

EARLY = 100
"""Steps at which the first paper's Fig. 2 begins."""

ENOUGH = 1000
"""Steps of training below which nothing is answered."""


def meeting_rows(study: MeetingStudy) -> list[Ours]:
    """L6 and L15."""
    return [_falls(study), _less_than_removal(study)]


def _falls(study: MeetingStudy) -> Ours:
    """As its panel's title has it, without the residual; and as its text has it, with it."""
    steps = study.runs[0].steps
    at = next((k for k, step in enumerate(steps) if step >= EARLY), 1)
    ends = {n: per_seed(study.through(BASE, n))[:, [at, -1]] for n in ("update_scores", "scores")}
    falls = {name: bool((each[:, 1] < each[:, 0]).all()) for name, each in ends.items()}
    found = verdict(falls["update_scores"], falls["scores"])
    small = found == "contradicted" or steps[-1] < ENOUGH
    return Ours(
        claim="L6",
        what=f"{NAMES[BASE]}, median s_Δ over blocks after {steps[at]:,} steps and after {steps[-1]:,}",
        number=f"{scored(ends['update_scores'][:, 0])}; {scored(ends['update_scores'][:, 1])}",
        controls=f"with the residual, s: {scored(ends['scores'][:, 0])}; {scored(ends['scores'][:, 1])}. Held out, "
        f"first tokens left out, {len(study.seeds)} seeds. Small models, short training",
        verdict="not at this size" if small else found,
        command=command_of(study),
    )


def _less_than_removal(study: MeetingStudy) -> Ours:
    """Block by block of Pre-LN, which the claim is about; then of every kind of block, and in the paper's order."""
    wins = {b: alone(study, b, "replace") < alone(study, b, "remove") for b in study.blocks}
    score = [ordered(study, b, "score", "replace") < ordered(study, b, "score", "remove") for b in study.blocks]
    every = np.concatenate([each.ravel() for each in wins.values()])
    orders = np.concatenate([each.ravel() for each in score])
    removed, replaced = (float(per_seed(alone(study, BASE, how)).mean()) for how in ("remove", "replace"))
    found = verdict(bool(wins[BASE].all()), bool(every.all() and orders.all()))
    return Ours(
        claim="L15",
        what=f"{NAMES[BASE]}, loss added by one block (median, nats a token), removed and replaced",
        number=f"{number(removed)}; {number(replaced)}",
        controls=f"replacement costs less for {every.sum()} of {every.size} blocks of all kinds and seeds, and at "
        f"{orders.sum()} of {orders.size} steps of the score's order; maps with intercept, fitted on other files",
        verdict=found if study.runs[0].steps[-1] >= ENOUGH else "not at this size",
        command=command_of(study),
    )


def command_of(study: MeetingStudy) -> str:
    """The command that repeats the recorded study; of another it says how that is made."""
    name = "train-laptop-meeting" if study.runs[0].steps[-1] >= ENOUGH else "train-quick-meeting"
    return f"nearlinear results --only {name}"
