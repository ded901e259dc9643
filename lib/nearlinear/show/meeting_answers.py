"""Our own questions B1 to B3, and what was found: by rules, never by hand.

Two kinds of blocks are set side by side seed by seed, by the median over blocks. One has *more* than the other where it
has more with every seed, *less* where it has less with every seed; otherwise seeds decide, and nothing is claimed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from nearlinear.errors import InputError
from nearlinear.results.claims import Question, questions
from nearlinear.results.meeting import MeetingStudy

from .counting import NAMES
from .meeting_attention import first_token_gain
from .meeting_pruning import alone, ordered
from .meeting_verdicts import ENOUGH, command_of
from .meeting_words import BASE, asked, per_seed, ranged, scored
from .shown import Html
from .tables import table
from .words import number

SCORES = {"update_scores": "s_Δ", "scores": "s", "even_scores": "s with coordinates alike"}
"""What is compared for B1. The last keeps a few huge coordinates from deciding."""

SINK = 0.3
"""Weight on one token from which on a head has a sink: many times what even attention gives."""

NOBODY = "nothing: nobody has published this"


@dataclass(frozen=True)
class Answer:
    """What we found for one question of ours: `said` in a few words, `ours` with its spread, and what was controlled.

    Raises InputError for a question that is not there.
    """

    question: str
    said: str
    ours: str
    controls: str
    command: str

    def __post_init__(self):
        _question(self.question)


def _question(id: str) -> Question:
    found = next((q for q in questions() if q.id == id), None)
    if found is None:
        raise InputError(f"there is no question {id!r}: choose one of {', '.join(q.id for q in questions())}")
    return found


def our_questions(answers: Iterable[Answer]) -> Html:
    """Questions that no paper answers, and what we found."""
    head = ("question", "the papers print", "ours", "our controls", "answer")
    return table("Our questions", head, [_row(answer) for answer in answers])


def _row(answer: Answer) -> list[str]:
    code = f"<code style='color:inherit;background:none;border:0;padding:0'>{escape(answer.command)}</code>"
    repeat = f"<details><summary style='font-size:12px'>repeat it</summary>{code}</details>"
    asked = f"<b>{answer.question}</b> {escape(_question(answer.question).question)}"
    return [asked, NOBODY, escape(answer.ours), escape(answer.controls), f"<b>{escape(answer.said)}</b>{repeat}"]


def meeting_answers(study: MeetingStudy) -> list[Answer]:
    """B1, B2 and B3, for those of SAS and SAS-P that were measured."""
    return [_linear(study), _prunable(study), _sink(study)]


def compared(ours: np.ndarray, base: np.ndarray, more: str, less: str, neither: str) -> str:
    """The word for two rows of numbers, one a seed, that belong together seed by seed."""
    gaps = np.asarray(ours) - np.asarray(base)
    if (gaps > 0).all():
        return more
    return less if (gaps < 0).all() else neither


def _enough(study: MeetingStudy, said: str) -> str:
    steps = study.runs[0].steps[-1]
    return said if steps >= ENOUGH else f"not answered by {steps:,} steps"


def _linear(study: MeetingStudy) -> Answer:
    """B1: by every score, because they ask different things of a block without a skip."""
    said, ours = [], []
    for block in asked(study):
        words = []
        for name, symbol in SCORES.items():
            mine, theirs = (study.values(b, name) for b in (block, BASE))
            word = compared(per_seed(mine), per_seed(theirs), "more", "less", "neither more nor less")
            above = int((mine > theirs).all(0).sum())
            words.append(f"{word} by {symbol}")
            ours.append(
                f"{NAMES[block]}, median {symbol} {scored(per_seed(mine))}, {NAMES[BASE]} {scored(per_seed(theirs))}; "
                f"above it with every seed in {above} of {study.L} blocks."
            )
        said.append(f"{NAMES[block]}: {', '.join(words)}.")
    return Answer(
        question="B1",
        said=_enough(study, " ".join(said)),
        ours=" ".join(ours),
        controls=f"held out by whole files, first tokens left out, {_conditions(study)}; before training: "
        f"{_before(study)}. Blocks without a skip: Δ is only a difference of states",
        command=command_of(study),
    )


def _before(study: MeetingStudy) -> str:
    blocks = [BASE, *asked(study)]
    return ", ".join(f"{NAMES[b]} s_Δ {scored(per_seed(study.values(b, 'update_scores', at=0)))}" for b in blocks)


def _conditions(study: MeetingStudy) -> str:
    return f"n/d = {study.n_over_d:.0f}, {len(study.seeds)} seeds, {study.n_documents} files"


def _prunable(study: MeetingStudy) -> Answer:
    k = len(study.runs[0].order("greedy", "replace").steps)
    words = {"replace": "replaced by lines", "remove": "removed"}
    said, ours = [], []
    for block in asked(study):
        found = []
        for how, done in words.items():
            mine, theirs = (ordered(study, b, "greedy", how)[:, -1] for b in (block, BASE))
            found.append(f"{compared(mine, theirs, 'worse', 'better', 'neither better nor worse')} {done}")
            ours.append(
                f"{NAMES[block]}, {k} of {study.L} blocks {done}: {ranged(mine)}, {NAMES[BASE]} {ranged(theirs)}."
            )
        said.append(f"{NAMES[block]}: {', '.join(found)}.")
    return Answer(
        question="B2",
        said=_enough(study, " ".join(said)),
        ours=f"Loss added, nats a token. {' '.join(ours)}",
        controls=f"greedy order on other files than those reported, maps fitted on others again, {_conditions(study)}; "
        f"one block alone, median: {_alone(study)}; {_losses(study)}",
        command=command_of(study),
    )


def _alone(study: MeetingStudy) -> str:
    blocks = [BASE, *asked(study)]
    return ", ".join(
        f"{NAMES[b]} {number(float(per_seed(alone(study, b, 'remove')).mean()))} removed and "
        f"{number(float(per_seed(alone(study, b, 'replace')).mean()))} replaced"
        for b in blocks
    )


def _losses(study: MeetingStudy) -> str:
    """A model that has learnt less has less to lose."""
    blocks = [BASE, *asked(study)]
    means = ", ".join(f"{NAMES[b]} {np.mean([run.loss for run in study.of(b)]):.3f}" for b in blocks)
    return f"losses unchanged: {means}"


def _sink(study: MeetingStudy) -> Answer:
    blocks = [BASE, *asked(study)]
    most = {b: study.values(b, "top_first_mass").max(1) for b in blocks}
    have = [b for b in blocks if (most[b] >= SINK).all()]
    gains = {b: float(np.abs(first_token_gain(study, b)).max()) for b in blocks}
    if not have:
        said = "No sink on the first token to move, in any of them"
    elif have == blocks:
        said = "All of them have a sink on the first token"
    else:
        lack = [b for b in blocks if b not in have]
        said = f"A sink on the first token in {_named(have)}, none with every seed in {_named(lack)}"
    elsewhere = ", ".join(f"{NAMES[b]} {ranged(study.values(b, 'sink_mass').max(1))}" for b in blocks)
    return Answer(
        question="B3",
        said=_enough(study, f"{said}; the first token moves s_Δ by {number(max(gains.values()))} at most."),
        ours="Weight of the head with most on the first token: "
        + ", ".join(f"{NAMES[b]} {ranged(each)}" for b, each in most.items())
        + ". Largest change of s_Δ by the first token: "
        + ", ".join(f"{NAMES[b]} {number(gain)}" for b, gain in gains.items()),
        controls=f"even attention: {number(study.even_mass)}; a sink means {SINK:g} or more; on whichever token gets "
        f"most, mean over heads: {elsewhere}; {len(study.seeds)} seeds, windows of {study.T} tokens, none of which "
        "stands there to begin them",
        command=command_of(study),
    )


def _named(blocks: Sequence[str]) -> str:
    return " and ".join(NAMES[block] for block in blocks)
