"""What simplified blocks gain by the clock, each beside what arithmetic allows, from the records of the benchmark."""

import json
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from nearlinear.results.data import data_root

from .counting import NAMES
from .shown import Html
from .style import FAINT
from .tables import table

BASE, HALF = "pre-ln", ", half cache"
QUESTIONS = {"train": "training step", "decode": "decoding"}


def measured_speeds(question: str, records: Sequence[Mapping] | None = None) -> Html:
    """Pre-LN's time over that of each block, with its rounds and its ceiling; one row a block, one column a window.

    `question`: "train" or "decode". `records`: of that benchmark, one a size.
    """
    records = list(_recorded(question)) if records is None else records
    rows, columns = {}, []
    for record in records:
        for T, found in record["details"].items():
            columns.append(f"{record['settings']['size'].replace('x', '×')}, {T} tokens")
            for name in found["seconds"]:
                if name != BASE:
                    rows.setdefault(name, {})[columns[-1]] = _cell(found, name)
    body = [[_called(name), *(cells.get(column, "") for column in columns)] for name, cells in rows.items()]
    return table(_title(question, records), ("block", *columns), body)


def _recorded(question: str) -> Iterator[Mapping]:
    for file in sorted(data_root("benchmarks").iterdir(), key=lambda file: file.name):
        if file.name.startswith(f"blocks_{question}_"):
            yield json.loads(file.read_text(encoding="utf-8"))


def _cell(found: Mapping, name: str) -> str:
    """1.08 (0.96 to 1.23), and under it the ceiling."""
    times = sorted(a / b for a, b in zip(found["seconds"][BASE], found["seconds"][name], strict=True))
    ceiling = f"<span style='font-size:12px;color:{FAINT}'>at most {found['ceiling'][name]:.2f}</span>"
    return f"<b>{median(times):.2f}</b> ({times[0]:.2f} to {times[-1]:.2f})<br>{ceiling}"


def _called(name: str) -> str:
    block = name.removesuffix(HALF)
    return NAMES[block] + (HALF if name != block else "")


def _title(question: str, records: Sequence[Mapping]) -> str:
    made = {
        f"{m['machine']['processor']}, {m['machine']['threads']} threads, {r['settings']['precision']}, "
        f"{m['created'][:10]}"
        for r in records
        for m in (r["provenance"],)
    }
    return f"Pre-LN's time over that of each block, {QUESTIONS[question]}: {'; '.join(sorted(made))}"
