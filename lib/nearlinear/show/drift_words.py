"""Drifts in words: what a reader calls families and texts, what was trained, and values with their spread."""

from collections.abc import Sequence

import numpy as np

from nearlinear.results.drift import DriftRun
from nearlinear.results.drift_groups import Change, Group, by_group

from .signal import how_made
from .style import BLUE, GREEN, VERMILLION
from .words import score

Runs = Sequence[DriftRun]

FAMILIES = {"llama": "Llama type", "gpt-neox": "GPT-NeoX type", "sas": "SAS"}
TEXTS = {"wikipedia-sample": "prose", "tales": "tales", "python-stdlib": "code", "python-packages": "code"}

LOOKS = {"llama": (BLUE, "o", "-"), "gpt-neox": (VERMILLION, "s", (0, (5, 1.5))), "sas": (GREEN, "D", "-")}
"""Colour, marker and line of each family."""

SPREAD = "Line: mean over {} seeds of weights and order of the text; band: from the lowest to the highest."


def family_name(family: str) -> str:
    return FAMILIES.get(family, family)


def text_name(corpus: str) -> str:
    return TEXTS.get(corpus, corpus)


def group_name(group: Group) -> str:
    """ "Llama type on prose" """
    return f"{family_name(group[0])} on {text_name(group[1])}"


def corpora(runs: Runs) -> list[str]:
    """Every text once, in the order of the runs."""
    return list(dict.fromkeys(run.spec.reading.corpus for run in runs))


def heading(runs: Runs) -> str:
    """What was trained, on how much, and how often, so that a quick run can never pass for the full one."""
    spec, seeds = runs[0].spec, len({run.spec.seed for run in runs})
    shape, texts = spec.architecture, []
    for corpus in corpora(runs):
        run = next(run for run in runs if run.spec.reading.corpus == corpus)
        texts.append(f"{run.spec.recipe.steps:,} steps of {corpus} ({run.spec.reading.tokens})")
    held_out = dict.fromkeys(f"{sum(r.documents.tokens):,} tokens of {len(r.documents.tokens)} documents" for r in runs)
    return " · ".join(
        [
            f"{shape.L} block{'s' * (shape.L > 1)}, d = {shape.d}, {shape.h} heads",
            f"T = {shape.T}, B = {spec.recipe.batch}",
            *texts,
            f"held out: {', '.join(held_out)}",
            f"n/d = {runs[0].n_over_d:.0f}",
            f"{seeds} seed{'s' * (seeds > 1)}",
            how_made(runs[0]),
        ]
    )


def epochs_said(runs: Runs) -> str:
    """How often each text is read: what is read more than once may be learnt by heart."""
    told = [f"{text_name(run.spec.reading.corpus)} {run.epochs:.2g} times" for run in _one_a_text(runs)]
    return f"Read: {', '.join(told)}."


def _one_a_text(runs: Runs) -> list[DriftRun]:
    return list({run.spec.reading.corpus: run for run in runs}.values())


def spread_note(runs: Runs) -> str:
    seeds = max(len(each) for each in by_group(runs).values())
    return "One seed of weights and order of the text." if seeds == 1 else SPREAD.format(seeds)


def stopped_said(runs: Runs) -> str:
    """Which trainings broke off; nothing where none did."""
    broken = [f"{group_name(g)}, seed {r.spec.seed}" for g, each in by_group(runs).items() for r in each if r.stopped]
    return f"Broke off, and not drawn: {'; '.join(broken)}." if broken else ""


def ranged(values: np.ndarray, say=score) -> str:
    """Mean over seeds, and from the lowest to the highest: 0.612 (0.601 to 0.624)."""
    if len(values) == 1:
        return say(float(values[0]))
    return f"{say(float(values.mean()))} ({say(float(values.min()))} to {say(float(values.max()))})"


def signed(value: float, decimals: int = 3) -> str:
    """−0.041; what rounds to nothing has a plus."""
    return "no answer" if np.isnan(value) else f"{round(value, decimals) + 0.0:+.{decimals}f}".replace("-", "−")


def change_told(found: Change, decimals: int = 3) -> str:
    """−0.041 [−0.052, −0.030], the interval over seeds where there are several."""
    low, high = found.interval
    if np.isnan(low):
        return signed(found.mean, decimals)
    return f"{signed(found.mean, decimals)} [{signed(low, decimals)}, {signed(high, decimals)}]"
