"""Checkpoints of the hub side by side: both readings of Fig. 2 for the figure's own kind of models."""

from collections.abc import Sequence

import numpy as np

from nearlinear.errors import InputError
from nearlinear.results.drift_hub import revisions
from nearlinear.results.types import LinearityProfile

from .shown import Html, Shown
from .style import BLUE, VERMILLION, canvas, legend_above, use
from .words import caveats, held_out_size, notes, score, sentences, subtitle, warning

NONE = "No checkpoints of the hub were asked for: see the parameter."


def hub_drift(profiles: Sequence[LinearityProfile], checkpoints: str) -> Shown | Html:
    """Means over blocks of s_Δ and s, held out without first tokens, and in sample with them, by checkpoint.

    `checkpoints`: the text that they were named by. A sentence where there are none. Raises InputError where names and
    results do not go together.
    """
    names = revisions(checkpoints)
    if len(names) != len(profiles):
        raise InputError(f"{len(names)} checkpoints are named and {len(profiles)} were measured: give as many of both")
    return _drawn(profiles, names) if profiles else Html(f"<p>{NONE}</p>", NONE)


@use()
def _drawn(profiles: Sequence[LinearityProfile], names: Sequence[str]) -> Shown:
    figure, axes = canvas(
        "Checkpoints of the hub",
        subtitle(profiles[:1], held_out_size(profiles[0])),
        [*notes(profiles), "Means over blocks. Full: held out, first tokens left out; dashed: in sample, with them."],
        warning(profiles),
        height=2.8,
        ncols=2,
    )
    words, x = [], range(len(names))
    for ax, name, said, colour in zip(axes, ("update_scores", "scores"), ("s_Δ", "s"), (BLUE, VERMILLION), strict=True):
        papers = [float(np.mean(getattr(profile, name))) for profile in profiles]
        strict = [float(np.mean(getattr(profile.held_out.no_first_token, name))) for profile in profiles]
        ax.plot(x, strict, "o-", color=colour, label=f"{said}, held out")
        ax.plot(x, papers, "s--", color=colour, label=f"{said}, in sample")
        ax.set_xticks(x, names, rotation=30, ha="right")
        ax.set_title(said)
        told = ", ".join(
            f"{k} {score(a)} ({score(b)} in sample)" for k, a, b in zip(names, strict, papers, strict=True)
        )
        words.append(f"{said} by checkpoint, held out: {told}.")
    legend_above(axes[0], columns=2)
    what = "Mean over blocks of s_Δ and of s, by checkpoint"
    return Shown(
        figure, sentences(f"Line charts. {what}.", *words, caveats(profiles)), f"{what}. {subtitle(profiles[:1])}"
    )
