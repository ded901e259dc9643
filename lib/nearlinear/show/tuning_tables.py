"""Finetunings in numbers: rates, what was learnt, scores before and after, and the rise beside every control."""

import math
from html import escape

import numpy as np

from nearlinear.results.tuning import TuningRun
from nearlinear.results.tuning_specs import LESSONS
from nearlinear.results.tuning_views import OverSeeds, accuracy_interval, against, measure, over_documents

from .drift_tables import BROKE_OFF
from .learning_words import loss_said
from .shown import Html
from .tables import at_least, table
from .tuning_words import (
    ADAPTERS,
    DECIMALS,
    SCORE,
    SYMBOLS,
    UPDATE,
    Group,
    Runs,
    ended,
    group_name,
    groups,
    heading,
    is_control,
    lesson_name,
    mean_rise,
    model_name,
    plain,
    ranged,
    rise_told,
    signed,
)

NOT_ASKED = "—"


def percent(value: float) -> str:
    return "no answer" if math.isnan(value) else f"{100 * value:.1f} %"


def tuning_rates(screen: Runs, runs: Runs = ()) -> Html:
    """Right answers and loss on the part for choices at the end, by rate, with every weight trained and by adapters.

    `runs`: the long ones, whose rate is marked.
    """
    rows, used = [], {(_adapted(run), run.spec.recipe.lr) for run in runs}
    for adapters in (False, True):
        tried = sorted((run for run in screen if _adapted(run) == adapters), key=lambda run: run.spec.recipe.lr)
        losses = [math.nan if run.stopped else run.after.task_loss for run in tried]
        best = int(np.nanargmin(losses)) if np.isfinite(losses).any() else -1
        edge = len(tried) > 1 and best in (0, len(tried) - 1)
        for k, run in enumerate(tried):
            marks = [f"least loss{', at the edge of those tried' if edge else ''}"] if k == best else []
            marks += ["rate of the long runs"] if (adapters, run.spec.recipe.lr) in used else []
            rows.append([*_tried(run), "; ".join(marks)])
    spec = screen[0].spec
    title = (
        f"Tried rates: {model_name(spec.model.spec.architecture.family)} after {spec.recipe.steps:,} steps of "
        f"{lesson_name('film')}, on examples that are used for choices alone; one seed, which is used for nothing "
        f"else. {heading(screen)}"
    )
    return table(title, ("trained", "rate", "right", "loss, nats", ""), rows)


def _adapted(run: TuningRun) -> bool:
    return run.spec.rank is not None


def _tried(run: TuningRun) -> list[str]:
    what = f"adapters of rank {run.spec.rank}" if _adapted(run) else "every weight"
    ends = [BROKE_OFF, ""] if run.stopped else [percent(run.chosen_accuracy), loss_said(run.after.task_loss)]
    return [what, f"{run.spec.recipe.lr:g}", *ends]


def tuning_learnt(runs: Runs) -> Html:
    """What was learnt: right answers on the test with an interval, what the commonest label gets, and what is lost."""
    rows = []
    for group, each in groups(runs).items():
        run, kept = each[0], [run for run in each if not run.stopped]
        asked = [run for run in kept if run.right]
        marks = [ranged([run.accuracy for run in asked], percent), _intervals(asked)] if asked else [NOT_ASKED] * 2
        rows.append(
            [
                at_least(9, escape(group_name(group))),
                f"{run.n_train:,}",
                f"{run.n_cut:,}",
                f"{run.epochs:.2g}",
                f"{run.n_trained:,} of {run.n_parameters:,}",
                *marks,
                percent(run.majority) if asked else NOT_ASKED,
                ("yes" if is_learnt(each) else "no") if asked else NOT_ASKED,
                ranged([run.before.loss for run in kept], loss_said) if kept else BROKE_OFF,
                ranged([run.after.loss for run in kept], loss_said) if kept else BROKE_OFF,
            ]
        )
    head = (
        "model and lesson", "examples", "texts cut at T", "read, times", "weights trained", "right on the test",
        "95 % by seed", "commonest label", "learnt", "text loss before", "text loss after",
    )  # fmt: skip
    title = (
        "What was learnt: mean over seeds and range; intervals over groups of test examples. Learnt: with every seed "
        "the interval lies above the commonest label. Examples: texts, pairs or windows. Text loss: nats a token "
        f"of the measured text, which no lesson teaches. {heading(runs)}"
    )
    return table(title, head, rows)


def is_learnt(runs: Runs) -> bool:
    """Whether every run that came to its end answers better than the commonest label."""
    done = [run for run in runs if not run.stopped]
    return bool(done) and all(run.right and accuracy_interval(run)[0] > run.majority for run in done)


def _intervals(runs: Runs) -> str:
    return "; ".join("{} to {}".format(*map(percent, accuracy_interval(run))) for run in runs)


def tuning_table(runs: Runs) -> Html:
    """Both scores before and after, means over blocks, and their change with intervals over seeds and documents."""
    rows = []
    for group, each in ended(runs).items():
        kept = [run for run in each if not run.stopped]
        cells = [at_least(9, escape(group_name(group)))]
        for name, decimals in DECIMALS.items():
            cells += [ranged(float(measure(look, name).mean()) for look in looks) for looks in _ends(kept)]
            cells += [at_least(8, rise_told(mean_rise(each, name), decimals))]
            low, high = over_documents(kept[0], name)[-1]
            cells += [at_least(7, f"[{signed(low, decimals)}, {signed(high, decimals)}]")]
        rows.append(cells)
    parts = [
        f"{said} {what}" for said in SYMBOLS.values() for what in ("before", "after", "rise", "over documents")
    ]  # fmt: skip
    title = (
        "Means over blocks, held out, first tokens left out; mean over seeds and range. Rise: 95 % interval over seeds "
        f"(Student's t); over documents: that of the first seed, by bootstrap. {heading(runs)}"
    )
    return table(title, ("model and lesson", *parts), rows)


def _ends(runs: Runs) -> tuple[list, list]:
    return [run.before for run in runs], [run.after for run in runs]


def tuning_ways(runs: Runs) -> Html:
    """The rise of both scores under each control of measuring, from the strictest to the paper's own."""
    ways = {
        "held out, first tokens out": lambda each, name: mean_rise(each, name),
        "held out, first tokens in": lambda each, name: mean_rise(each, name, first_tokens=True),
        "in sample, first tokens in (the paper's way)": lambda each, name: mean_rise(each, f"in_sample_{name}"),
    }
    rows = [
        [at_least(9, escape(group_name(group))), SYMBOLS[name]]
        + [rise_told(of(each, name), DECIMALS[name]) for of in ways.values()]
        for group, each in ended(runs).items()
        for name in (UPDATE, SCORE)
    ]
    title = f"Rise of the mean over blocks, with a 95 % interval over seeds, by the way of measuring. {heading(runs)}"
    return table(title, ("model and lesson", "score", *ways), rows)


def beside(group: Group, found: dict[Group, list[TuningRun]]) -> dict[Group, list[TuningRun]]:
    """The controls of the same model, taught in the same way: with every weight, or by adapters."""
    model, lesson = group
    return {
        other: each
        for other, each in found.items()
        if other[0] == model and is_control(other[1]) and other[1].endswith(ADAPTERS) == lesson.endswith(ADAPTERS)
    }


def tuning_beyond(runs: Runs) -> Html:
    """How much more s_Δ rises in a lesson than in each control of its model, seed by seed."""
    found, rows = ended(runs), []
    for group, each in found.items():
        if not is_control(group[1]):
            for other, controls in beside(group, found).items():
                over = beyond(each, controls)
                if over is None:
                    continue
                share = "yes" if same_texts(group[1], other[1]) else "no"
                name = at_least(9, escape(group_name(group)))
                rows.append([name, lesson_name(other[1]), share, rise_told(over), _beyond(over)])
    head = ("model and lesson", "control", "reads the same texts", "rises by so much more", "so")
    title = f"Rise of the mean s_Δ less that of a control of the same seed, 95 % interval over seeds. {heading(runs)}"
    return table(title, head, rows)


def beyond(runs: Runs, controls: Runs) -> OverSeeds | None:
    """How much more the mean of s_Δ rises than in the control of the same seed; None where no pair came to its end."""
    pairs = zip(runs, controls, strict=True)
    return against(runs, controls).over_blocks if any(not (a.stopped or b.stopped) for a, b in pairs) else None


def _beyond(over: OverSeeds) -> str:
    return "more" if over.above else "less" if over.below else "no difference for certain"


def same_texts(lesson: str, control: str) -> bool:
    """Whether both read the same texts: of one task, or of one set of pairs."""
    one, other = (LESSONS[plain(each)].model_dump() for each in (lesson, control))
    names = ("task", "pairs")
    return any(name in one and one[name] == other.get(name) for name in names)
