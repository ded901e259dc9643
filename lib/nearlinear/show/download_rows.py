"""From axes to rows of numbers: every series under the name that the legend gives it, a band with its line."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import BarContainer, Container, ErrorbarContainer

from .download_artists import Series, bars, collection, error_bars, image, line, patch, word
from .download_looks import labels, look_of, name_by_look, own_label


def series_of(ax: Axes) -> list[Series]:
    """All rows of one panel, series by series; a band goes into the line that runs through it."""
    drawn = [(artist, rows) for artist, rows in every(ax) if rows]
    lines = [(artist, rows) for artist, rows in drawn if not is_band(rows)]
    for artist, band in ((artist, rows) for artist, rows in drawn if is_band(rows)):
        place = line_through(artist, band, lines)
        if place is None:
            lines.append((artist, band))
        else:
            lines[place] = (lines[place][0], with_band(lines[place][1], band))
    return list(named(ax, lines))


def every(ax: Axes) -> Iterator[tuple[Artist | Container, Series]]:
    """Each thing on the axes with its rows. What a bar or an error bar is made of is read once, as a whole."""
    parts: set[Artist] = set()
    for container in ax.containers:
        if isinstance(container, BarContainer | ErrorbarContainer):
            parts |= set(container.get_children())
            yield container, bars(container) if isinstance(container, BarContainer) else error_bars(container)
    readers = (
        (ax.lines, line),
        (ax.collections, collection),
        (ax.patches, patch),
        (ax.images, image),
        (ax.texts, word),
    )
    for artists, read in readers:
        for artist in artists:
            if artist not in parts:
                yield artist, read(artist, ax)


def is_band(rows: Series) -> bool:
    return rows[0].kind == "band"


def line_through(artist: Artist, band: Series, lines: list[tuple[Artist, Series]]) -> int | None:
    """Which line of the same colour has a point at each x of a band and runs inside it; None where none does."""
    ends = {row.x: (row.low, row.high) for row in band}
    for i, (other, rows) in enumerate(lines):
        points = {row.x: row.y for row in rows if row.kind == "line" and row.low is None}
        if look_of(other).colour == look_of(artist).colour and ends.keys() <= points.keys():
            slack = 1e-9 * max(1e-300, *(abs(v) for pair in ends.values() for v in pair))
            if all(low - slack <= points[x] <= high + slack for x, (low, high) in ends.items()):
                return i
    return None


def with_band(line_: Series, band: Series) -> Series:
    ends = {row.x: (row.low, row.high) for row in band}
    return [replace(row, low=ends[row.x][0], high=ends[row.x][1]) if row.x in ends else row for row in line_]


def named(ax: Axes, drawn: list[tuple[Artist, Series]]) -> Iterator[Series]:
    """Every series under its label, or under that of the one label that looks the same; "" where neither is there.

    Several lines of one name are told apart by a number; points need none.
    """
    known, lines = labels(ax), Counter()
    for artist, rows in drawn:
        if rows[0].kind == "word":
            yield rows
            continue
        name = own_label(artist) or name_by_look(artist, known)
        if name and rows[0].kind == "line":
            lines[name] += 1
            name = f"{name} ({lines[name]})" if lines[name] > 1 else name
        yield [replace(row, series=name) for row in rows]
