"""From one drawn thing to its rows of numbers: a line, points, a band, bars, error bars, a heat map, a rule, a word."""

from dataclasses import dataclass, replace

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, StepPatch
from matplotlib.text import Annotation, Text

from .download_looks import joined


@dataclass(frozen=True)
class Row:
    """One drawn thing: where it stands, and the ends of its interval in y (low, high) or in x. None is not said."""

    panel: str = ""
    series: str = ""
    x: float | None = None
    y: float | None = None
    low: float | None = None
    high: float | None = None
    kind: str = ""
    x_low: float | None = None
    x_high: float | None = None
    value: float | None = None
    x_name: str = ""
    y_name: str = ""


Series = list[Row]


def numbers(values) -> np.ndarray:
    """(n,) float64, NaN where there is no answer."""
    return np.ma.filled(np.ma.masked_invalid(np.ma.asarray(values, dtype=float)), np.nan)


def in_data(artist: Artist, ax: Axes, transform=None) -> tuple[bool, bool]:
    """Whether x and y of a thing are numbers of the axes, and not parts of the panel."""
    return (transform or artist.get_transform()).contains_branch_seperately(ax.transData)


def line(drawn: Line2D, ax: Axes) -> Series:
    x_is, y_is = in_data(drawn, ax)
    kind = ("line" if joined(drawn) else "points") if x_is and y_is else "rule"
    points = zip(numbers(drawn.get_xdata()), numbers(drawn.get_ydata()), strict=True)
    rows = [Row(x=float(x) if x_is else None, y=float(y) if y_is else None, kind=kind) for x, y in points]
    return list(dict.fromkeys(rows)) if kind == "rule" and (x_is or y_is) else rows if x_is or y_is else []


def collection(drawn: Artist, ax: Axes) -> Series:
    readers = {PathCollection: scatter, QuadMesh: mesh, LineCollection: strokes, PolyCollection: area}
    return next((read(drawn, ax) for kind, read in readers.items() if isinstance(drawn, kind)), [])


def scatter(drawn: PathCollection, ax: Axes) -> Series:
    places, values = np.ma.filled(drawn.get_offsets().astype(float), np.nan), drawn.get_array()
    coloured = [None] * len(places) if values is None else numbers(values).tolist()
    return [
        Row(x=float(x), y=float(y), value=value, kind="points")
        for (x, y), value in zip(places, coloured, strict=True)
    ]  # fmt: skip


def mesh(drawn: QuadMesh, ax: Axes) -> Series:
    """A heat map: the middle of each cell, and its value."""
    corners = np.asarray(drawn.get_coordinates(), float)
    middles = (corners[:-1, :-1] + corners[1:, 1:]) / 2
    values = numbers(drawn.get_array()).reshape(-1)
    cells = middles.reshape(-1, 2) if len(values) == middles[..., 0].size else corners.reshape(-1, 2)
    return [Row(x=float(x), y=float(y), value=float(v), kind="cell") for (x, y), v in zip(cells, values, strict=True)]


def image(drawn: AxesImage, ax: Axes) -> Series:
    """The cells of an image with one value each; a picture in colours of its own has no numbers."""
    values = drawn.get_array()
    if values is None or np.ndim(values) != 2:
        return []
    left, right, bottom, top = drawn.get_extent()
    first, last = (top, bottom) if drawn.origin == "upper" else (bottom, top)
    rows, columns = values.shape
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    y = first + (np.arange(rows) + 0.5) * (last - first) / rows
    table = numbers(values)
    return [
        Row(x=float(x[j]), y=float(y[i]), value=float(table[i, j]), kind="cell")
        for i in range(rows)
        for j in range(columns)
    ]


def strokes(drawn: LineCollection, ax: Axes) -> Series:
    """Upright strokes are intervals in y, level ones intervals in x."""
    if in_data(drawn, ax) != (True, True):
        return []
    return [row for path in drawn.get_paths() for row in stroke(np.asarray(path.vertices, float))]


def stroke(points: np.ndarray) -> Series:
    x, y = points.T
    if (x == x[0]).all():
        return [Row(x=float(x[0]), low=float(y.min()), high=float(y.max()), kind="interval")]
    if (y == y[0]).all():
        return [Row(y=float(y[0]), x_low=float(x.min()), x_high=float(x.max()), kind="interval")]
    return [Row(x=float(a), y=float(b), kind="line") for a, b in points]


def area(drawn: PolyCollection, ax: Axes) -> Series:
    """A band: at each x its lowest and its highest end."""
    ends: dict[float, list[float]] = {}
    for path in drawn.get_paths():
        for x, y in np.asarray(path.vertices, float):
            ends.setdefault(float(x), []).append(float(y))
    return [Row(x=x, low=min(y), high=max(y), kind="band") for x, y in sorted(ends.items())]


def patch(drawn: Patch, ax: Axes) -> Series:
    """Steps of a histogram, and bands across the whole panel; any other shape is decoration."""
    if isinstance(drawn, StepPatch):
        values, edges, _ = drawn.get_data()
        spans = zip(edges, edges[1:], numbers(values), strict=False)
        return [
            Row(x=float(a + b) / 2, y=float(v), x_low=float(a), x_high=float(b), kind="bar") for a, b, v in spans
        ]  # fmt: skip
    x_is, y_is = in_data(drawn, ax, drawn.get_data_transform())
    (x_low, low), (x_high, high) = np.asarray(drawn.get_path().get_extents(drawn.get_patch_transform()).get_points())
    if (x_is, y_is) == (False, True):
        return [Row(low=float(low), high=float(high), kind="span")]
    if (x_is, y_is) == (True, False):
        return [Row(x_low=float(x_low), x_high=float(x_high), kind="span")]
    return []


def word(drawn: Text, ax: Axes) -> Series:
    """Words that stand at a place of the axes: the name of a point, or of a tile."""
    if not drawn.get_text().strip():
        return []
    if isinstance(drawn, Annotation):
        place, placed = drawn.xy, drawn.xycoords == "data"
    else:
        place, placed = drawn.get_position(), in_data(drawn, ax) == (True, True)
    x, y = numbers(place)
    return [Row(series=" ".join(drawn.get_text().split()), x=float(x), y=float(y), kind="word")] if placed else []


def bars(drawn: BarContainer) -> Series:
    """The length of each bar; where it does not begin at 0, also from where to where it goes."""
    rows = []
    for bar in drawn.patches:
        x, y, width, height = (float(v) for v in (bar.get_x(), bar.get_y(), bar.get_width(), bar.get_height()))
        if drawn.orientation == "horizontal":
            ends = {"x_low": min(x, x + width), "x_high": max(x, x + width)} if x else {}
            rows.append(Row(x=width, y=y + height / 2, kind="bar", **ends))
        else:
            ends = {"low": min(y, y + height), "high": max(y, y + height)} if y else {}
            rows.append(Row(x=x + width / 2, y=height, kind="bar", **ends))
    return rows


def error_bars(drawn: ErrorbarContainer) -> Series:
    data, _, ends_of = drawn.lines
    directions = [name for name, has in (("x", drawn.has_xerr), ("y", drawn.has_yerr)) if has]
    ends = {of: [np.asarray(path.vertices, float) for path in each.get_paths()]
            for of, each in zip(directions, ends_of, strict=True)}  # fmt: skip
    if data is None:
        return [Row(x=float(p[0, 0]), low=float(p[:, 1].min()), high=float(p[:, 1].max()), kind="interval")
                for p in ends.get("y", [])]  # fmt: skip
    x, y = numbers(data.get_xdata()), numbers(data.get_ydata())
    rows = [Row(x=float(a), y=float(b), kind="error bar") for a, b in zip(x, y, strict=True)]
    for of, points in ends.items():
        low, high, axis = ("x_low", "x_high", 0) if of == "x" else ("low", "high", 1)
        rows = [replace(row, **{low: float(p[:, axis].min()), high: float(p[:, axis].max())})
                for row, p in zip(rows, points, strict=True)]  # fmt: skip
    return rows
