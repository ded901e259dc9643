"""Seconds of a training step of every block, from the record of the benchmark that times them in turn."""

import json
from collections.abc import Iterator, Mapping
from statistics import median

from nearlinear.results.data import data_root
from nearlinear.results.training import Block, TrainingRun

from .counting import NAMES
from .shown import Html
from .tables import table

RECORD = "train_steps.json"
BASE: Block = "pre-ln"

Seconds = Mapping[Block, float]
"""Block → seconds of a step, the median over rounds."""

NOT_TIMED = "No step of this size has been timed."


def recorded_steps() -> dict | None:
    """The record that travels with the book; None where there is none."""
    file = data_root("benchmarks").joinpath(RECORD)
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def step_seconds(run: TrainingRun, record: Mapping | None = None) -> Seconds:
    """Seconds of a step at the size of a run: width, depth, window and batch. Empty where that was not timed.

    `record`: of the benchmark; None: the one that travels with the book.
    """
    record = recorded_steps() if record is None else record
    shape = run.spec.architecture.model_dump(mode="json", exclude={"block", "variant", "options"})
    for timed in (record or {"details": {}})["details"].values():
        if timed["architecture"] == shape and timed["batch"] == run.spec.recipe.batch:
            return timed["median"]
    return {}


def step_times(record: Mapping | None = None) -> Html:
    """One row a block: milliseconds of a step and the speed beside Pre-LN, a column for each width that was timed."""
    record = recorded_steps() if record is None else record
    if record is None:
        return table("Milliseconds of a training step", ("block", "time"), [["every block", NOT_TIMED]])
    sizes = list(record["details"].values())
    blocks = list(sizes[0]["median"])
    head = ("block", *(f"L = {s['architecture']['L']}, d = {s['architecture']['d']}" for s in sizes))
    return table(_title(record), head, [[NAMES[block], *_cells(sizes, block)] for block in blocks])


def _cells(sizes: list[Mapping], block: Block) -> Iterator[str]:
    """64.2 ms · 0.92 (0.90 to 0.95)"""
    for timed in sizes:
        seconds, base = timed["seconds_a_step"][block], timed["seconds_a_step"][BASE]
        times = [b / a for a, b in zip(seconds, base, strict=True)]
        beside = "" if block == BASE else f" · <b>{median(times):.2f}</b> ({min(times):.2f} to {max(times):.2f})"
        yield f"{1000 * timed['median'][block]:.1f} ms{beside}"


def _title(record: Mapping) -> str:
    made = record["provenance"]
    machine = made["machine"]
    return (
        f"Milliseconds of a training step, and Pre-LN's time over that of each block (median and range of rounds): "
        f"{machine['processor']}, {machine['threads']} thread{'s' * (machine['threads'] > 1)}, {made['created'][:10]}"
    )
