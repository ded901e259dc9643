"""What pruning buys, from the record of its benchmark: numbers to keep, operations, bytes, and tokens a second."""

import json
from collections.abc import Mapping
from statistics import median

from nearlinear.results.data import data_root

from .shown import Html
from .tables import table
from .words import number

NAMES = {"dense": "as it is", "removed": "blocks removed", "replaced": "blocks replaced by lines"}


def what_pruning_buys(record: Mapping | None = None) -> Html:
    """One row a model: unchanged, with blocks removed, with blocks replaced. `record`: of that benchmark."""
    if record is None:
        record = json.loads(data_root("benchmarks").joinpath("pruned_speed.json").read_text(encoding="utf-8"))
    rows = [[name, *_row(record, how)] for how, name in NAMES.items()]
    head = (
        "model",
        "parameters",
        "operations a token",
        "weights",
        "cache of the prompt",
        "tokens read",
        "tokens written",
    )
    return table(_title(record), head, rows)


def _title(record: Mapping) -> str:
    made, settings = record["provenance"], record["settings"]
    machine = made["machine"]
    return (
        f"{record['question']}: {settings['model']} on {machine['processor']}, {machine['threads']} threads, "
        f"{made['created'][:10]}"
    )


def _row(record: Mapping, how: str) -> list[str]:
    cost, held, settings = record["details"]["cost"][how], record["details"]["bytes"][how], record["settings"]
    return [
        f"{cost['parameters'] / 1e6:.1f} million",
        f"{cost['flops'] / 1e6:.0f} million",
        f"{held['weights'] / 1e6:.0f} MB",
        f"{held['cache'] / 1e6:.1f} MB",
        _speed(record, "prefill", how, settings["prompt"]),
        _speed(record, "decode", how, settings["new"]),
    ]


def _speed(record: Mapping, what: str, how: str, tokens: int) -> str:
    """Tokens a second in the median round, and how many times the unchanged model's, from round to round."""
    seconds, dense = (record["details"]["seconds"][f"{what}, {which}"] for which in (how, "dense"))
    rate = f"<b>{number(tokens / median(seconds))}</b> a second"
    if how == "dense":
        return rate
    times = sorted(a / b for a, b in zip(dense, seconds, strict=True))
    return f"{rate}<br>{number(median(times))} times ({number(times[0])} to {number(times[-1])})"
