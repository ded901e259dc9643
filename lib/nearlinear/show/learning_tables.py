"""Trainings in numbers: the rates, the ends, and the three readings."""

from collections.abc import Iterator, Mapping

import numpy as np

from nearlinear.results.training import Block
from nearlinear.results.training_views import (
    by_block,
    check_alike,
    difference,
    equal_time,
    losses,
    paired,
    screened,
    step_reaching,
)

from .counting import NAMES
from .findings import Finding
from .learning_readings import NOT_RUN
from .learning_times import Seconds, step_seconds
from .learning_words import BASE, Runs, gap_said, gap_told, heading, loss_said, ranged, rates_used, unit
from .shown import Html
from .tables import at_least, table

PAPERS_RATES: dict[Block, str] = {"pre-ln": "0.001", "v-skipinit": "0.0003", "sas": "0.001", "sas-p": "0.001"}
"""Highest rates in the paper's text, for 18 blocks of width 768; of V-SkipInit in Fig. 6."""


def rates_table(screen: Runs, long: Runs = (), papers: Mapping[Block, str] = PAPERS_RATES) -> Html:
    """What each rate gave on the text for choices, the best in bold, and the rate that the long runs used.

    `papers`: rates that the paper prints for such models; empty where it prints none.
    """
    found, used = screened(screen), rates_used(long)
    rates = sorted({rate for one in found.values() for rate in one.rates})
    rows = [
        [
            NAMES[block],
            *(_tried(dict(zip(one.rates, one.losses, strict=True)), rate, one.rate) for rate in rates),
            f"{one.rate:g}{f', the {one.edge} tried' if one.edge else ''}",
            f"{used[block]:g}" if block in used else "",
            *((papers.get(block, ""),) if papers else ()),
        ]
        for block, one in found.items()
    ]
    last = ("the paper's, d = 768",) if papers else ()
    head = ("block", *(f"{rate:.2g}" for rate in rates), "best", "long runs", *last)
    title = f"Loss ({unit(screen[0])}) on the text for choices, by highest learning rate. {heading(screen)}"
    return table(title, head, rows)


def _tried(tried: Mapping[float, float], rate: float, best: float) -> str:
    if rate not in tried:
        return ""
    said = "broke off" if np.isnan(tried[rate]) else loss_said(tried[rate])
    return f"<b>{said}</b>" if rate == best else said


def endings_table(runs: Runs, base: Block = BASE) -> Html:
    """Where each block ends, and how far that is from the base block: over seeds, and over files."""
    blocks = by_block(runs)
    rows = [[NAMES[block], *_ending(each, blocks[base])] for block, each in blocks.items()]
    head = ("block", "parameters", "rate", "held-out loss", f"minus {NAMES[base]}", f"{NAMES[base]} was there after")
    title = (
        f"Held-out loss at the end ({unit(runs[0])}), mean over seeds and range; difference with its range over seeds "
        f"and 95 % interval over files. {heading(runs)}"
    )
    return table(title, head, rows)


def _ending(runs: Runs, base: Runs) -> Iterator[str]:
    yield f"{runs[0].n_parameters:,}"
    yield f"{runs[0].spec.recipe.lr:g}"
    yield ranged(losses(runs))
    if runs is base:
        yield from ("", "")
        return
    yield at_least(12, gap_told(difference(runs, base)))
    yield _steps_said(reached(runs, base), runs[0].spec.recipe.steps)


def reached(runs: Runs, base: Runs) -> float:
    """After how many steps, mean over seeds, the base block had the loss at which each run ends; NaN where never."""
    return float(np.mean([step_reaching(b, run.loss) for run, b in zip(runs, base, strict=True)]))


def _steps_said(step: float, steps: int) -> str:
    return "not reached" if np.isnan(step) else f"{step:,.0f} steps of {steps:,}"


def readings_table(runs: Runs, seconds: Seconds | None = None, wider: Runs = (), base: Block = BASE) -> Html:
    """Each block beside the base block at equal steps, in equal time, and in parameters.

    `seconds`: of a step, by block; None: those of the recorded benchmark. `wider`: as for `three_readings`.
    """
    check_alike([*runs, *wider])
    blocks = by_block(runs)
    seconds = step_seconds(runs[0]) if seconds is None else seconds
    times = equal_time(blocks, seconds) if set(blocks) <= set(seconds) else {}
    rows = [
        [
            NAMES[block],
            "0" if block == base else gap_said(paired(each, blocks[base]).mean()),
            *(_timed(block, base, seconds, times) if times else ("not timed", "")),
            f"{each[0].n_parameters:,} ({_fewer(each, blocks[base])})",
        ]
        for block, each in blocks.items()
    ]
    rows += [_wider(each, blocks[base]) for each in by_block(wider).values()] if wider else []
    head = ("block", "equal steps", "time of a step", "equal time", "parameters")
    title = (
        f"Held-out loss minus that of {NAMES[base]} ({unit(runs[0])}), mean over seeds. Equal time: when the quickest "
        f"block has ended; slower ones are caught before their rate has fallen to nothing. {'' if wider else NOT_RUN} "
        f"{heading(runs)}"
    )
    return table(title, head, rows)


def _timed(block: Block, base: Block, seconds: Seconds, times: Mapping) -> tuple[str, str]:
    steps, values = times[block]
    cell = f"{gap_said(float(np.mean(values - times[base][1])))} after {steps:,.0f} steps"
    return f"{1000 * seconds[block]:.1f} ms", cell


def wider_gaps(wider: Runs, base: Runs) -> dict[Block, float]:
    """Block with a wider MLP → how far it ends from the base block, mean over seeds; nothing where none was trained."""
    return {block: float(paired(each, base).mean()) for block, each in by_block(wider).items()} if wider else {}


def _wider(runs: Runs, base: Runs) -> list[str]:
    spec = runs[0].spec.architecture
    name = f"{NAMES[spec.block]}, its MLP {spec.d_ff} wide"
    parameters = f"{runs[0].n_parameters:,} ({_fewer(runs, base)})"
    return [name, at_least(12, gap_told(difference(runs, base))), "not timed", "", parameters]


def _fewer(runs: Runs, base: Runs) -> str:
    return f"{100 * (runs[0].n_parameters / base[0].n_parameters - 1):+.1f} %".replace("-", "−")


def learning_findings(screen: Runs, runs: Runs, wider: Runs = (), base: Block = BASE) -> list[Finding]:
    """Chapter 10: the best rates, the ends and their spread, and how far each block is behind, wider ones too."""
    blocks = by_block(runs)
    gaps = {block: difference(each, blocks[base]) for block, each in blocks.items() if block != base}
    others = {block: step for block in gaps if not np.isnan(step := reached(blocks[block], blocks[base]))}
    ends, tried = losses(blocks[base]), screened(screen)
    return [
        *(Finding(f"rate-{b}", one.rate, f"{NAMES[b]}: best rate of the screen") for b, one in tried.items()),
        *(Finding(f"loss-{b}", float(losses(each).mean()), f"{NAMES[b]}: held-out loss, mean over seeds")
          for b, each in blocks.items()),
        Finding("loss-range", float(np.ptp(ends)), f"{NAMES[base]}: highest loss of any seed minus the lowest"),
        *(Finding(f"gap-{b}", gap.mean, f"{NAMES[b]} minus {NAMES[base]}, mean over seeds") for b, gap in gaps.items()),
        *(Finding(f"reached-{b}", step, f"steps after which {NAMES[base]} had the last loss of {NAMES[b]}")
          for b, step in others.items()),
        *(Finding(f"equal-{b}", gap, f"{NAMES[b]} with a wider MLP, as many parameters: minus {NAMES[base]}")
          for b, gap in wider_gaps(wider, blocks[base]).items()),
        Finding("epochs", runs[0].epochs, "how often the training text was read"),
    ]  # fmt: skip
