"""Does it pay to look again? Curves and a table of orders that measure the model once, and after each step."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nearlinear.results.again import AgainCurve, AgainStudy
from nearlinear.results.pruning import How, PruningCurve, PruningStudy

from .pruning import HIGHEST, NAMES, band, curves_of, perplexities
from .shown import Html, Shown
from .style import BLUE, FAINT, GREEN, VERMILLION, canvas, legend_above, log_y, plain_log, use
from .tables import table
from .words import caveats, notes, number, sentences, subtitle

Study = AgainStudy | PruningStudy
Curve = AgainCurve | PruningCurve

LOOKS = {
    "once": "one look, maps fitted once",
    "fitted anew": "one look, maps fitted anew",
    "again": "a new look after each step, maps fitted anew",
}
"""The ways in which an order is followed, as a reader meets them."""

_LOOKS = dict(zip(LOOKS, ((BLUE, "o", "-"), (GREEN, "^", "--"), (VERMILLION, "s", "-")), strict=True))
_DONE: dict[How, str] = {"remove": "removed", "replace": "replaced"}
_PLACES = (4, 8, 12)


def looks(studies: Sequence[Study], how: How) -> dict[str, dict[str, Curve]]:
    """By order, its curves by how often the model was looked at, all of the same length; only orders that some study
    follows anew. Raises ValueError where the studies are of different models or texts, or none of them looks again.
    """
    followed = [curve for study in _again(studies) for curve in study.curves]
    k = max(len(curve.steps) for curve in followed)
    found: dict[str, dict[str, Curve]] = {curve.order: {} for curve in followed}
    for curve in curves_of(studies, how):
        if curve.order in found:
            found[curve.order][_look(curve)] = curve.model_copy(update={"steps": curve.steps[:k]})
    return {order: {look: each[look] for look in LOOKS if look in each} for order, each in found.items()}


def _ways(again: Sequence[AgainStudy]) -> list[How]:
    followed = {curve.how for study in again for curve in study.curves}
    return [how for how in _DONE if how in followed]


def _look(curve: Curve) -> str:
    if isinstance(curve, PruningCurve):
        return "once"
    return "again" if curve.looked_again else "fitted anew"


def _again(studies: Sequence[Study]) -> list[AgainStudy]:
    if not (found := [study for study in studies if isinstance(study, AgainStudy)]):
        raise ValueError("none of these studies looks at the model again: give one that does")
    return found


@use()
def again_curves(*studies: Study) -> Shown:
    """Perplexity against the number of changed blocks, a panel for each order, above by removal and below by
    replacement: the model measured once (from a PruningStudy) and after each step (from an AgainStudy).
    """
    again = _again(studies)
    by_how = {how: looks(studies, how) for how in _ways(again)}
    orders = list(next(iter(by_how.values())))
    figure, axes = canvas(
        "Does it pay to look again?",
        subtitle(again[:1]),
        [
            f"Shaded: 95 % bootstrap interval over documents. Perplexities above {number(HIGHEST)} are drawn there.",
            _tokens_of_a_look(again),
            *notes(again[:1]),
        ],
        height=0.5 + 2.3 * len(by_how),
        nrows=len(by_how),
        ncols=len(orders),
        sharex=True,
        sharey="row",
    )
    panels = [(how, order, curves) for how, each in by_how.items() for order, curves in each.items()]
    for ax, (how, order, curves) in zip(axes, panels, strict=True):
        _panel(ax, curves, again[0].dense_perplexity)
        if order == orders[0]:
            ax.set_ylabel(f"{_DONE[how]}: perplexity (log)")
        if how == next(iter(by_how)):
            ax.set_title(NAMES.get(order, order))
        if how == list(by_how)[-1]:
            ax.set_xlabel("blocks changed")
    legend_above(max(axes, key=lambda ax: len(ax.get_lines())), columns=2)
    return Shown(
        figure,
        sentences(
            f"{len(panels)} line charts of perplexity, on a logarithmic axis, against the number of changed blocks.",
            *(_describe(*panel) for panel in panels),
            _tokens_of_a_look(again),
            f"{subtitle(again[:1])}.",
            caveats(again[:1]),
        ),
        sentences(
            "Perplexity on text used for nothing else, in orders that measure the model once or again after each step.",
            "Removal has no maps: there only the looks differ.",
            f"{subtitle(again[:1])}.",
        ),
    )


def _panel(ax: Axes, curves: dict[str, Curve], dense: float) -> None:
    for look, curve in curves.items():
        colour, marker, line = _LOOKS[look]
        x = np.arange(1, len(curve.steps) + 1)
        low, high = np.minimum(band(curve.steps), HIGHEST)
        ax.fill_between(x, low, high, color=colour, alpha=0.13, lw=0)
        y = np.minimum(perplexities(curve), HIGHEST)
        ax.plot(x, y, color=colour, marker=marker, ls=line, label=LOOKS[look])
    ax.axhline(dense, color=FAINT, lw=1, ls=":", label="unchanged model")
    log_y(ax)
    plain_log(ax.yaxis)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _describe(how: How, order: str, curves: dict[str, Curve]) -> str:
    parts = []
    for look, curve in curves.items():
        found = perplexities(curve)
        parts.append(
            f"{_named(look, how)}: " + ", ".join(f"{number(found[k - 1])} at {k}" for k in _places(len(found)))
        )
    return f"{NAMES.get(order, order)}, blocks {_DONE[how]}: {'; '.join(parts) or 'not followed'}."


def _tokens_of_a_look(again: Sequence[AgainStudy]) -> str:
    """How few tokens a look has, and whether on the unchanged model they give the order that all of them give."""
    study = again[0]
    k = max(len(curve.chosen) for curve in study.curves)
    said = [
        f"{NAMES[a.order]} {number(a.rank_correlation)}, {a.same_first(k)} of the first {k} blocks the same"
        for a in study.agreements
    ]
    few, every = study.n_look + study.n_look_held_out, study.n_fit + study.n_choose
    return (
        ""
        if not said
        else (
            f"A new look has {few:,} tokens, the one look {every:,}. "
            f"Rank correlation of both on the unchanged model: {'; '.join(said)}."
        )
    )


def again_table(*studies: Study) -> Html:
    """Perplexity, with its interval, when 4, 8 and 12 blocks are changed: a row for each order, way and look."""
    k = max(len(curve.steps) for study in _again(studies) for curve in study.curves)
    places = _places(k)
    rows = [
        row
        for how in _ways(_again(studies))
        for order, each in looks(studies, how).items()
        for row in _rows(how, order, each, places)
    ]
    heads = [f"perplexity at {place}" for place in places]
    return table("One look, or a new one after each step", ("order", "blocks", "looks", *heads), rows)


def _rows(how: How, order: str, curves: dict[str, Curve], places: Sequence[int]) -> Iterator[list[str]]:
    for look, curve in curves.items():
        cells = [_cell(curve, place) if place <= len(curve.steps) else "—" for place in places]
        yield [NAMES.get(order, order), _DONE[how], _named(look, how), *cells]


def _named(look: str, how: How) -> str:
    """Removal has no maps to fit."""
    return LOOKS[look].partition(", maps")[0] if how == "remove" else LOOKS[look]


def _cell(curve: Curve, place: int) -> str:
    low, high = band(curve.steps)[:, place - 1]
    ends = "" if np.isnan(low) else f" [{number(low)}, {number(high)}]"
    return f"<b>{number(curve.steps[place - 1].perplexity)}</b>{ends}"


def _places(k: int) -> list[int]:
    return [place for place in _PLACES if place <= k] or [k]
