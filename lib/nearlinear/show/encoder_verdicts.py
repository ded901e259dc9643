"""What the encoders say about S14, S15 and S16, a row each: by the rules of `encoder_judged`."""

import numpy as np

from nearlinear.results.encoder_views import in_equal_time
from nearlinear.results.finetuning import accuracy_of
from nearlinear.results.training_views import difference

from .counting import NAMES
from .encoder_judged import BEHIND, Judge
from .encoder_longer import encoder_longer_said
from .encoder_said import furthest_apart
from .encoder_words import (
    BASE,
    NO_NORM,
    SIMPLE,
    Finetuned,
    accuracy_told,
    breaks_told,
    loss_gap_told,
    of_control,
    percent,
    points_told,
    task_said,
)
from .learning_words import Runs, gap_said
from .tables import Ours

PRETRAIN = "nearlinear results --only train-laptop-masked"
FINETUNE = "nearlinear results --only finetune-laptop"
"""Make the screens and the long runs again."""


def encoder_rows(screen: Runs, trained: Runs, tried: Finetuned, finetuned: Finetuned, longer: Runs = ()) -> list[Ours]:
    """S14, S15 and S16. `screen`, `tried`: rates of pretraining and of finetuning; `longer`: trainings of more steps,
    which are told of and judge nothing."""
    t = Judge(screen, trained, tried, finetuned)
    return [_in_time(t, trained, longer), _on_tasks(t), _unstable(t)]


def _in_time(t: Judge, trained: Runs, longer: Runs) -> Ours:
    times = in_equal_time(t.blocks)
    gaps = {block: t.behind_in_time(block) for block in (*SIMPLE, NO_NORM)}
    said = "; ".join(f"{NAMES[b]} {_seeds_told(gaps[b])}" for b in SIMPLE)
    steps = ", ".join(f"{NAMES[b]} {times[b][0]:,.0f}" for b in (BASE, *SIMPLE))
    equal = "; ".join(f"{NAMES[b]} {loss_gap_told(difference(t.blocks[b], t.blocks[BASE]))}" for b in SIMPLE)
    rates = ", ".join(f"{NAMES[b]} {t.used[b]:g}" for b in (BASE, *SIMPLE))
    told = [
        f"{NAMES[NO_NORM]}: {_seeds_told(gaps[NO_NORM])}",
        f"after equal steps: {equal}",
        encoder_longer_said(trained, longer).plain.removesuffix("."),
        f"steps by then: {steps}; seconds by the clock of the runs",
        f"rates chosen on other articles ({rates})",
        t.untuned(BASE, *SIMPLE),
        f"d = {t.first.architecture.d}, {t.first.recipe.steps:,} steps",
    ]
    return Ours(
        claim="S14",
        what=f"held-out masked loss minus that of {NAMES[BASE]} in equal time, mean over seeds",
        number=said,
        controls="; ".join(filter(None, told)),
        verdict=t.in_time(),
        command=PRETRAIN,
    )


def _seeds_told(gaps: np.ndarray) -> str:
    """+0.041 (+0.039 to +0.043)"""
    spread = f" ({gap_said(gaps.min())} to {gap_said(gaps.max())})" if len(gaps) > 1 else ""
    return f"{gap_said(gaps.mean())}{spread}"


def _on_tasks(t: Judge) -> Ours:
    tasks = t.telling()
    said = "; ".join(
        f"{task_said(task)}: " + ", ".join(f"{NAMES[b]} {points_told(t.beside(task, b))}" for b in SIMPLE)
        for task in t.tasks
    )
    lifts = [
        f"{task_said(task)}, {NAMES[b]}: {points_told(lift)}" for task in t.tasks for b, lift in t.lifts(task).items()
    ]
    silent = [task_said(task) for task in t.tasks if task not in tasks]
    told = [
        *(_controls_told(t, task) for task in t.tasks),
        f"pretrained minus from scratch: {'; '.join(lifts)}",
        f"decides nothing, as pretraining helps by {100 * BEHIND:g} points or less: {', '.join(silent)}"
        if silent
        else "",
        f"behind means by more than {100 * BEHIND:g} points",
        t.untuned_tasks(BASE, *SIMPLE),
        "stand-ins for two tasks of GLUE and SuperGLUE",
    ]
    return Ours(
        claim="S15",
        what=f"test accuracy after finetuning minus that of {NAMES[BASE]}, mean over seeds",
        number=said,
        controls="; ".join(filter(None, told)),
        verdict=t.on_tasks(),
        command=FINETUNE,
    )


def _controls_told(t: Judge, task: str) -> str:
    """film sentences: Pre-LN 71.2 % (…), Pre-LN, shuffled labels 50.1 % (…), the commonest label 50.0 %"""
    hows = t.tasks[task]
    found = [(how, blocks[BASE]) for how, blocks in hows.items() if BASE in blocks]
    told = [f"{of_control(BASE, how)} {accuracy_told(accuracy_of(each))}" for how, each in found]
    return f"{task_said(task)}: {', '.join(told)}, the commonest label {percent(found[0][1][0].majority)}"


def _unstable(t: Judge) -> Ours:
    others = "; ".join(f"{NAMES[b]}: {breaks_told(t.broke(b))}" for b in t.blocks if b != NO_NORM)
    screens = [
        f"{NAMES[b]}, in the screen: " + ", ".join(f"{breaks_told(each)} at {rate:g}" for rate, each in found.items())
        for b in ("sas-p", NO_NORM)
        if (found := t.broke_at(b))
    ]
    told = [
        others,
        *screens,
        furthest_apart(t.tried).removesuffix(".").replace("Of the", "of the"),
        f"numbers in {t.finetuning.recipe.precision}",
    ]
    return Ours(
        claim="S16",
        what=f"finetunings of {NAMES[NO_NORM]} that broke, at its chosen rate, on both tasks",
        number=breaks_told(t.broke(NO_NORM)),
        controls="; ".join(filter(None, told)),
        verdict=t.unstable(),
        command=FINETUNE,
    )
