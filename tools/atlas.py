"""The atlas of the book: every recorded profile as a table that sorts, with figures that follow it."""

from base64 import b64encode

from nearlinear.fleet.atlas_found import profiles_in
from nearlinear.fleet.atlas_html import CSS, LIGHT, fragment, script
from nearlinear.fleet.atlas_rows import Entry, entries, to_csv
from tools.profiles import ROOT

RESULTS = ROOT / "book/results"
CSV = "data:text/csv;charset=utf-8;base64"
PANEL = ".nl-atlas { padding: 0.2rem 0.8rem; background: var(--panel); border-radius: 6px; }\n"


def page() -> str:
    """What the page *Atlas* includes. Raises ValueError where a recorded profile cannot be read."""
    profiles, odd = profiles_in(RESULTS)
    if odd:
        raise ValueError(f"{odd[0]} is no profile of this version: make results renews it")
    return part(entries(profiles))


def part(found: list[Entry]) -> str:
    """Style, table, figures, the numbers as a file, and the script: one piece of HTML in a page of Markdown."""
    numbers = b64encode(to_csv(entry.row for entry in found).encode()).decode()
    link = f'<a download="atlas.csv" href="{CSV},{numbers}">the numbers of the table (CSV)</a>'
    pieces = (
        f"<style>\n{LIGHT}{PANEL}{CSS}</style>",
        fragment(found),
        f"<p>Download {link}.</p>",
        f"<script>{script()}</script>",
    )
    return "\n".join(["````{raw} html", *pieces, "````", ""])
