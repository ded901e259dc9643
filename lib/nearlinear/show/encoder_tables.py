"""Encoders in numbers: the rates, where they end, how often they are right, and what broke."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from nearlinear.results.encoder_views import as_low, in_equal_time
from nearlinear.results.finetuning import accuracy_of, difference
from nearlinear.results.finetuning_specs import SCRATCH
from nearlinear.results.finetuning_views import Finetuned, How, block_of, breaks, by_task, how_of, screened_rates
from nearlinear.results.training import Block
from nearlinear.results.training_views import Screened, by_block, losses, screened
from nearlinear.results.training_views import difference as loss_difference

from .counting import NAMES
from .encoder_words import (
    BASE,
    GLUE,
    SST2,
    UNIT,
    accuracy_told,
    breaks_told,
    finetune_heading,
    loss_gap_told,
    masked_heading,
    of_control,
    percent,
    points_told,
    task_said,
)
from .encoders import clock_said
from .learning_words import Runs, gap_said, loss_said, ranged, rates_used
from .shown import Html
from .tables import at_least, table


def encoder_rates(screen: Runs, long: Runs = ()) -> Html:
    """Loss on the text for choices by rate, the best in bold; and the rate of the long runs."""
    title = f"Loss ({UNIT}) on the articles for choices, by highest learning rate. {masked_heading(screen)}"
    return _rates(title, screened(screen), rates_used(long), loss_said)


def finetune_rates(tried: Finetuned, long: Finetuned = ()) -> Html:
    """Right answers on the part for choices by rate, the best in bold; and the rate of the long runs."""
    used = {SCRATCH if run.spec.start == "scratch" else block_of(run): run.spec.recipe.lr for run in long}
    title = f"Right answers on the part for choices, by highest learning rate. {finetune_heading(tried)}"
    return _rates(title, screened_rates(tried), used, lambda wrong: percent(1 - wrong))


def _rates(title: str, found: Mapping[str, Screened], used: Mapping[str, float], said) -> Html:
    rates = sorted({rate for one in found.values() for rate in one.rates})
    names = {**NAMES, SCRATCH: "from scratch"}
    rows = [
        [names[key], *_tried(one, rates, said), one.edge or "no", f"{used[key]:g}" if key in used else ""]
        for key, one in found.items()
    ]
    return table(title, ("", *(f"{rate:g}" for rate in rates), "best at an edge?", "long runs"), rows)


def _tried(one: Screened, rates: Sequence[float], said) -> Iterator[str]:
    known = dict(zip(one.rates, one.losses, strict=True))
    for rate in rates:
        cell = "" if rate not in known else "broke off" if np.isnan(known[rate]) else said(known[rate])
        yield f"<b>{cell}</b>" if rate == one.rate else cell


def encoder_table(runs: Runs, base: Block = BASE) -> Html:
    """Where each block ends, how far that is from the base block in steps and in time, and how soon it is as low."""
    blocks, times = by_block(runs), in_equal_time(by_block(runs))
    rows = []
    for block, each in blocks.items():
        gap = "" if block == base else at_least(12, loss_gap_told(loss_difference(each, blocks[base])))
        timed = "" if block == base else gap_said(float((times[block][1] - times[base][1]).mean()))
        low = "" if block == base else _steps(as_low(each, blocks[base]))
        size = f"{each[0].n_parameters:,}"
        rows.append([NAMES[block], size, f"{rates_used(runs)[block]:g}", clock_said(each), ranged(losses(each)), gap,
                     timed, low])  # fmt: skip
    head = ("block", "parameters", "rate", "time of a step", "held-out loss", f"minus {NAMES[base]}",
            "in equal time", f"as low as {NAMES[base]} ends, after")  # fmt: skip
    title = (
        f"Held-out loss at the end ({UNIT}), mean over seeds and range; difference with its range over seeds and 95 % "
        f"interval over articles; time by the clock of the runs, range over them. {masked_heading(runs)}"
    )
    return table(title, head, rows)


def _steps(found: np.ndarray) -> str:
    known = found[~np.isnan(found)]
    never = f"; never with {len(found) - len(known)} of {len(found)} seeds" if len(known) < len(found) else ""
    return f"{known.mean():,.0f} steps{never}" if len(known) else "never"


def accuracy_table(runs: Finetuned, base: Block = BASE) -> Html:
    """Tables 1 and 2: how often each block is right on each task, beside its controls and beside the paper."""
    rows = []
    for task, hows in by_task(runs).items():
        for how, blocks in hows.items():
            for block, each in blocks.items():
                mean_learnt = float(np.nanmean([run.train_accuracy for run in each]))
                beside = _beside(hows, how, block, base)
                cells = (at_least(12, accuracy_told(accuracy_of(each))), at_least(12, beside), percent(mean_learnt))
                name = at_least(9, f"{task_said(task)}: {of_control(block, how)}")
                rows.append([name, *cells, f"{each[0].spec.recipe.lr:g}"])
        one = next(iter(hows["pretrained"].values()))[0]
        rows.append([f"{task_said(task)}: the commonest label", percent(one.majority), "", "", ""])
    head = ("", "right on the test", f"minus {NAMES[base]}", "right on what was learnt", "rate")
    title = f"After finetuning: mean, standard deviation over seeds, interval over test items. {finetune_heading(runs)}"
    return table(title, head, rows)


def _beside(hows: Mapping, how: How, block: Block, base: Block) -> str:
    """Minus the base block after pretraining; of a control, minus the same block after pretraining."""
    if how == "pretrained" and block == base:
        return ""
    other = hows["pretrained"].get(base if how == "pretrained" else block)
    own = hows[how][block]
    if not other or len(other) != len(own):
        return ""
    named = "" if how == "pretrained" else f", from {NAMES[block]} pretrained"
    return f"{points_told(difference(own, other))}{named}"


def beside_glue(runs: Finetuned) -> Html:
    """What the paper prints and what we found, side by side: other tasks, other sizes, one question."""
    tasks = by_task(runs)
    rows = [
        [NAMES[block], GLUE.get(block, "not printed"), SST2.get(block, "not printed"),
         *(accuracy_told(accuracy_of(hows["pretrained"][block])) for hows in tasks.values())]
        for block in next(iter(tasks.values()))["pretrained"]
    ]  # fmt: skip
    head = ("block", "paper: GLUE, mean (Table 1)", "paper: SST-2 (Table 2)",
            *(f"ours: {task_said(task)}" for task in tasks))  # fmt: skip
    return table(f"Per cent right, or the mean of GLUE's scores. Ours: {finetune_heading(runs)}", head, rows)


def broken_table(tried: Finetuned, runs: Finetuned) -> Html:
    """Which finetunings broke, by block and rate, in the screen and in the long runs."""
    rates = sorted({run.spec.recipe.lr for run in tried})
    blocks = dict.fromkeys(block_of(run) for run in (*tried, *runs) if run.spec.pretrained is None)
    rows = []
    for block in blocks:
        of_block = [run for run in tried if block_of(run) == block and run.spec.pretrained is None]
        at = [[run for run in of_block if run.spec.recipe.lr == rate] for rate in rates]
        long = [run for run in runs if block_of(run) == block and how_of(run.spec) == "pretrained"]
        rows.append(
            [NAMES[block], *(breaks_told(breaks(each)) if each else "" for each in at), breaks_told(breaks(long))]
        )
    head = ("block", *(f"screen, {rate:g}" for rate in rates), "long runs, both tasks")
    return table(f"Finetunings that broke off, after pretraining. {finetune_heading(runs)}", head, rows)
