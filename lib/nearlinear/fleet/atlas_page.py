"""The atlas as a page of its own: one file that needs no network, and runs no script but its own, known by its hash."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from nearlinear.report import html
from nearlinear.report.drawings import harmless
from nearlinear.report.look import CSS as PAGE_CSS
from nearlinear.results.store import write_atomic

from .atlas_html import CSS, fragment, script
from .atlas_rows import Atlas, Entry, to_csv

TITLE = "How linear are these models?"
LEAD = (
    "The linearity score is the share of the variance of a block's output that a matrix and a constant reproduce from "
    "its input. It is high for almost any transformer, trained or not, because a block adds a small change to a large "
    "state; so look at the score on held-out text, at the update score, and at the random twin beside each."
)
WIDE = "main { max-width: 72rem; }\n"


def page(entries: Sequence[Entry], name: str = "atlas") -> str:
    """The whole page; `name`: of its files, without an ending."""
    code = script()
    parts = [
        f'<header><p class="kicker">nearlinear atlas</p><h1>{harmless(TITLE)}</h1></header>',
        html.paragraph(LEAD),
        fragment(entries),
        html.paragraph(f"{name}.json and {name}.csv, beside this page, hold every number of it.", "small"),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{security(code)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="nearlinear">\n'
        f"<title>{harmless(TITLE)}</title>\n<style>\n{PAGE_CSS}{WIDE}{CSS}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(parts)
        + f"\n</main>\n<script>{code}</script>\n</body>\n</html>\n"
    )


def security(code: str) -> str:
    """Nothing is loaded, and nothing runs but this very script, whatever the page says."""
    sha256 = b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{sha256}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def write(entries: Sequence[Entry], path: Path) -> tuple[Path, Path, Path]:
    """The page, and the rows as JSON and CSV beside it, each whole or not at all; answers with the three."""
    made, rows = page(entries, path.stem), tuple(entry.row for entry in entries)
    results, table = path.with_suffix(".json"), path.with_suffix(".csv")
    write_atomic(results, Atlas(rows=rows).to_json())
    write_atomic(table, to_csv(rows))
    write_atomic(path, made)
    return path, results, table
