"""Finetunings in words: what a reader calls models and lessons, which are controls, what was run, and rises as said."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from nearlinear.results.tuning import Labels, Preferences, TuningRun
from nearlinear.results.tuning_specs import LESSONS
from nearlinear.results.tuning_views import OverSeeds, by_lesson, by_model, rise

from .drift_words import FAMILIES, signed
from .signal import how_made
from .style import BLUE, DASHES, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from .words import score

Runs = Sequence[TuningRun]
Group = tuple[str, str]
"""(model, lesson)"""

MODELS = {"smollm2-135m": "SmolLM2-135M", "tiny-llama": "tiny Llama", **FAMILIES}

NAMES = {
    "film": "film sentences",
    "contexts": "words in context",
    "shuffled": "film (shuffled labels)",
    "sentences": "film (no labels)",
    "more-text": "more text",
    "rewards": "rewards (words)",
    "film-rewards": "rewards (film)",
    "shuffled-rewards": "rewards (film, shuffled)",
    "multirc": "MultiRC",
    "boolq": "BoolQ",
    "cb": "CB",
    "shuffled-boolq": "BoolQ (shuffled labels)",
    "boolq-sentences": "BoolQ (no labels)",
    "helpful": "rewards (helpful)",
    "shuffled-helpful": "rewards (helpful, shuffled)",
}

SHUFFLED = {
    "film": "shuffled",
    "film-rewards": "shuffled-rewards",
    "boolq": "shuffled-boolq",
    "helpful": "shuffled-helpful",
}
"""Lesson → the same texts in the same order, with labels or preferences that say nothing."""

ADAPTERS = "-adapters"

LOOKS = {
    "film": (BLUE, "o", "-"),
    "contexts": (GREEN, "s", "-"),
    "shuffled": (PURPLE, "^", DASHES),
    "sentences": (ORANGE, "v", DASHES),
    "more-text": (GREY, "D", DASHES),
    "rewards": (VERMILLION, "o", "-"),
    "film-rewards": (BLUE, "s", "-"),
    "shuffled-rewards": (PURPLE, "^", DASHES),
    "multirc": (GREEN, "s", "-"),
    "boolq": (BLUE, "o", "-"),
    "cb": (SKY, "D", "-"),
    "shuffled-boolq": (PURPLE, "^", DASHES),
    "boolq-sentences": (ORANGE, "v", DASHES),
    "helpful": (VERMILLION, "o", "-"),
    "shuffled-helpful": (GREY, "D", DASHES),
}
"""Colour, marker and line of each lesson; controls are dashed."""

UPDATE, SCORE = "update_scores", "scores"
DECIMALS = {UPDATE: 3, SCORE: 4}
SYMBOLS = {UPDATE: "s_Δ", SCORE: "s"}


def groups(runs: Runs) -> dict[Group, list[TuningRun]]:
    """(model, lesson) → its runs by seed. Raises ValueError as `by_lesson` does, and where there is nothing."""
    if not runs:
        raise ValueError("there is no finetuning to show: give one run or more")
    of = by_model(runs)
    return {(model, lesson): each for model, some in of.items() for lesson, each in by_lesson(some).items()}


def ended(runs: Runs) -> dict[Group, list[TuningRun]]:
    """Those groups of which a run came to its end."""
    return {group: each for group, each in groups(runs).items() if not all(run.stopped for run in each)}


def drawable(runs: Runs) -> dict[Group, list[TuningRun]]:
    """The same, for a figure. Raises ValueError where none came to its end."""
    found = ended(runs)
    if not found:
        raise ValueError("none of these finetunings came to its end: take a lower rate")
    return found


def plain(lesson: str) -> str:
    """The lesson's name in LESSONS, whether adapters learn it or not."""
    return lesson.removesuffix(ADAPTERS)


def is_task(lesson: str) -> bool:
    """Labels that say something (L7)."""
    learns = LESSONS[plain(lesson)]
    return isinstance(learns, Labels) and learns.labels == "true"


def is_reward(lesson: str) -> bool:
    """Preferences that say something (L8)."""
    learns = LESSONS[plain(lesson)]
    return isinstance(learns, Preferences) and learns.labels == "true"


def is_control(lesson: str) -> bool:
    return not (is_task(lesson) or is_reward(lesson))


def model_name(model: str) -> str:
    return MODELS.get(model, model)


def lesson_name(lesson: str) -> str:
    """ "film sentences", or "film sentences by adapters" """
    return NAMES[plain(lesson)] + (" by adapters" if lesson.endswith(ADAPTERS) else "")


def group_name(group: Group) -> str:
    """ "SmolLM2-135M on film sentences" """
    return f"{model_name(group[0])} on {lesson_name(group[1])}"


def look_of(lesson: str) -> tuple[str, str, object]:
    """Colour, marker and line; what adapters learn is dotted."""
    colour, marker, line = LOOKS[plain(lesson)]
    return colour, marker, (0, (1, 1.2)) if lesson.endswith(ADAPTERS) else line


def heading(runs: Runs) -> str:
    """What was finetuned, how long, and on what it was measured: a quick run can never pass for the full one."""
    told, held = [], {}
    for model, each in by_model(runs).items():
        run = each[0]
        m, spec, documents = run.provenance.model, run.spec, run.before.documents
        told.append(f"{model_name(model)}: {m.L} block{'s' * (m.L > 1)}, d = {m.d}")
        told.append(f"{spec.recipe.steps:,} steps of {spec.recipe.batch}, T ≤ {spec.T}, n/d = {run.n_over_d:.0f}")
        n = len(documents.tokens)
        held[f"{sum(documents.tokens):,} tokens of {n} documents of {run.provenance.corpus.id}"] = None
    seeds = len({run.spec.seed for run in runs})
    measured = [f"held out: {text}" for text in held]
    return " · ".join([*told, *measured, f"{seeds} seed{'s' * (seeds > 1)}", how_made(runs[0])])


def stopped_said(runs: Runs) -> str:
    """Which finetunings broke off; nothing where none did."""
    broken = [f"{group_name(g)}, seed {r.spec.seed}" for g, each in groups(runs).items() for r in each if r.stopped]
    return f"Broke off, and not drawn: {'; '.join(broken)}." if broken else ""


def rise_told(found: OverSeeds, decimals: int = 3) -> str:
    """+0.041 [+0.030, +0.052] of one number a seed, the interval over seeds where there are several."""
    mean, low, high = (float(each) for each in (found.mean, found.low, found.high))
    if np.isnan(low):
        return signed(mean, decimals)
    return f"{signed(mean, decimals)} [{signed(low, decimals)}, {signed(high, decimals)}]"


def mean_rise(runs: Runs, name: str = UPDATE, **how) -> OverSeeds:
    """The rise of the mean over blocks, one number a seed."""
    return rise(runs, name, **how).over_blocks


WAYS = ("rises", "falls", "neither rises nor falls for certain")


def way(found: OverSeeds) -> str:
    """One of WAYS."""
    return WAYS[0 if found.above else 1 if found.below else 2]


def ranged(values: Iterable[float], say: Callable[[float], str] = score) -> str:
    """Mean over seeds, and from the lowest to the highest; one value where all say the same."""
    values = np.asarray(list(values), float)
    ends = say(float(values.min())), say(float(values.max()))
    if ends[0] == ends[1]:
        return ends[0]
    return f"{say(float(values.mean()))} ({ends[0]} to {ends[1]})"


def listed(of: Iterable[Group]) -> str:
    """ "Llama type on film sentences and words in context, GPT-NeoX type on more text" """
    models: dict[str, list[str]] = {}
    for model, lesson in of:
        models.setdefault(model_name(model), []).append(lesson_name(lesson))
    return ", ".join(f"{model} on {_and(lessons)}" for model, lessons in models.items())


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)
