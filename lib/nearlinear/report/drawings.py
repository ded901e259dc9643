"""The figures of a report: those of the chapters, one that sets a model beside the recorded ones, and all as SVG."""

import re
import warnings
from collections.abc import Sequence
from html import escape

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.provenance import Provenance
from nearlinear.results.records import PerBlock
from nearlinear.results.types import LinearityProfile
from nearlinear.show import style
from nearlinear.show.pruning import damage_by_block, pruning_curves
from nearlinear.show.scores import Look, controls
from nearlinear.show.series import LOWEST
from nearlinear.show.shown import Shown
from nearlinear.show.updates import update_scores_by_block, update_sizes
from nearlinear.show.words import (
    caveats,
    describe,
    held_out_size,
    is_encoder,
    is_random,
    model_name,
    notes,
    run_size,
    sentences,
    subtitle,
    warning,
)

from .types import Report

LONGEST_NAME, LONGEST_NOTE = 48, 120
PAPER, OURS = "in-sample, all tokens (the paper)", "held out, first token out"


def figures(report: Report, recorded: Sequence[LinearityProfile]) -> dict[str, Shown]:
    """Every figure of the page by name."""
    profile = drawable(report.profile)
    drawn = {
        "beside": beside_recorded(profile, [drawable(other) for other in recorded]),
        "controls": controls(profile),
        "updates": update_scores_by_block(profile),
        "sizes": update_sizes(profile),
    }
    if report.pruning is not None:
        study = drawable(report.pruning)
        drawn |= {"damage": damage_by_block(study), "pruning": pruning_curves(study)}
    return drawn


def drawable(result):
    """The same result under names that matplotlib takes letter by letter: it would read formulas between dollars."""
    made: Provenance = result.provenance
    id, note = _letters(made.model.id), _letters(made.model.note, LONGEST_NOTE)
    model = made.model.model_copy(update={"id": id, "note": note})
    corpus = made.corpus.model_copy(update={"id": _letters(made.corpus.id)})
    return result.model_copy(update={"provenance": made.model_copy(update={"model": model, "corpus": corpus})})


def _letters(name: str, most: int = LONGEST_NAME) -> str:
    """A name on one line and not too long; a label that begins with "_" would be left out of the legend."""
    plain = "".join(letter if letter.isprintable() else " " for letter in name)
    short = plain if len(plain) <= most else plain[: most - 1] + "…"
    return re.sub(r"^_", "\N{NO-BREAK SPACE}_", short.replace("$", r"\$"))


@style.use()
def beside_recorded(profile: LinearityProfile, recorded: Sequence[LinearityProfile]) -> Shown:
    """One model over recorded ones by relative depth: score and update score, as the paper has them and held out."""
    title = "This model over the recorded ones" if recorded else "This model"
    figure, axes = style.canvas(
        title,
        subtitle([profile], held_out_size(profile)),
        [
            "Recorded: " + "; ".join(map(run_size, recorded)) + "." if recorded else "",
            f"Values below {LOWEST:g} are drawn there.".replace("-", "−") if _leaves(profile, recorded) else "",
            *notes([profile, *recorded]),
        ],
        warning([profile]),
        height=4.9,
        nrows=2,
        ncols=2,
        sharex=True,
    )
    words = []
    for ax, (name, how) in zip(axes, _PANELS, strict=True):
        for look, other in zip(_looks(recorded), recorded, strict=True):
            _draw(ax, look, values_of(other, name, how), lw=1.2, ms=2.4, alpha=0.9)
        mine = values_of(profile, name, how)
        _draw(ax, Look(style.BLUE, "o", "-", f"this model: {model_name(profile.provenance)}"), mine, lw=2.2, zorder=5)
        what = {"scores": "score", "update_scores": "update score"}[name]
        words += [describe(f"{what.capitalize()}, {how}, of {model_name(p.provenance)}", values_of(p, name, how))
                  for p in (profile, *recorded) if len(values_of(p, name, how))]  # fmt: skip
        ax.set_title(how if len(mine) else f"{how}: nothing was held out", size=8.5)
        ax.set_xlim(-0.03, 1.03)
        ax.set_ylabel(what)
    for ax in axes[2:]:
        ax.set_xlabel("relative depth (0: first block, 1: last)")
    style.legend_above(axes[0], columns=2)
    return Shown(
        figure,
        sentences(
            "Four line charts against relative depth, from the first block to the last: the score with the residual "
            "above, the update score below; on the left as the paper measures them, on the right on held-out text.",
            *words,
            caveats([profile, *recorded]),
        ),
        sentences(
            "Above: the linearity score, with the residual. Below: the same for the update alone. Left: in-sample with",
            "all tokens, as in the paper. Right: held out, without the first token of each window.",
            f"{subtitle([profile], held_out_size(profile))}.",
        ),
    )


_PANELS = (("scores", PAPER), ("scores", OURS), ("update_scores", PAPER), ("update_scores", OURS))


def values_of(profile: LinearityProfile, name: str, how: str) -> PerBlock:
    """One panel's numbers; none where nothing was held out."""
    if how == PAPER:
        return getattr(profile, name)
    return getattr(profile.held_out.no_first_token, name) if profile.held_out else ()


def relative_depth(L: int) -> np.ndarray:
    """(L,): 0 for the first block, 1 for the last; a single block stands in the middle."""
    return np.linspace(0, 1, L) if L > 1 else np.full(L, 0.5)


def _looks(recorded: Sequence[LinearityProfile]) -> list[Look]:
    """Grey dashes for random weights, orange squares for encoders, red triangles for the decoder."""
    return [_look(profile, f"recorded: {model_name(profile.provenance)}") for profile in recorded]


def _look(profile: LinearityProfile, label: str) -> Look:
    if is_random(profile.provenance):
        return Look(style.GREY, "v", style.DASHES, label)
    if is_encoder(profile):
        return Look(style.COLOURS["encoder"], "s", "-", f"{label} (encoder)")
    return Look(style.VERMILLION, "^", "-", label)


def _draw(ax: Axes, look: Look, values: PerBlock, **more) -> None:
    settings = {"color": look.colour, "marker": look.marker, "ls": look.dashes, "label": look.label}
    y = np.maximum(np.asarray(values, float), LOWEST)
    ax.plot(relative_depth(len(values)), y, markerfacecolor="white", **settings | more)


def _leaves(profile: LinearityProfile, recorded: Sequence[LinearityProfile]) -> bool:
    """Whether any curve leaves the figure below."""
    return any(v < LOWEST for p in (profile, *recorded) for panel in _PANELS for v in values_of(p, *panel))


THEMED = {
    style.PANEL: "panel",
    style.INK: "ink",
    style.FAINT: "faint",
    style.GRID: "grid",
    style.WARNING: "warning",
    style.BLUE: "blue",
    style.VERMILLION: "vermillion",
    style.GREEN: "green",
    style.PURPLE: "purple",
    style.ORANGE: "orange",
    style.SKY: "sky",
    style.GREY: "grey",
}
"""Colours of the drawings, and the variables of the page that stand for them, so that a dark page has dark figures."""


def harmless(words: str) -> str:
    """Words as a part of a page: no tag, no entity, and no letter that cannot be seen and turns others around."""
    return escape(
        "".join(letter if letter.isprintable() or letter.isspace() else "\N{REPLACEMENT CHARACTER}" for letter in words)
    )


def inline_svg(shown: Shown, prefix: str) -> str:
    """The drawing as a part of a page: its names made its own by `prefix`, its colours those of the page."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a name in a script the font lacks
        svg = shown.svg().decode()
    svg = svg[svg.index("<svg") :]
    for unwanted in (r"<!--.*?-->", r"<metadata>.*?</metadata>", r"<defs>\s*<style.*?</style>\s*</defs>"):
        svg = re.sub(unwanted, "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{prefix}-", svg)
    for colour, name in THEMED.items():
        svg = svg.replace(colour, f"var(--{name})")
    inside = svg[svg.index(">") + 1 :]
    (box,) = re.findall(r'viewBox="([\d. ]+)"', svg)
    alt = harmless(shown.alt.replace(r"\$", "$"))
    return f'<svg role="img" aria-label="{alt}" viewBox="{box}">{inside}'
