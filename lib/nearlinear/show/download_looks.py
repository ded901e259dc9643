"""What a series is called: by its own label, or by the entry of the legend that looks the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer, Container, ErrorbarContainer
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

NONE = {None, "None", "none", "", " "}


@dataclass(frozen=True)
class Look:
    """What tells one series from another: colour, marker and line style; "" where it has none."""

    colour: str
    marker: str = ""
    dashes: str = ""


Known = Sequence[tuple[str, Look]]


def joined(line: Line2D) -> bool:
    """Whether the points of a line are joined by one."""
    return line.get_linestyle() not in NONE and len(line.get_xdata()) > 1


def look_of(artist: Artist | Container) -> Look:
    """How a series looks; bars and bands have a colour only."""
    if isinstance(artist, BarContainer):
        return look_of(artist.patches[0]) if artist.patches else Look("")
    if isinstance(artist, ErrorbarContainer):
        return look_of(artist.lines[0] if artist.lines[0] is not None else artist.lines[2][0])
    if isinstance(artist, Line2D):
        marker = "" if artist.get_marker() in NONE else str(artist.get_marker())
        dashes = "" if artist.get_linestyle() in NONE else str(artist.get_linestyle())
        return Look(to_hex(artist.get_color()), marker, dashes)
    if isinstance(artist, Patch):
        return Look(to_hex(artist.get_facecolor()))
    if isinstance(artist, Collection):
        colours = artist.get_facecolor() if len(artist.get_facecolor()) else artist.get_edgecolor()
        return Look(to_hex(colours[0]) if len(colours) else "")
    return Look("")


def own_label(artist: Artist | Container) -> str:
    label = " ".join(str(artist.get_label() or "").split())
    return "" if label.startswith("_") else label


def labels(ax: Axes) -> Known:
    """Every label of this panel, then of the legends of the whole figure and of the other panels, with its look."""
    figure = ax.figure.figure  # the whole of it, also from within a part
    found = [*labelled(ax), *in_legends(figure), *(each for other in figure.axes for each in labelled(other))]
    return list(dict.fromkeys(found))


def labelled(ax: Axes) -> Known:
    return [
        (" ".join(label.split()), look_of(handle))
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    ]


def in_legends(figure) -> Known:
    """The entries of all legends, those of the panels and those of the figure and its parts."""
    legends = [ax.get_legend() for ax in figure.axes if ax.get_legend()]
    for part in (figure, *figure.subfigs):
        legends += part.legends
    return [
        (" ".join(text.get_text().split()), look_of(handle))
        for legend in legends
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True)
    ]


def name_by_look(artist: Artist | Container, known: Known) -> str:
    """The one label that looks the same: in all, else in colour and marker or dashes, else in colour.

    "" where two would do: a wrong name is worse than none.
    """
    look = look_of(artist)
    for same in (
        lambda other: other == look,
        lambda other: (other.colour, other.marker) == (look.colour, look.marker),
        lambda other: (other.colour, other.dashes) == (look.colour, look.dashes),
        lambda other: other.colour == look.colour,
    ):
        names = {name for name, other in known if other.colour and same(other)}
        if len(names) == 1:
            return names.pop()
        if len(names) > 1:
            return ""
    return ""
