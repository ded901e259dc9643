"""A picker of claims: those about one part of the transformer, or those with one verdict, one at a time."""

from collections.abc import Sequence
from html import escape

import ipywidgets as widgets

from nearlinear.results.claims import claim

from .frames import Frame
from .picker import _chosen, _drawn, _refuse_heavy, _wide
from .style import FAINT, GRID
from .tables import _code
from .verdict_table import NOBODY_YET, link
from .verdict_words import PARTS, SIGNS, Chapters, Judged, by_standing, judged, standing
from .words import sentences


def verdict_picker(chapters: Chapters, name: str = "Claims") -> widgets.VBox:
    """First parts of the transformer, then verdicts; each with its claims in order. Every frame is on the page.

    Raises ValueError for a picker that is heavier than BUDGET.
    """
    of = judged(chapters)
    lists = {**PARTS, **{each: ids for each, ids in by_standing(chapters).items() if ids}}
    which = widgets.Dropdown(options=list(lists), index=0, description=f"{name}: about", **_wide())
    pages = [
        _page([verdict_frame(id, of[id], f"{about}, claim {k}") for k, id in enumerate(ids)], f"{name}, {about}")
        for about, ids in lists.items()
    ]
    picker = widgets.VBox([which, _chosen(which, "index", pages)])
    _refuse_heavy(picker, name)
    return picker


def _page(frames: Sequence[Frame], name: str) -> widgets.Widget:
    """A slider and a number box turn through the frames; a single one needs neither."""
    if len(frames) == 1:
        return widgets.VBox(_drawn(frames))
    last = len(frames) - 1
    slider = widgets.IntSlider(0, 0, last, description=f"{name}: claim", readout=False, **_wide("26rem"))
    box = widgets.BoundedIntText(0, 0, last, description=f"{name}: claim number", **_wide("24rem"))
    slider.link = widgets.jslink((slider, "value"), (box, "value"))
    row = widgets.HBox([slider, box], layout=widgets.Layout(flex_flow="row wrap", width="100%"))
    return widgets.VBox([row, _chosen(slider, "value", _drawn(frames))])


def verdict_frame(id: str, rows: Sequence[Judged], place: str) -> Frame:
    """One claim on a card: what the paper says and prints, then every row about it. `place`: where it stands."""
    c, found = claim(id), standing(rows)
    printed = f" · printed there: {escape(c.paper_value)}" if c.paper_value else ""
    body = (
        f"<p style='margin:0;font-size:12px;color:{FAINT}'>{escape(place)}</p>"
        f"<p style='margin:0 0 2px;font-size:15px'><b>{id}</b> {escape(c.claim)}</p>"
        f"<p style='margin:0 0 6px;font-size:12px;color:{FAINT}'>arXiv {c.paper}, {escape(c.where)}{printed}</p>"
        f"<p style='margin:0 0 6px'><b>{SIGNS[found]} {found}</b></p>"
    )
    return Frame.of(body, _alt(id, rows, place), "".join(map(_row, rows)) or f"<p>{NOBODY_YET}</p>", role="group")


def _row(each: Judged) -> str:
    row = each.row
    return (
        f"<div style='border-top:1px solid {GRID};padding:6px 0'>"
        f"<p style='margin:0'>{link(each.chapter)}: {escape(row.what)}: <b>{escape(row.said)}</b> "
        f"({SIGNS[row.verdict]} {row.verdict})</p>"
        f"<p style='margin:4px 0'>{escape(row.controls)}</p>{_code(row.command)}</div>"
    )


def _alt(id: str, rows: Sequence[Judged], place: str) -> str:
    told = [f"{each.chapter.title.capitalize()}: {each.row.what}: {each.row.said}." for each in rows]
    return sentences(f"{place}: {id}, {claim(id).claim}: {standing(rows)}.", *told)
