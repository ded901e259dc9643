"""All verdicts drawn: every claim is a tile with its name, its sign and its colour; by paper, and by part."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from .shown import Shown
from .style import BLUE, FAINT, GREEN, GREY, GRID, INK, ORANGE, PANEL, WARNING, canvas, use
from .verdict_words import (
    NOT_YET,
    PAPERS,
    PARTS,
    SIGNS,
    STANDINGS,
    Chapters,
    by_standing,
    of_paper,
    plural,
    sizes,
    standings,
)
from .words import sentences

LOOKS: dict[str, tuple[str, str, str]] = {
    "reproduced": (GREEN, GREEN, PANEL),
    "partly": (BLUE, BLUE, PANEL),
    "not at this size": ("#fbe8c4", ORANGE, INK),
    "contradicted": (WARNING, WARNING, PANEL),
    "untestable here": (GRID, GREY, INK),
    NOT_YET: (PANEL, GREY, INK),
}
"""Standing → colour of a tile, of its edge and of its letters. What is answered is solid, what is open is pale."""

WIDE, HIGH = 0.86, 0.8
"""Size of a tile, in units of its place."""


@use()
def verdicts_by_paper(chapters: Chapters) -> Shown:
    """How many claims of each paper have which verdict, and which they are."""
    named = by_standing(chapters)
    figure, axes = canvas(
        "What has become of the claims", sizes(chapters), [NOTE], height=2.9, nrows=1, ncols=2, sharey=True
    )
    words = []
    for ax, (paper, title) in zip(axes, PAPERS.items(), strict=True):
        ids = {c.id for c in of_paper(paper)}
        rows = {each: [id for id in of if id in ids] for each, of in named.items()}
        _rows(ax, {each: [(id, each) for id in of] for each, of in rows.items()}, max(map(len, named.values())) / 1.4)
        ax.set_title(f"{title} ({plural(len(ids), 'claim')})")
        words += [f"{title}: {_told(rows)}."]
    axes[0].set_yticks(range(len(STANDINGS)), [f"{each} {SIGNS[each]}" for each in STANDINGS])
    return _shown(figure, chapters, "Verdicts by paper, a tile for each claim", words)


@use()
def verdicts_by_part(chapters: Chapters) -> Shown:
    """The same claims by the part of the transformer that they are about."""
    of = standings(chapters)
    rows = {part: sorted(((id, of[id]) for id in ids), key=_place) for part, ids in PARTS.items()}
    figure, (ax,) = canvas("What they say about each part", sizes(chapters), [NOTE], height=3.5)
    _rows(ax, rows, max(map(len, rows.values())), signed=True)
    ax.set_yticks(range(len(rows)), rows)
    for standing in STANDINGS:
        face, edge, _ = LOOKS[standing]
        ax.scatter([], [], marker="s", s=46, facecolor=face, edgecolor=edge, label=f"{SIGNS[standing]} {standing}")
    ax.figure.legend(loc="outside upper left", ncols=len(STANDINGS), columnspacing=0.9, handletextpad=0.1)
    words = []
    for part, tiles in rows.items():
        words += [f"{part}: {_told({each: [id for id, has in tiles if has == each] for each in STANDINGS})}."]
    return _shown(figure, chapters, "Verdicts by part of the transformer, a tile for each claim", words)


NOTE = "Each tile is a claim. Several rows about one claim are read together; where they disagree it is at most partly."


def _place(tile: tuple[str, str]) -> tuple[int, str, int]:
    return STANDINGS.index(tile[1]), tile[0][0], int(tile[0][1:])


def _rows(ax: Axes, rows: Mapping[str, Sequence[tuple[str, str]]], most: float, *, signed: bool = False) -> None:
    """A row of tiles for each entry, the first on top, with its count behind it; `signed`: signs in the tiles."""
    for y, tiles in enumerate(rows.values()):
        for x, (id, standing) in enumerate(tiles):
            _tile(ax, x, y, id, standing, signed)
        ax.text(len(tiles) + 0.12, y, str(len(tiles)), va="center", size=9.5, color=FAINT)
    ax.set_xlim(-0.1, max(most, *(len(tiles) for tiles in rows.values())) + 0.8)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xticks([])
    ax.grid(False)
    ax.spines[["bottom"]].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _tile(ax: Axes, x: float, y: float, id: str, standing: str, signed: bool) -> None:
    face, edge, letters = LOOKS[standing]
    box = FancyBboxPatch((x, y - HIGH / 2), WIDE, HIGH, boxstyle="round,pad=0,rounding_size=0.12", fc=face, ec=edge)
    ax.add_patch(box)
    words = f"{SIGNS[standing]} {id}" if signed else id
    ax.text(x + WIDE / 2, y, words, ha="center", va="center", size=7.2, weight="bold", color=letters)


def _told(rows: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"{len(ids)} {each} ({', '.join(ids)})" for each, ids in rows.items() if ids)


def _shown(figure, chapters: Chapters, what: str, words: Sequence[str]) -> Shown:
    caption = sentences(f"{what}.", NOTE, f"Measured on {sizes(chapters)}.")
    return Shown(figure, alt=sentences(f"{what}.", *words, f"Measured on {sizes(chapters)}."), caption=caption)
