"""Our replacements beside published pruners, from the record of their benchmark."""

import json
from collections.abc import Mapping
from html import escape

from nearlinear.results.data import data_root

from .shown import Html
from .tables import table
from .words import number


def beside_published(record: Mapping | None = None) -> Html:
    """One row a method: perplexity with so many blocks gone, and what it lost. `record`: of that benchmark."""
    if record is None:
        record = json.loads(data_root("benchmarks").joinpath("pruning_peers.json").read_text(encoding="utf-8"))
    details = record["details"]
    rows, L, dense = details["rows"], details["model"]["L"], details["dense"]
    ks = list(rows[0]["cells"])
    least = {k: min(row["cells"][k]["perplexity"] for row in rows) for k in ks}
    head = ("method", "whose code", *(f"{k} of {L} blocks gone" for k in ks), "parameters left")
    whole = ["the whole model", "", *[number(dense["perplexity"])] * len(ks), "100 %"]
    return table(_title(record), head, [whole, *(_row(row, least, dense["parameters"]) for row in rows)])


def _title(record: Mapping) -> str:
    details, made = record["details"], record["provenance"]
    n = details["tokens"]
    run = [f"{p['repository']} at {p['commit'][:7]}" for p in details["published"].values() if p["run"]]
    return (
        f"Perplexity of {details['model']['id']} on {n['evaluate']:,} tokens of {details['documents']} documents "
        f"({details['corpus']['id']}); under it the log-loss beside the whole model's, nats a token, with its 95 % "
        f"interval over documents. Run from their own code: {', '.join(run) or 'none'}. {made['created'][:10]}"
    )


def _row(row: Mapping, least: Mapping[str, float], dense: int) -> list[str]:
    left = [f"{100 * cell['parameters'] / dense:.0f}" for cell in row["cells"].values()]
    cells = [_cell(cell, cell["perplexity"] == least[k]) for k, cell in row["cells"].items()]
    return [escape(row["method"]), escape(row["by"]), *cells, f"{', '.join(left)} %"]


def _cell(cell: Mapping, best: bool) -> str:
    """Perplexity, bold where it is the least of its column, and the paired difference with its interval."""
    low, high = cell["interval"]
    perplexity = f"<b>{number(cell['perplexity'])}</b>" if best else number(cell["perplexity"])
    lost = f"{cell['difference']:+.2f} [{low:.2f}, {high:.2f}]".replace("-", "−")
    return f"{perplexity}<br><span style='white-space:nowrap'>{lost}</span>"
