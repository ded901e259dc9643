"""The numbers of the chapter on answers, and what they say of the paper's claim."""

from collections.abc import Iterator, Sequence

import numpy as np

from nearlinear.results.answers import AnswersStudy
from nearlinear.results.distillation import DistilStudy
from nearlinear.results.pruning import How

from .answer_wordings import WORDINGS, spread, steps_in
from .answers import Share, by_guessing, distilled, gained, right, share
from .findings import Finding
from .pruning import NAMES
from .tables import Ours
from .words import interval, score

PAPERS = "score"
"""The order of arXiv 2405.12250; the findings and the verdict go by it where it was followed, else by the first."""


def _order(study: AnswersStudy) -> str:
    return PAPERS if PAPERS in study.orders else study.orders[0]


def answer_findings(study: AnswersStudy) -> list[Finding]:
    """Chapter 5: what the unchanged model answers, what is left with few and many blocks changed, and the controls."""
    low, high = by_guessing(study)
    by_acc, by_norm = study.longest
    asked = study.questions.id
    return [
        Finding("answers-asked", study.questions.n, f"{asked} asked"),
        Finding("answers-dense", study.dense.acc, "accuracy of the unchanged model"),
        Finding("answers-dense-norm", study.dense.acc_norm, "the same by the byte"),
        Finding("answers-longest", by_acc, "how often it chooses the longest answer"),
        Finding("answers-longest-norm", by_norm, "the same by the byte"),
        Finding("answers-chance", study.chance, "accuracy of guessing"),
        Finding("answers-guess-low", low, "lower end of what 95 of 100 guessers reach"),
        Finding("answers-guess-high", high, "upper end of it"),
        Finding("answers-unread", study.unread.acc, "accuracy of the unchanged model without the question"),
        Finding("answers-twin", study.random_twin.acc, "accuracy with random weights"),
        *_findings_at(study, 0, "few"),
        *_findings_at(study, -1, "many"),
        Finding("answers-replaced-gain", replacing(study).mean, "replaced minus removed, mean over numbers of blocks"),
        *_findings_in_words(study),
        Finding("answers-rise", _rise(study), "most that accuracy rises while more blocks are removed"),
        Finding("answers-above-removed", above_guessing(study, "remove"), "blocks removed at most, above guessing"),
        Finding("answers-above-replaced", above_guessing(study, "replace"), "blocks replaced at most, above guessing"),
    ]


def _rise(study: AnswersStudy) -> float:
    found = np.array([each.answered.acc for each in study.by(_order(study), "remove")])
    return float((found - np.minimum.accumulate(found)).max())


def _findings_in_words(study: AnswersStudy) -> Iterator[Finding]:
    for wording in study.wordings:
        (_, dense), *_ = steps_in(study, wording, "remove")
        gain = replacing(study, wording).mean
        yield Finding(f"answers-dense-{wording}", dense.acc, f"accuracy of the unchanged model, {WORDINGS[wording]}")
        yield Finding(f"answers-replaced-gain-{wording}", gain, f"replaced minus removed, {WORDINGS[wording]}")
    if study.wordings:
        yield Finding("answers-wordings", spread(study), "most that two wordings disagree about one model's accuracy")


def _findings_at(study: AnswersStudy, step: int, name: str) -> Iterator[Finding]:
    order = _order(study)
    for how, short in (("remove", "removed"), ("replace", "replaced")):
        each = study.by(order, how)[step]
        blocks = f"{each.k} block{'s' * (each.k > 1)}"
        yield Finding(
            f"answers-{short}-{name}",
            each.answered.acc,
            f"accuracy with {blocks} {short}, by {NAMES.get(order, order)}",
        )


def replacing(study: AnswersStudy, wording: str | None = None) -> Share:
    """How much more is answered by replacing than by removing the same blocks: mean over the numbers of blocks in the
    paper's order, with an interval over questions. In another `wording` the order is the study's first.
    """
    if wording is None:
        order = _order(study)
        pairs = zip(*([each.answered for each in study.by(order, how)] for how in ("remove", "replace")), strict=True)
    else:
        pairs = zip(*([a for _, a in steps_in(study, wording, how)[1:]] for how in ("remove", "replace")), strict=True)
    table_ = [right(replaced) - right(removed) for removed, replaced in pairs]  # (numbers of blocks, n)
    return share(np.mean(table_, axis=0))


def above_guessing(study: AnswersStudy, how: How) -> int:
    """The most blocks that may be changed in the paper's order so that the whole interval lies above the guessers'."""
    steps = [(0, study.dense), *((each.k, each.answered) for each in study.by(_order(study), how))]
    _, high = by_guessing(study)
    return max((k for k, answered in steps if share(right(answered)).low > high), default=0)


def training(study: AnswersStudy, distillation: Sequence[DistilStudy]) -> Share | None:
    """How much more is answered once the lines are distilled: mean over the models of the paper's order whose blocks
    were also replaced plainly, with an interval over questions; None where there are none.
    """
    order = _order(study)
    plain = {each.layers: each.answered for each in study.by(order, "replace")}
    runs = distilled(study, order, distillation).get("linear", [])
    table_ = [right(r.answered) - right(plain[r.changed.layers]) for r in runs if r.changed.layers in plain]
    return share(np.mean(table_, axis=0)) if table_ else None


def answer_rows(study: AnswersStudy, *distillation: DistilStudy) -> list[Ours]:
    """L17, by lm-eval's wording, controlled by the others. *partly* at best where the questions are a stand-in for
    ARC-Easy; and a small model cannot contradict it: without a gain that is clear of zero, *not at this size*.
    """
    order, gain, trained = _order(study), replacing(study), training(study, distillation)
    distilling = f" Distilling the lines adds {_said(trained)}." if trained else ""
    first = gained(study.by(order, "remove")[0].answered, study.dense)
    ks = ", ".join(str(each.k) for each in study.by(order, "remove"))
    worded = {wording: replacing(study, wording) for wording in study.wordings}
    ours, arc = all(g.low > 0 for g in (gain, *worded.values())), study.questions.id == "ARC-Easy"
    asking = "".join(f" Asked as {WORDINGS[wording]}: {_said(g)}." for wording, g in worded.items())
    verdict = "not at this size" if gain.low <= 0 else "reproduced" if ours and arc else "partly"
    return [
        Ours(
            claim="L17",
            what=f"{study.questions.id}: accuracy gained by replacing instead of removing, mean over {ks} blocks in "
            "the order of the score",
            number=gain.mean,
            interval=(gain.low, gain.high),
            controls=f"{study.questions.n:,} {study.questions.id}; interval over questions. One block removed: "
            f"{_said(first)}.{asking}{distilling} Chance {score(study.chance)}, without the question "
            f"{score(study.unread.acc)}",
            verdict=verdict,
            command="nearlinear results --only answers",
        )
    ]


def _said(found: Share) -> str:
    return f"{score(found.mean)} {interval(found.low, found.high)}"
