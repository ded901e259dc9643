"""The figures of an atlas. Every line and point bears the number of its row, so that the page can light it up."""

import re
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from nearlinear.report.drawings import OURS, PAPER, drawable, inline_svg, relative_depth, values_of
from nearlinear.report.summary import median
from nearlinear.results.records import PerBlock
from nearlinear.results.types import LinearityProfile
from nearlinear.show import style
from nearlinear.show.scores import Look
from nearlinear.show.series import LOWEST
from nearlinear.show.shown import Shown
from nearlinear.show.words import caveats, describe, is_random, model_name, number, score, sentences

from .atlas_rows import STRICT, Entry, strict

MOST_NAMED = 12
"""With more models than this a legend is longer than the figure, and the table takes its place."""

PANELS = tuple((name, how) for name in ("scores", "update_scores") for how in (PAPER, OURS))
NAMES = {"scores": "score", "update_scores": "update score"}
TWIN = "random twin, on the same windows"


def drawn(entries: Sequence[Entry]) -> dict[str, Shown]:
    """Every figure of the atlas by name."""
    safe = [Entry(drawable(e.profile), tuple(map(drawable, e.twins))) for e in entries]
    return {"depth": by_depth(safe), "size": by_size(safe)}


def linked_svg(shown: Shown, prefix: str) -> str:
    """The drawing as a part of a page, where data-row says which row each line belongs to.

    Places are rounded to a hundredth of a point: the solver of the layout leaves their last digits to chance.
    """
    svg = re.sub(r"(?<!scale\()-?\d+\.\d{3,}", lambda place: f"{float(place[0]):.2f}", inline_svg(shown, prefix))
    return re.sub(rf'(<g id="{prefix}-row-(\d+)[-\d]*")', r'\1 data-row="\2"', svg)


@style.use()
def by_depth(entries: Sequence[Entry]) -> Shown:
    """All models by relative depth: score and update score, as the paper has them and held out."""
    figure, axes = style.canvas(
        "Every model of the atlas, from its first block to its last",
        size_of(entries),
        notes(entries, clipped=any(least(e) < LOWEST for e in entries)),
        height=5.4,
        nrows=2,
        ncols=2,
        sharex=True,
    )
    looks = looks_of(entries)
    for panel, (ax, (name, how)) in enumerate(zip(axes, PANELS, strict=True)):
        for row, (entry, look) in enumerate(zip(entries, looks, strict=True)):
            for i, twin in enumerate(entry.twins):
                _line(ax, values_of(twin, name, how), GREY, f"row-{row}-{panel}-{i}", lw=0.9, zorder=1.5)
            _line(ax, values_of(entry.profile, name, how), look, f"row-{row}-{panel}", lw=1.5)
        ax.set_title(how, size=8.5)
        ax.set_xlim(-0.03, 1.03)
        ax.set_ylabel(NAMES[name])
    for ax in axes[2:]:
        ax.set_xlabel("relative depth (0: first block, 1: last)")
    _legend(axes[0], entries)
    return Shown(
        figure,
        sentences(
            "Four line charts against relative depth, one line a model: the score with the residual above, the update "
            "score below; on the left as the paper measures them, on the right on held-out text.",
            *_told(entries),
            caveats([e.profile for e in entries]),
        ),
        sentences(
            "Above: the linearity score, with the residual. Below: the same for the update alone. Left: in-sample with",
            f"all tokens, as in the paper. Right: {STRICT}. Dashed grey: {TWIN}. {size_of(entries)}.",
        ),
    )


@style.use()
def by_size(entries: Sequence[Entry]) -> Shown:
    """Median update score of each model, held out, against its parameters; its random twins joined to it."""
    figure, (ax,) = style.canvas(
        "The update score and the size of a model", size_of(entries), notes(entries), height=3.2
    )
    points = [(e.profile.provenance.model.n_parameters / 1e6, strict(e.profile, "update_scores")) for e in entries]
    for row, (entry, look, (x, y)) in enumerate(zip(entries, looks_of(entries), points, strict=True)):
        for i, twin in enumerate(entry.twins):
            ys = (y, strict(twin, "update_scores"))
            (thread,) = ax.plot((x, x), ys, color=style.GREY, lw=0.8, ls=style.DASHES, zorder=1.5)
            thread.set_gid(f"row-{row}-{2 * i}")
            (point,) = ax.plot([x], ys[1:], color=style.GREY, marker="v", ls="none", markerfacecolor="white", ms=5)
            point.set_gid(f"row-{row}-{2 * i + 1}")
        (point,) = ax.plot([x], [y], color=look.colour, marker=look.marker, ls="none", label=look.label, ms=6)
        point.set_gid(f"row-{row}")
    if any(e.twins for e in entries):
        ax.plot([], [], color=style.GREY, marker="v", ls=style.DASHES, markerfacecolor="white", label=TWIN)
    ax.set_xscale("log")
    low, high = min(x for x, _ in points), max(x for x, _ in points)
    ax.set_xlim(low / 1.5, high * 1.5)
    style.plain_log(ax.xaxis)
    ax.set_xlabel("parameters, millions")
    ax.set_ylabel("update score, median of the blocks")
    _legend(ax, entries)
    told = [
        f"{model_name(e.profile.provenance)}, {number(x)} million parameters: {score(y)}."
        for e, (x, y) in zip(entries[:MOST_NAMED], points, strict=False)
    ]
    return Shown(
        figure,
        sentences(
            f"A scatter chart: the median update score of each model, {STRICT}, against its parameters.",
            *told,
            caveats([e.profile for e in entries]),
        ),
        sentences(
            f"Median over the blocks of the update score, {STRICT}. Triangles: {TWIN}. {size_of(entries)}.",
        ),
    )


GREY = Look(style.GREY, "", style.DASHES, "")


def looks_of(entries: Sequence[Entry]) -> list[Look]:
    """A colour and a marker for each model, the same for all its rows; grey for random weights."""
    names = list(dict.fromkeys(_name(e) for e in entries if not is_random(e.profile.provenance)))
    pairs = zip(names, cycle(zip(cycle(style.MODEL_COLOURS), _markers(), strict=False)), strict=False)
    given = {name: Look(colour, marker, "-", name) for name, (colour, marker) in pairs}
    return [given.get(_name(e), Look(style.GREY, "v", style.DASHES, _name(e))) for e in entries]


def _markers() -> list[str]:
    """As many as there are pairs of a colour and a marker, each marker as often as there are colours."""
    return [marker for marker in style.MARKERS for _ in style.MODEL_COLOURS]


def _name(entry: Entry) -> str:
    return model_name(entry.profile.provenance)


def _line(ax: Axes, values: PerBlock, look: Look, gid: str, **more: Any) -> None:
    y = np.maximum(np.asarray(values, float), LOWEST)
    settings = {"color": look.colour, "marker": look.marker, "ls": look.dashes, "label": look.label or "_"}
    (line,) = ax.plot(relative_depth(len(y)), y, ms=2.6, markerfacecolor="white", **settings | more)
    line.set_gid(gid)


def _legend(ax: Axes, entries: Sequence[Entry]) -> None:
    """Each model once, and the twins; nothing where there are too many to read."""
    if len({_name(e) for e in entries}) > MOST_NAMED:
        return
    handles, labels = ax.get_legend_handles_labels()
    once = dict(zip(reversed(labels), reversed(handles), strict=True))
    if any(e.twins for e in entries) and TWIN not in once:
        once[TWIN] = ax.plot([], [], color=style.GREY, ls=style.DASHES, lw=0.9)[0]
    order = [label for label in dict.fromkeys([*labels, TWIN]) if label in once]
    ax.figure.legend([once[label] for label in order], order, loc="outside upper left", ncols=3, borderpad=0.2)


def size_of(entries: Sequence[Entry]) -> str:
    """How many runs of how many models, and of how many tokens each."""
    models = {e.profile.provenance.model.id for e in entries}
    tokens = [e.profile.n for e in entries]
    runs = f"{len(entries)} run{'s' if len(entries) > 1 else ''} of {len(models)} model{'s' if len(models) > 1 else ''}"
    span = f"{tokens[0]:,}" if len(set(tokens)) == 1 else f"{min(tokens):,} to {max(tokens):,}"
    return f"{runs}, {span} tokens each"


def notes(entries: Sequence[Entry], *, clipped: bool = False) -> list[str]:
    """Texts, values that are drawn elsewhere, and how many runs are not to be relied on."""
    texts = ", ".join(dict.fromkeys(e.profile.provenance.corpus.id for e in entries))
    bad = sum(not e.profile.reliable for e in entries)
    return [
        f"Text: {texts}.",
        f"Values below {LOWEST:g} are drawn there.".replace("-", "−") if clipped else "",
        f"Not reliable: {bad} of {len(entries)}; the table says which." if bad else "",
    ]


def least(entry: Entry) -> float:
    """The least value that is drawn of a run and its twins; infinite where nothing is."""
    shown = [v for p in (entry.profile, *entry.twins) for panel in PANELS for v in values_of(p, *panel)]
    return min((v for v in shown if not np.isnan(v)), default=np.inf)


def _told(entries: Sequence[Entry]) -> list[str]:
    """Each model's held-out update score in words; of many models, the middle and the ends."""
    if len(entries) <= MOST_NAMED:
        return [describe(f"Update score, {STRICT}, of {_name(e)}", _held(e.profile)) for e in entries]
    medians = [m for e in entries if not np.isnan(m := median(_held(e.profile)))]
    if not medians:
        return []
    return [f"Medians of the update score, {STRICT}: {score(min(medians))} to {score(max(medians))}."]


def _held(profile: LinearityProfile) -> PerBlock:
    return values_of(profile, "update_scores", OURS)
