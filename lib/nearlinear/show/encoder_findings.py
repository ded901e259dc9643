"""The numbers that the chapter on encoders rests on, each with a name and plain words."""

from collections.abc import Iterator

import numpy as np

from nearlinear.results.encoder_views import as_low
from nearlinear.results.finetuning import accuracy_of
from nearlinear.results.training_views import losses, paired

from .counting import NAMES
from .encoder_judged import Judge
from .encoder_words import BASE, SIMPLE, Finetuned, of_control, task_said
from .findings import Finding
from .learning_words import Runs


def encoder_findings(screen: Runs, trained: Runs, tried: Finetuned, finetuned: Finetuned) -> list[Finding]:
    """Chapter 13: what each claim rests on, but for times, which no two machines share."""
    t = Judge(screen, trained, tried, finetuned)
    return [*_losses(t), *(each for task in t.tasks for each in _task(t, task)), *_breaks(t)]


def _losses(t: Judge) -> Iterator[Finding]:
    base = t.blocks[BASE]
    for block, runs in t.blocks.items():
        yield Finding(f"end-{block}", float(losses(runs).mean()), f"{NAMES[block]}: held-out loss")
        if block != BASE:
            yield Finding(f"beside-{block}", float(paired(runs, base).mean()), f"{NAMES[block]} minus {NAMES[BASE]}")
            low = float(np.mean(as_low(runs, base)))
            yield Finding(f"low-{block}", low, f"{NAMES[block]}: steps until it is as low as {NAMES[BASE]} ends")


def _task(t: Judge, task: str) -> Iterator[Finding]:
    said = task_said(task)
    for how, blocks in t.tasks[task].items():
        for block, runs in blocks.items():
            name = of_control(block, how)
            yield Finding(f"{task}-{how}-{block}", accuracy_of(runs).mean, f"{said}, {name}: share right")
    for block in SIMPLE:
        gap = t.beside(task, block).mean
        yield Finding(f"{task}-beside-{block}", gap, f"{said}, {NAMES[block]} minus {NAMES[BASE]}")
    for block, lift in t.lifts(task).items():
        yield Finding(f"{task}-lift-{block}", lift.mean, f"{said}, {NAMES[block]}: pretrained minus from scratch")


def _breaks(t: Judge) -> Iterator[Finding]:
    for block in t.blocks:
        found = t.broke(block)
        yield Finding(f"broke-{block}", found.stopped, f"{NAMES[block]}: finetunings that broke off, of {found.n}")
