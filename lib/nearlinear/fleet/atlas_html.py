"""The atlas as a piece of a page: the table, the figures and the script that joins them. Works without the script."""

import math
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from nearlinear.report.drawings import harmless
from nearlinear.show.shown import Shown
from nearlinear.show.words import number, score

from .atlas_drawings import drawn, linked_svg
from .atlas_rows import COLUMNS, AtlasRow, Column, Entry

NONE = "–"
NAME = "nl-atlas"

LIGHT = """\
.nl-atlas { --panel: #ffffff; --ink: #1f2328; --faint: #57606a; --grid: #e4e7eb; --warning: #a33c00; --blue: #0072b2;
  --vermillion: #b84000; --green: #00855f; --purple: #a64d82; --orange: #b87a00; --sky: #3a93c9; --grey: #767676;
  --note: #fff6e5; color-scheme: light; }
"""
"""The colours of a light panel, for a page that has none of its own."""

CSS = """\
.nl-atlas { color: var(--ink); font: 14px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
.nl-atlas .nl-panel { margin: 1rem 0; padding: 0.7rem; background: var(--panel); border-radius: 6px;
  overflow-x: auto; }
.nl-atlas .nl-panel:focus-visible, .nl-atlas button:focus-visible { outline-offset: 2px;
  outline: 3px solid var(--blue); }
.nl-atlas table { border-collapse: collapse; width: 100%; min-width: 66rem; margin: 0; font-size: 13px; display: table;
  font-variant-numeric: tabular-nums; color: var(--ink); background: none; border: 0; }
.nl-atlas caption { caption-side: top; text-align: left; font-weight: 600; color: var(--ink); padding: 0 0 0.3rem; }
.nl-atlas tr, .nl-atlas thead, .nl-atlas tbody { background: none; border: 0; color: inherit; }
.nl-atlas th, .nl-atlas td { text-align: right; vertical-align: bottom; padding: 0.25rem 0.6rem 0.25rem 0; border: 0;
  border-bottom: 1px solid var(--grid); font-weight: normal; color: inherit; background: none; }
.nl-atlas thead th { border-color: var(--faint); color: var(--faint); }
.nl-atlas tbody th { position: sticky; left: 0; background: var(--panel); }
.nl-atlas .nl-text { text-align: left; white-space: nowrap; }
.nl-atlas .nl-note { display: block; white-space: normal; color: var(--warning); font-size: 12px; max-width: 22rem; }
.nl-atlas button { all: unset; box-sizing: border-box; cursor: pointer; min-height: 24px; text-align: inherit;
  text-decoration: underline dotted; text-underline-offset: 3px; }
.nl-atlas th[aria-sort] button { color: var(--ink); font-weight: 600; }
.nl-atlas th[aria-sort="ascending"] button::after { content: " \\25B2"; content: " \\25B2" / ""; }
.nl-atlas th[aria-sort="descending"] button::after { content: " \\25BC"; content: " \\25BC" / ""; }
.nl-atlas tr.nl-on th, .nl-atlas tr.nl-on td { background: var(--note); }
.nl-atlas button[aria-pressed="true"] { font-weight: 700; text-decoration: underline solid; }
.nl-atlas p { margin: 0.3rem 0; }
.nl-atlas [role="status"] { min-height: 1.5em; color: var(--faint); font-size: 13px; }
.nl-atlas .nl-how { display: none; }
.nl-atlas.nl-live .nl-how { display: block; }
.nl-atlas figure { margin: 1rem 0; }
.nl-atlas figcaption { color: var(--faint); font-size: 13px; font-weight: normal; text-align: left;
  margin-top: 0.5rem; }
.nl-atlas svg { display: block; width: 100%; min-width: 540px; max-width: 780px; height: auto; margin: 0 auto; }
.nl-atlas svg [data-row] { cursor: pointer; }
.nl-atlas.nl-some svg [data-row]:not(.nl-on) { opacity: 0.13; }
.nl-atlas svg .nl-on > path { stroke-width: 3 !important; }
@media print { .nl-atlas .nl-panel { overflow: visible; padding: 0; } .nl-atlas svg { min-width: 0; }
  .nl-atlas table { min-width: 0; font-size: 7pt; } .nl-atlas .nl-how, .nl-atlas [role="status"] { display: none; } }
"""

HOW = (
    "Press a heading to sort by it, and a model to light it up in the figures and dim the others; several can be lit. "
    "Lines and points in the figures can be pressed too."
)


def fragment(entries: Sequence[Entry]) -> str:
    """Style, table and figures; `script()` brings them to life."""
    rows = [entry.row for entry in entries]
    pictures = "".join(figure(shown, f"{NAME}-{name}") for name, shown in drawn(entries).items())
    return f'<div id="{NAME}" class="{NAME}">{table(rows)}{pictures}{meanings()}</div>'


@cache
def script() -> str:
    """What runs on the page, as one expression."""
    text = files("nearlinear.fleet").joinpath("atlas.js").read_text(encoding="utf-8")
    function = text.partition("\n")[2].strip()  # without the comment, which would end the call
    return f'({function})(document.getElementById("{NAME}"))'


def table(rows: Iterable[AtlasRow]) -> str:
    """A row a run, in the order of the figures; the raw number of a cell stands beside what it shows."""
    heads = "".join(
        f'<th scope="col"{_class(column)} title="{harmless(column.what)}">{harmless(column.head)}</th>'
        for column in COLUMNS
    )
    body = "".join(_row(i, row) for i, row in enumerate(rows))
    how = f'<p class="nl-how">{harmless(HOW)}</p><p role="status"></p>'
    return (
        f'{how}<div class="nl-panel" tabindex="0" role="group" aria-label="Table of all models"><table>'
        f"<caption>Every model, by its size</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(i: int, row: AtlasRow) -> str:
    first, *others = COLUMNS
    cells = "".join(_cell(column, getattr(row, column.field)) for column in others)
    said = "".join(f'<span class="nl-note">{harmless(words)}</span>' for words in remarks(row))
    head = f'<th scope="row" class="nl-text">{harmless(getattr(row, first.field))}</th>'
    return f'<tr data-row="{i}">{head}{cells.replace("</td>", f"{said}</td>", 1)}</tr>'


def remarks(row: AtlasRow) -> list[str]:
    """What a reader must know before believing a row."""
    bad = [] if row.reliable else [f"not reliable: {row.reason}"]
    return bad if row.current else [*bad, "made by an earlier version of the library"]


def _cell(column: Column, value: str | float) -> str:
    if isinstance(value, str):
        return f'<td class="nl-text">{harmless(value)}</td>'
    if math.isnan(value):
        return f'<td data-value="">{NONE}</td>'
    return f'<td data-value="{value!r}">{said(column, value)}</td>'


def said(column: Column, value: float) -> str:
    """A number as it is read in the table."""
    if isinstance(value, int):
        return f"{value:,}"
    return score(value) if "score" in column.field else number(value)


def _class(column: Column) -> str:
    return ' class="nl-text"' if AtlasRow.model_fields[column.field].annotation is str else ""


def figure(shown: Shown, prefix: str) -> str:
    """A drawing that a narrow screen scrolls, by keyboard too, with its caption."""
    caption = harmless(shown.caption.replace(r"\$", "$"))
    return (
        f'<figure class="nl-panel" tabindex="0" aria-label="Figure">{linked_svg(shown, prefix)}'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def meanings() -> str:
    """What the headings mean, folded away."""
    items = "".join(f"<li><b>{harmless(c.head)}</b>: {harmless(c.what)}.</li>" for c in COLUMNS)
    return f"<details><summary>What the columns say</summary><ul>{items}</ul></details>"
