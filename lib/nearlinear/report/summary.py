"""A report in plain sentences: every number in them is computed here, from the results."""

import math
from collections.abc import Sequence

import numpy as np

from nearlinear.results.pruning import Changed, PruningStudy
from nearlinear.results.types import HeldOutScores, LinearityProfile
from nearlinear.show.words import is_encoder, is_random, model_name, number, score

from .types import Report

MASSIVE = 10
"""From how many medians on a token is massive; the library counts them with the same number."""

APART = 0.2
"""Shares further apart than this are two numbers."""


def summary(report: Report, recorded: Sequence[LinearityProfile] = ()) -> list[str]:
    """What was found, a sentence or two a line, from the plainest to the finest."""
    profile = report.profile
    lines = [_read(profile), _broken(report), _score(profile), _update(profile), _beside(profile, recorded)]
    lines += [_size(profile), _massive(report), *_pruning(report)]
    return [line for line in lines if line]


def median(values: Sequence[float]) -> float:
    """The median of those that are there; NaN of none."""
    known = [v for v in values if not math.isnan(v)]
    return float(np.median(known)) if known else math.nan


def extremes(values: Sequence[float]) -> tuple[int, int] | None:
    """The blocks with the least and the most, NaN left aside; None where there is no answer at all."""
    known = [block for block, v in enumerate(values) if not math.isnan(v)]
    if not known:
        return None
    return min(known, key=lambda b: values[b]), max(known, key=lambda b: values[b])


def count(n: int, what: str) -> str:
    """ "1 block", "3,000 tokens"."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def middle(L: int) -> str:
    """Whose number the middle one is: of one block there is no median."""
    return "the median block" if L > 1 else "its block"


def _read(profile: LinearityProfile) -> str:
    made = profile.provenance
    kind = "An encoder" if is_encoder(profile) else "A decoder"
    perplexity = "" if math.isnan(profile.perplexity) else f" Its perplexity there is {number(profile.perplexity)}."
    return (
        f"{kind} of {count(profile.L, 'block')} of width {profile.d:,} read {count(profile.n, 'token')} "
        f"of {made.corpus.id}, {number(profile.n_over_d)} for each dimension.{perplexity}"
    )


def _broken(report: Report) -> str:
    if report.broken is None:
        return ""
    rest = "It and the later ones have" if report.broken < report.profile.L - 1 else "It has"
    return f"Block {report.broken} is the first whose states hold NaN or infinite numbers. {rest} no score."


def _score(profile: LinearityProfile) -> str:
    """With the residual: as published, then under the controls one after the other."""
    if extremes(profile.scores) is None:
        return "No block has a score."
    said = (
        f"Measured as in the paper, a matrix reproduces the states after {middle(profile.L)} with a score of "
        f"{score(median(profile.scores))}; without each window's first token "
        f"{score(median(profile.no_first_token.scores))}"
    )
    if profile.held_out is None:
        return f"{said}. No text was held out."
    held = profile.held_out.no_first_token
    return f"{said}; on held-out text, first token out, {score(median(held.scores))}{_over(held, profile.d)}."


def _update(profile: LinearityProfile) -> str:
    """Without the residual, by the strictest control that does not change the tokens from block to block."""
    part = profile.held_out.no_first_token if profile.held_out else profile.no_first_token
    where = "on held-out text" if profile.held_out else "in-sample"
    if (ends := extremes(part.update_scores)) is None:
        return ""
    low, high = ends
    values = part.update_scores
    said = (
        f"Of what a block adds to its input, a line of that input explains {share(median(values))} "
        f"({middle(profile.L)}, {where}, first token out)"
    )
    if low == high:
        return said + "."
    said += f": from {share(values[low])} at block {low} to {share(values[high])} at block {high}."
    if values[low] < 0:
        said += " A share below zero means that the line does worse than the mean."
    return said + _without_massive(profile, low)


def _without_massive(profile: LinearityProfile, block: int) -> str:
    """What is left of the lowest share once massive tokens are out, where that is another number."""
    if profile.held_out is None:
        return ""
    held = profile.held_out
    before, after = (part.update_scores[block] for part in (held.no_first_token, held.no_massive_token))
    if not after - before > APART:
        return ""
    return f" In block {block} a few massive tokens make the number: without them it is {share(after)}."


def _over(held: HeldOutScores, d: int) -> str:
    return f" (fitted on {number(held.n_fit / d)} tokens for each dimension)"


def share(value: float) -> str:
    """A score as a percentage, without decimals from a whole on."""
    return f"{100 * value:,.{0 if abs(value) >= 1 else 1}f} %".replace("-", "−")


def _beside(profile: LinearityProfile, recorded: Sequence[LinearityProfile]) -> str:
    """The same number of the recorded models."""
    known = [p for p in recorded if p.held_out is not None]
    if profile.held_out is None or not known:
        return ""
    each = [f"{share(median(p.held_out.no_first_token.update_scores))} for {_called(p)}" for p in known]
    return f"The same number of the recorded models, on {_texts(known)}: {', '.join(each)}."


def _called(profile: LinearityProfile) -> str:
    name = model_name(profile.provenance)
    return f"{name} (an encoder)" if is_encoder(profile) and not is_random(profile.provenance) else name


def _texts(profiles: Sequence[LinearityProfile]) -> str:
    return ", ".join(dict.fromkeys(p.provenance.corpus.id for p in profiles))


def _size(profile: LinearityProfile) -> str:
    if (ends := extremes(profile.norm_ratio)) is None:
        return ""
    low, high = ends
    said = f"The change is {share(median(profile.norm_ratio))} of the length of the state after {middle(profile.L)}"
    if low == high:
        return said + ", on average over tokens."
    ratio = profile.norm_ratio
    least, most = (f"at block {block} ({share(ratio[block])})" for block in ends)
    return f"{said}, on average over tokens: least {least}, most {most}."


def _massive(report: Report) -> str:
    profile, hidden = report.profile, report.hidden
    most = max(range(profile.L), key=lambda b: profile.massive_tokens[b])
    if profile.massive_tokens[most]:
        said = (
            f"Besides first tokens, {count(profile.massive_tokens[most], 'token')} of {profile.n:,} in block {most} "
            f"had a state over {MASSIVE} times longer than the median token's; no block has more."
        )
    elif all(math.isnan(s) for s in profile.scores):
        return ""
    else:
        said = f"Besides first tokens, no token's state was over {MASSIVE} times longer than the median token's."
    if hidden is None or (ends := extremes(hidden.first_times)) is None:
        return said
    first = hidden.first_times[ends[1]]
    return (
        f"{said} A window's first token is {number(first)} times as long as the median after block {ends[1]}, "
        "where it is longest."
    )


def _pruning(report: Report) -> list[str]:
    """What blocks cost alone, and what the orders lead to."""
    study = report.pruning
    if study is None:
        return []
    return [line for line in (_alone(study), _lines(study), *(_orders(study, how) for how in study.single)) if line]


def _alone(study: PruningStudy) -> str:
    removed = study.single["remove"]
    ends = extremes([step.difference for step in removed])
    if ends is None:
        return ""
    low, high = ends
    free = sum(step.interval[0] <= 0 for step in removed)
    text = f"{count(study.n_evaluate, 'token')} of text"
    return (
        f"Taken out alone, block {low} costs least: {nats(removed[low])}; block {high} costs most: "
        f"{nats(removed[high])}. "
        + (f"{free} of {study.L} cost nothing that {text} can show." if free else f"What each costs shows on {text}.")
    )


def nats(step: Changed) -> str:
    """A difference with its interval."""
    low, high = step.interval
    inside = "" if math.isnan(low) else f" [{number(low)}, {number(high)}]"
    return f"{number(step.difference)} nats a token{inside}"


def _lines(study: PruningStudy) -> str:
    """What a map in a block's place gives back."""
    pairs = list(zip(study.single["remove"], study.single["replace"], strict=True))
    better = sum(replaced.difference < removed.difference for removed, replaced in pairs)
    removed, replaced = (median([step.difference for step in steps]) for steps in zip(*pairs, strict=True))
    return (
        f"A line in a block's place is better than nothing there for {better} of {study.L} blocks: {middle(study.L)} "
        f"costs {number(replaced)} nats a token in place of {number(removed)}."
    )


def _orders(study: PruningStudy, how: str) -> str:
    """Every order at the last step that all of them reach; which is best is left to the reader, who saw one text."""
    curves = [curve for curve in study.curves if curve.how == how]
    steps = min((len(curve.steps) for curve in curves), default=0)
    if not steps:
        return ""
    lasts = [(curve.order, curve.steps[steps - 1]) for curve in curves]
    done = {"remove": "removed", "replace": "replaced by lines"}[how]
    each = [
        f"{number(last.perplexity)} {ORDER_NAMES.get(order, order)} ({', '.join(map(str, last.layers))})"
        for order, last in lasts
    ]
    dense = number(study.dense_perplexity)
    return f"With {count(steps, 'block')} {done}, perplexity goes from {dense} to {'; '.join(each)}."


ORDER_NAMES = {"score": "by the paper's score", "bi": "by block influence", "greedy": "greedy by loss"}
