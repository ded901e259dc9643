"""A figure to take away: the drawing as SVG, and the numbers in it as CSV.

The numbers are read back from what was drawn, not handed over beside it, so that a figure and its data cannot
disagree. They are what the axes show: a share drawn in per cent is in per cent.
"""

import csv
import math
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple, fields, replace
from io import StringIO
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from .download_artists import Row
from .download_rows import series_of

KEPT = ("panel", "series", "x", "y", "low", "high", "kind")
"""Columns that every file has; the others are there where a figure needs them."""

KINDS = {"svg": "image/svg+xml", "csv": "text/csv;charset=utf-8"}


def links(svg: bytes, numbers: str) -> str:
    """The line under a figure: its drawing and its numbers as files that the page itself holds.

    Where there are no numbers there is no link to them. The build of the book gives each figure its number and puts
    the files beside the page (tools/downloads.py).
    """
    files = {"svg": (svg, "figure (SVG)", "Download this figure (SVG)")}
    if numbers:
        files["csv"] = (numbers.encode(), "data (CSV)", "Download its data (CSV)")
    told = [
        f'<a download="figure.{kind}" aria-label="{name}" href="data:{KINDS[kind]};base64,{b64encode(file).decode()}">'
        f"{words}</a>"
        for kind, (file, words, name) in files.items()
    ]
    return f'<p class="nl-downloads" style="margin:4px 0 0;font-size:13px">{" · ".join(told)}</p>'


def as_csv(figure: Figure) -> str:
    """Every number that is drawn in data coordinates, a row each; "" where nothing is.

    Columns: panel, series, x, y, low and high (ends of an interval in y), kind (how it is drawn); where needed also
    `x low` and `x high`, value (of a heat map), and the names of places on an axis of names. The header names the
    axes: `x: block`. Numbers have full precision; what has no answer is empty.
    """
    panels = panels_of(figure)
    rows = [each for name, ax in panels.items() for each in panel_rows(name, ax)]
    if not rows:
        return ""
    names = [field.name for field in fields(Row)]
    used = [i for i, name in enumerate(names) if name in KEPT or any(astuple(row)[i] not in (None, "") for row in rows)]
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    titles = headings(panels)
    writer.writerow([titles.get(names[i], names[i].replace("_", " ")) for i in used])
    writer.writerows([written(astuple(row)[i]) for i in used] for row in rows)
    return out.getvalue()


def panels_of(figure: Figure) -> dict[str, Axes]:
    """Panels by title, or by number where they have none; a colour bar is none of them."""
    named: dict[str, Axes] = {}
    drawn = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    for number, ax in enumerate(drawn, 1):
        title = next((t for side in ("left", "center", "right") if (t := plain(ax.get_title(side)))), str(number))
        named[title if title not in named else f"{title} ({number})"] = ax
    return named


def panel_rows(name: str, ax: Axes) -> Iterator[Row]:
    """The rows of one panel, with the names of places where an axis has names and not numbers.

    A series without a name takes that of its place, else that of its kind and a number.
    """
    x_names, y_names, nameless = names_on(ax.xaxis), names_on(ax.yaxis), Counter()
    for series in series_of(ax):
        rows = [
            replace(row, panel=name, x_name=nearest(row.x, x_names), y_name=nearest(row.y, y_names)) for row in series
        ]
        if not rows[0].series:
            places = {row.x_name or row.y_name for row in rows}
            nameless[rows[0].kind] += len(places) > 1 or places == {""}
            own = places.pop() if len(places) == 1 else ""
            rows = [replace(row, series=own or f"{row.kind} ({nameless[row.kind]})") for row in rows]
        yield from rows


def names_on(axis: Axis) -> dict[float, str]:
    """Place → name, on an axis whose ticks were given names; empty where they are numbers."""
    locator = axis.get_major_locator()
    if not isinstance(locator, FixedLocator) or not len(locator.locs):
        return {}
    places = [float(place) for place in locator.locs]
    names = [plain(name) for name in axis.get_major_formatter().format_ticks(places)]
    return {} if all(is_number(name) for name in names) else dict(zip(places, names, strict=True))


def is_number(name: str) -> bool:
    return not any(letter.isalpha() for letter in name.replace("mathdefault", "").replace("e", ""))


def nearest(place: float | None, names: dict[float, str]) -> str:
    """The name at a place: points of one name may stand beside each other, less than half a step away."""
    if not names or place is None or math.isnan(place):
        return ""
    closest = min(names, key=lambda each: abs(each - place))
    step = min((b - a for a, b in pairwise(sorted(names))), default=1.0)
    return names[closest] if abs(closest - place) <= step / 2 else ""


def headings(panels: dict[str, Axes]) -> dict[str, str]:
    """What the columns x, y and value are called: by the labels of the axes, panel by panel where these differ."""
    return {
        "x": heading("x", {name: label_of(ax, "x") for name, ax in panels.items()}),
        "y": heading("y", {name: label_of(ax, "y") for name, ax in panels.items()}),
        "value": heading("value", {name: value_label(ax) for name, ax in panels.items()}),
    }


def heading(column: str, labels: dict[str, str]) -> str:
    told = {name: label for name, label in labels.items() if label}
    different = dict.fromkeys(told.values())
    if len(different) < 2:
        return ": ".join([column, *different])
    return f"{column}: " + " | ".join(f"{label} ({', '.join(panels_with(label, told))})" for label in different)


def panels_with(label: str, labels: dict[str, str]) -> list[str]:
    return [name for name, has in labels.items() if has == label]


def label_of(ax: Axes, axis: str) -> str:
    """The label of an axis, or that of a panel which shares the axis and carries the label for it."""
    sharing = getattr(ax, f"get_shared_{axis}_axes")().get_siblings(ax)
    return next((label for each in (ax, *sharing) if (label := plain(getattr(each, f"get_{axis}label")()))), "")


def value_label(ax: Axes) -> str:
    """What the colours of a heat map say, by the colour bar."""
    bars = [drawn.colorbar.ax for drawn in (*ax.collections, *ax.images) if drawn.colorbar]
    return next((label for bar in bars if (label := plain(bar.get_ylabel() or bar.get_xlabel()))), "")


def plain(words: str) -> str:
    """Words on one line, with ordinary blanks."""
    return " ".join(words.split())


def written(value: float | str | None) -> str:
    """A number with all its digits; nothing for NaN and for what is not there."""
    if value is None or isinstance(value, str):
        return value or ""
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
