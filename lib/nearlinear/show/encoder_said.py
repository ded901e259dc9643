"""What the encoders say, in sentences that follow the runs, whatever these turn out to be."""

from collections.abc import Mapping

import numpy as np

from nearlinear.results.encoder_views import as_low, in_equal_time
from nearlinear.results.finetuning import Accuracy, accuracy_of, difference
from nearlinear.results.finetuning_views import block_of, breaks, by_task, screened_rates
from nearlinear.results.training import Block
from nearlinear.results.training_views import Screened, by_block, loss_after
from nearlinear.results.training_views import difference as loss_difference

from .counting import NAMES
from .encoder_words import (
    BASE,
    NO_NORM,
    Finetuned,
    breaks_told,
    direction,
    listed,
    of_control,
    paragraphs,
    percent,
    points,
    sized,
    sorted_out,
    task_said,
    told,
)
from .learning_words import Runs, loss_said
from .shown import Html
from .words import sentences

EARLY, LATE = 0.1, 0.5
"""Shares of the steps at which all blocks are compared."""


def encoder_waiting_said(runs: Runs, frequencies: float | None = None) -> Html:
    """Where all blocks stand early and half-way, and when each is as low as the base block ends.

    `frequencies`: the loss of one who knows how frequent each token is.
    """
    blocks = by_block(runs)
    steps = runs[0].spec.recipe.steps
    parts = [_between(runs, share) for share in (EARLY, LATE)]
    low = {block: as_low(each, blocks[BASE]) for block, each in blocks.items() if block != BASE}
    sooner = [f"{NAMES[b]} after {at.mean():,.0f}" for b, at in low.items() if not np.isnan(at).any()]
    never = [NAMES[b] for b, at in low.items() if np.isnan(at).any()]
    alone = "" if frequencies is None else f"Who knows frequencies alone has a loss of {loss_said(frequencies)}."
    return told(
        alone,
        *parts,
        f"As low as {NAMES[BASE]} ends after {steps:,} steps, mean over seeds: {', '.join(sooner)}." if sooner else "",
        f"Not as low with every seed: {listed(never)}." if never else "",
    )


def _between(runs: Runs, share: float) -> str:
    """Where the blocks stand after a share of the steps."""
    step = share * runs[0].spec.recipe.steps
    blocks = by_block(runs)
    means = {b: float(np.mean([loss_after(run, step) for run in each])) for b, each in blocks.items()}
    known = {b: mean for b, mean in means.items() if not np.isnan(mean)}
    if not known:
        return f"After {step:,.0f} steps no block is left."
    first, last = min(known, key=known.get), max(known, key=known.get)
    return (
        f"After {step:,.0f} steps the blocks stand between {loss_said(known[first])} ({NAMES[first]}) and "
        f"{loss_said(known[last])} ({NAMES[last]})."
    )


def encoder_ends_said(runs: Runs) -> Html:
    """Which blocks end lower than the base block and which higher, after equal steps and in equal time."""
    blocks, times = by_block(runs), in_equal_time(by_block(runs))
    gaps = {b: loss_difference(each, blocks[BASE]) for b, each in blocks.items() if b != BASE}
    labels = {
        "better": f"Clearly lower than {NAMES[BASE]} after equal steps",
        "worse": f"Clearly higher than {NAMES[BASE]}",
        "unclear": f"Not to be told from {NAMES[BASE]}",
        "broke off": "No answer, because a training broke off",
    }
    in_time = {b: float((times[b][1] - times[BASE][1]).mean()) for b in gaps if b in times}
    return told(
        sorted_out({b: direction(gap) for b, gap in gaps.items()}, labels),
        f"Minus {NAMES[BASE]}, mean over seeds: {sized({b: gap.mean for b, gap in gaps.items()})}.",
        f"In equal time: {sized(in_time)}.",
    )


def finetuned_said(runs: Finetuned) -> Html:
    """What pretraining and the controls say of each task, and how far apart the blocks are on it."""
    return paragraphs(*(sentences(*_task_said(task, hows)) for task, hows in by_task(runs).items()))


def _task_said(task: str, hows: Mapping) -> list[str]:
    found = {block: accuracy_of(each) for block, each in hows["pretrained"].items()}
    known = {block: one for block, one in found.items() if one.n_runs}
    name = task_said(task).capitalize()
    if not known:
        return [f"{name}: every finetuning broke off."]
    low, high = min(known, key=lambda b: known[b].mean), max(known, key=lambda b: known[b].mean)
    majority = next(iter(hows["pretrained"].values()))[0].majority
    guessing = [NAMES[b] for b, one in known.items() if one.interval[0] <= majority]
    beside = {b: difference(each, hows["pretrained"][BASE]) for b, each in hows["pretrained"].items() if b != BASE}
    apart = [f"{NAMES[b]} {points(one.mean)}" for b, one in beside.items() if one.n_runs and _is_clear(one)]
    ends = [f"{percent(known[block].mean)} ({NAMES[block]})" for block in (low, high)]
    return [
        f"{name}: from {ends[0]} to {ends[1]} right; the commonest label is right on {percent(majority)}.",
        f"Not clearly above that: {listed(guessing)}." if guessing else "All are above that.",
        _learnt(hows["pretrained"]),
        *_lifts(hows),
        f"Points from {NAMES[BASE]}, where the interval over test items leaves zero out: {', '.join(apart)}."
        if apart
        else f"No block is away from {NAMES[BASE]} by more than other test items could do.",
    ]


def _learnt(blocks: Mapping) -> str:
    """How much of what they learnt from is right at the end: little where not even that was learnt."""
    shares = [run.train_accuracy for each in blocks.values() for run in each if not run.stopped]
    return f"Of what they learnt from, {percent(min(shares))} to {percent(max(shares))}."


def _lifts(hows: Mapping) -> list[str]:
    """What pretraining adds, and what is learnt from labels dealt out anew."""
    lifts = {b: difference(hows["pretrained"][b], each) for b, each in hows.get("scratch", {}).items()}
    said = [f"{points(one.mean)} points for {NAMES[b]}" for b, one in lifts.items() if one.n_runs]
    parts = [f"Pretraining beside fresh weights: {listed(said)}."] if said else []
    for block, each in hows.get("shuffled", {}).items():
        one = accuracy_of(each)
        learnt = float(np.mean([run.train_accuracy for run in each]))
        label = of_control(block, "shuffled")
        parts.append(f"{label}: {percent(one.mean)} of the test, {percent(learnt)} of what it learnt from.")
    return parts


def _is_clear(found: Accuracy) -> bool:
    return found.interval[0] > 0 or found.interval[1] < 0


def broken_said(tried: Finetuned, runs: Finetuned) -> Html:
    """Whether the model without norms broke in finetuning, whether others did, and at which rates."""
    pretrained = [run for run in runs if run.spec.pretrained is None and run.spec.labels == "true"]
    blocks = list(dict.fromkeys(map(block_of, pretrained)))
    by = {b: breaks([run for run in pretrained if block_of(run) == b]) for b in blocks}
    own = f"{NAMES[NO_NORM]}: {breaks_told(by[NO_NORM])} broke off." if NO_NORM in by else ""
    others = [f"{NAMES[b]} {breaks_told(by[b])}" for b in blocks if b != NO_NORM and by[b].any]
    nor = "No" if own and not by[NO_NORM].any else "No other"
    said = f"Of the others: {', '.join(others)}." if others else f"{nor} finetuning of any block broke."
    return told(f"At the chosen rates, {own}" if own else "", said, _screens_said(tried), furthest_apart(tried))


def _screens_said(tried: Finetuned) -> str:
    """At which rates of the screen something broke, after pretraining."""
    of: dict[tuple[Block, float], list] = {}
    for run in tried:
        if run.spec.pretrained is None:
            of.setdefault((block_of(run), run.spec.recipe.lr), []).append(run)
    broke = [f"{NAMES[block]} at {rate:g}" for (block, rate), each in of.items() if breaks(each).any]
    highest = max((rate for _, rate in of), default=float("nan"))
    return f"In the screen broke: {', '.join(broke)}." if broke else f"In the screen nothing broke, up to {highest:g}."


def furthest_apart(tried: Finetuned, one: Block = "sas-p", other: Block = NO_NORM) -> str:
    """The rate of the screen at which two blocks differ most, and how often each is right there: a model need not break
    to fail."""
    found = {b: _shares(rate_of) for b, rate_of in screened_rates(tried).items() if b in (one, other)}
    common = sorted(set(found.get(one, {})) & set(found.get(other, {})))
    if not common:
        return ""
    rate = max(common, key=lambda r: abs(found[one][r] - found[other][r]))
    a, b = (percent(found[block][rate]) for block in (one, other))
    return (
        f"Of the rates that both were tried with, they are furthest apart at {rate:g}: there {NAMES[one]} is right on "
        f"{a} of the examples for choices, {NAMES[other]} on {b}."
    )


def _shares(one: Screened) -> dict[float, float]:
    """Rate → share right, without what broke off."""
    return {rate: 1 - wrong for rate, wrong in zip(one.rates, one.losses, strict=True) if not np.isnan(wrong)}
