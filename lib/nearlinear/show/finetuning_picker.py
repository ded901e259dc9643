"""A picker of finetunings: task × block × seed, each beside its controls."""

import ipywidgets as widgets
import numpy as np

from nearlinear.results.finetuning import FinetuneRun
from nearlinear.results.finetuning_views import ByTask, by_task
from nearlinear.results.training import Block

from . import svg
from .counting import NAMES
from .encoder_words import BASE, Finetuned, finetune_heading, of_control, percent, task_said
from .finetuning import ends_of
from .frames import FLOOR, LEFT, RIGHT, TOP, Frame, side_by_side, under
from .learning_picker import seed_controls
from .picker import _chosen, _drawn, _refuse_heavy, _wide
from .signal import LOOKS
from .style import FAINT, ORANGE

DASHED = " stroke-dasharray='5 3'"
DOTTED = " stroke-dasharray='1.5 2.5'"


def finetuning_picker(runs: Finetuned, name: str = "Finetuning") -> widgets.VBox:
    """One finetuning at a time, by task, block and seed, beside those from scratch. Every frame is on the page.

    Raises ValueError for seeds that do not count from 0, and for a picker that is heavier than BUDGET.
    """
    tasks = by_task(runs)
    every = [each for hows in tasks.values() for each in hows["pretrained"].values()]
    n = len(every[0])
    if any([run.spec.seed for run in each] != [*range(n)] for each in every):
        raise ValueError("the picker counts seeds from 0 for every block: give it runs with seeds 0, 1, 2 and so on")
    slider, row = seed_controls(name, n)
    blocks = list(dict.fromkeys(block for hows in tasks.values() for block in hows["pretrained"]))
    task = widgets.Dropdown(options=[task_said(t) for t in tasks], index=0, description=f"{name}: task", **_wide())
    which = widgets.Dropdown(options=[NAMES[b] for b in blocks], index=0, description=f"{name}: block", **_wide())

    def page(of: str, block: Block) -> widgets.Widget:
        pairs = [(run, control_of(tasks, run)) for run in tasks[of]["pretrained"][block]]
        return _chosen(slider, "value", _drawn([finetuning_frame(*pair) for pair in pairs]))

    pages = [_chosen(which, "index", [page(of, block) for block in blocks]) for of in tasks]
    picker = widgets.VBox([task, which, row, _chosen(task, "index", pages)])
    _refuse_heavy(picker, name)
    return picker


def control_of(tasks: ByTask, run: FinetuneRun) -> FinetuneRun | None:
    """The same from scratch: of the run's own block where that was trained, else of the base block; None without."""
    blocks = tasks[run.spec.task].get("scratch", {})
    of_block = blocks.get(run.spec.model.architecture.block) or blocks.get(BASE) or ()
    return next((each for each in of_block if each.spec.seed == run.spec.seed), None)


def finetuning_frame(run: FinetuneRun, scratch: FinetuneRun | None) -> Frame:
    """Left the training loss, right how often it is right on examples for choices, and at the end on the test."""
    block = run.spec.model.architecture.block
    drawn = [(run, LOOKS[block][0], "")] + ([(scratch, ORANGE, DASHED)] if scratch else [])
    x = svg.Scale(0, run.spec.recipe.steps, LEFT + 6, RIGHT - 6)
    beside = of_control(scratch.spec.model.architecture.block, "scratch") if scratch else ""
    head = f"{task_said(run.spec.task)}, {NAMES[block]}, seed {run.spec.seed}"
    other = f"{beside}, with the same seed: {ends_of(scratch)}." if scratch else ""
    alt = f"{head}: {ends_of(run)}. {other} {finetune_heading([run])}."
    within = f"; 95 % interval over the test {percent(run.interval[0])} to {percent(run.interval[1])}"
    below = (
        f"<p style='margin:6px 0 0'><b>{head}</b> · {ends_of(run)}{'' if run.stopped else within}.</p>"
        f"<p style='margin:2px 0 0;font-size:12px;color:{FAINT}'>{f'Dashed: {other}' if other else ''} Dotted: blind "
        f"guessing. {finetune_heading([run])}.</p>"
    )
    return Frame.of(side_by_side(_losses_drawn(drawn, x), _shares_drawn(drawn, x)), alt, below)


def _losses_drawn(drawn: list, x: svg.Scale) -> list[str]:
    guess = float(np.log(len(drawn[0][0].labels)))
    found = [loss for run, *_ in drawn for loss in run.losses]
    y = svg.Scale(min([*found, guess]) - 0.02, max([*found, guess]) + 0.02, FLOOR, TOP)
    lines = [_curve(x, y, run.steps, run.losses, colour, look) for run, colour, look in drawn]
    return [svg.text(0, 12, "training loss, nats", colour=FAINT), *_field(x, y, guess), *lines]


def _shares_drawn(drawn: list, x: svg.Scale) -> list[str]:
    """Right on the part for choices, in per cent, at every look."""
    found = [100 * look.accuracy for run, *_ in drawn for look in run.looks]
    guess = 100 / len(drawn[0][0].labels)
    y = svg.Scale(min([*found, guess]) - 2, max([*found, guess]) + 2, FLOOR, TOP)
    lines = []
    for run, colour, look in drawn:
        steps, shares = [each.step for each in run.looks], [100 * each.accuracy for each in run.looks]
        lines.append(_curve(x, y, steps, shares, colour, look))
        lines += [svg.marker("o", x(a), y(b), colour, hollow=bool(look)) for a, b in zip(steps, shares, strict=True)]
    return [svg.text(0, 12, "right on examples for choices, %", colour=FAINT), *_field(x, y, guess), *lines]


def _field(x: svg.Scale, y: svg.Scale, guess: float) -> list[str]:
    """Rules with their numbers, steps below, and the line of blind guessing."""
    marks = (x.low, (x.low + x.high) / 2, x.high)
    ticks = [svg.text(x(mark), FLOOR + 15, f"{mark:,.0f}", "middle", colour=FAINT) for mark in marks]
    blind = svg.line(LEFT, y(guess), RIGHT, y(guess), FAINT, 1, DOTTED)
    return [svg.ruled(y, LEFT, upright=True, until=RIGHT), *ticks, under("steps"), blind]


def _curve(x: svg.Scale, y: svg.Scale, steps, values, colour: str, look: str) -> str:
    return svg.curve([(x(a), y(b)) for a, b in zip(steps, values, strict=True)], colour, 1.8, look)
