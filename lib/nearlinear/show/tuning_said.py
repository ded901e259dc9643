"""Finetunings in sentences, which follow the runs, and the numbers that the page states."""

from collections.abc import Callable
from html import escape

import numpy as np

from nearlinear.results.tuning_views import OverSeeds

from .findings import Finding
from .shown import Html
from .tuning_account import mean_parts
from .tuning_tables import beside, beyond, same_texts
from .tuning_words import (
    SCORE,
    SYMBOLS,
    UPDATE,
    WAYS,
    Group,
    Runs,
    ended,
    group_name,
    is_control,
    lesson_name,
    listed,
    mean_rise,
    way,
)


def tuning_said(runs: Runs) -> Html:
    """What both scores do, in which lessons and in which controls, in a sentence each."""
    found, told = ended(runs), []
    for name, said in SYMBOLS.items():
        for where, control in (("In the lessons", False), ("In the controls", True)):
            ways = {g: way(mean_rise(each, name)) for g, each in found.items() if is_control(g[1]) == control}
            told += [f"{where} {said} {_ways(ways)}."] if ways else []
    return _paragraph(f"{' '.join(told)} The intervals are over seeds.")


def _ways(found: dict[Group, str]) -> str:
    parts = {each: listed(group for group, one in found.items() if one == each) for each in WAYS}
    return "; it ".join(f"{way} for {names}" for way, names in parts.items() if names)


def tuning_beyond_said(runs: Runs) -> Html:
    """Whether s_Δ rises by more in a lesson than in its controls: a sentence for each control of the same texts."""
    found = ended(runs)
    ways: dict[tuple[str, str], list[Group]] = {}
    for group, each in found.items():
        for other, controls in {} if is_control(group[1]) else beside(group, found).items():
            over = beyond(each, controls)
            if over is not None and (same_texts(group[1], other[1]) or other[1].startswith("more-text")):
                ways.setdefault((other[1], _than(over)), []).append(group)
    told = [
        f"Beside {lesson_name(other)}, s_Δ rises {than} in {listed(names)}." for (other, than), names in ways.items()
    ]
    return _paragraph(" ".join(told) or "No lesson here has a control beside it.")


def _than(over: OverSeeds) -> str:
    return "by more" if over.above else "by less" if over.below else "by neither more nor less for certain"


def _paragraph(words: str) -> Html:
    return Html(f"<p>{escape(words)}</p>", words)


def tuning_findings(*several: Runs) -> list[Finding]:
    """By model and lesson: how both scores change, what that is made of, what was learnt, and what was forgotten."""
    found = []
    for runs in several:
        for group, each in ended(runs).items() if runs else ():
            found += _of_lesson(group, [run for run in each if not run.stopped])
    return found


def _of_lesson(group: Group, runs: Runs) -> list[Finding]:
    key, said = "-".join(group), group_name(group)
    explained, larger = mean_parts(runs)
    loss = _mean(runs, lambda run: run.after.loss - run.before.loss)
    found = [
        Finding(f"tuning-update-{key}", float(mean_rise(runs, UPDATE).mean), f"{said}: rise of mean s_Δ"),
        Finding(f"tuning-score-{key}", float(mean_rise(runs, SCORE).mean), f"{said}: rise of mean s"),
        Finding(f"tuning-explained-{key}", explained, f"{said}: fall of log(‖E‖² / ‖Y‖²), mean"),
        Finding(f"tuning-size-{key}", larger, f"{said}: rise of log(‖Δ‖² / ‖Y‖²), mean"),
        Finding(f"tuning-loss-{key}", loss, f"{said}: rise of the loss on the measured text, nats a token"),
    ]
    if all(run.right for run in runs):
        right = _mean(runs, lambda run: run.accuracy)
        found.append(Finding(f"tuning-right-{key}", right, f"{said}: share right on the test, mean over seeds"))
    return found


def _mean(runs: Runs, of: Callable) -> float:
    return float(np.mean([of(run) for run in runs]))
