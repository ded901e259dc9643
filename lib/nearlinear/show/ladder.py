"""The ladder of blocks on the page: drawn, measured at initialisation, and counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from matplotlib.axes import Axes

from nearlinear.results.apart import BlockApart
from nearlinear.results.signal import Mask, SignalStudy

from .block_drawings import sheet
from .block_parts import DRAWINGS
from .block_sources import code, equation
from .frames import Frame
from .ladder_steps import LADDER, Step, step_of
from .shown import Html, Shown
from .signal import FLOOR, LOOKS, size_of
from .style import canvas, legend_above, use
from .tables import table
from .words import number, sentences

MEASURED = {"relative_residual": "relative residual (log)", "cosine": "mean cosine of two tokens"}
"""What is drawn of a signal, as an axis calls it."""

_TOKENS = "random"
_DEEP = 18
"""The depth of the paper's models, where numbers are read off."""


@dataclass(frozen=True, eq=False)
class Drawn(Shown):
    """A figure that is SVG from the start."""

    figure: str

    def svg(self) -> bytes:
        return self.figure.encode()


def sizes(made: BlockApart) -> str:
    return f"width {made.d:,}, {made.h} heads, MLP {made.d_ff:,} wide"


def million(n: int) -> str:
    return f"{n / 1e6:.2f} million"


def ladder_drawn(*blocks: BlockApart) -> Drawn:
    """Blocks beside each other as drawings; what each lost to the one that it was made from is struck out."""
    steps = [step_of(made.block) for made in blocks]
    titles = [f"{step.title}: {million(made.n_parameters)}" for step, made in zip(steps, blocks, strict=True)]
    heading = f"Parameters of one block, {sizes(blocks[0])}"
    return Drawn(
        sheet([made.block for made in blocks], titles, heading=heading),
        sentences(
            f"Drawings of {len(blocks)} blocks.",
            *(f"{step.title}: {step.what}" for step in steps),
            f"{heading}: {'; '.join(titles)}.",
        ),
        sentences(
            "Struck out: gone at this step. Dotted: gone before. Thick: new.",
            "A is the attention matrix of each head, φ the activation of the MLP.",
            f"{heading}: {'; '.join(titles)}.",
        ),
    )


def ladder_code() -> Html:
    """Each step of the ladder as equation and code, what goes and what comes marked; the code is the library's own."""
    names = ", ".join(step.title for step in LADDER)
    return Html(Frame.of("".join(map(_code, LADDER)), f"Equation and code of {names}", role="group").html, names)


def _code(step: Step) -> str:
    title = f"<p style='margin:0 0 2px;font-weight:bold'>{escape(step.title)}</p>"
    return f"<div style='margin-bottom:14px'>{title}{equation(step.equation)}{code_of(step)}</div>"


def code_of(step: Step) -> str:
    """The code of a step beside that of the block that it was made from."""
    before = DRAWINGS[step.block].after
    return code(step.cls, step_of(before).cls if before else "")


def mean(study: SignalStudy, block: str, mask: Mask, measure: str) -> np.ndarray:
    """One measure of random tokens, mean over seeds: (depths,)."""
    return study.values(block, mask, _TOKENS, measure).mean(0)


def size(study: SignalStudy) -> str:
    return size_of(study, _TOKENS)


def read_off(study: SignalStudy) -> int:
    """Entry of the depth where numbers are read off: that of the paper's models, or the last one."""
    return study.depths.index(_DEEP) if _DEEP in study.depths else len(study.depths) - 1


@use()
def ladder_signal(study: SignalStudy) -> Shown:
    """Relative residual and cosine against depth for each block of the ladder: a column for each mask."""
    figure, axes = canvas(
        "What each step does to the signal, before any training",
        size(study),
        ["Lines: means over seeds. At the bottom are tokens that are the same but for rounding."],
        height=4.6,
        nrows=2,
        ncols=len(study.masks),
        sharex=True,
        sharey="row",
    )
    panels = [(measure, mask) for measure in MEASURED for mask in study.masks]
    for ax, (measure, mask) in zip(axes, panels, strict=True):
        _panel(ax, study, measure, mask)
    legend_above(axes[0])
    return Shown(
        figure,
        sentences(
            f"{len(panels)} line charts against depth: {', and '.join(MEASURED.values())}. {size(study)}.",
            *(f"{step.title}: {signal_words(study, step.block)}." for step in LADDER),
        ),
        sentences(
            "How different the tokens still are: what is left of the states without their mean, as a share, and the "
            "mean cosine of two tokens.",
            f"Skipless: {signal_words(study, 'skipless')}.",
            f"{size(study)}.",
        ),
    )


def _panel(ax: Axes, study: SignalStudy, measure: str, mask: Mask) -> None:
    for step in LADDER:
        colour, marker, line = LOOKS[step.block]
        values = np.maximum(mean(study, step.block, mask, measure), FLOOR if measure == "relative_residual" else -1)
        ax.plot(study.depths, values, color=colour, marker=marker, ls=line, markevery=4, label=step.title)
    if measure == "cosine":
        ax.set_xlabel("after so many blocks")
    else:
        ax.set_yscale("log")
        ax.set_title(mask)
    if mask == study.masks[0]:
        ax.set_ylabel(MEASURED[measure])


def signal_words(study: SignalStudy, block: str) -> str:
    """Both measures under each mask at one depth, in words."""
    at, found = read_off(study), []
    for mask in study.masks:
        residual, cosine = (number(mean(study, block, mask, measure)[at]) for measure in MEASURED)
        found.append(f"a relative residual of {residual} and a cosine of {cosine} ({mask})")
    return f"after {study.depths[at]} blocks {', '.join(found)}"


def ladder_table(blocks: Sequence[BlockApart], study: SignalStudy) -> Html:
    """A row a block: what went, its parameters beside those of the block it was made from, and the signal."""
    by_name, at = {made.block: made for made in blocks}, study.depths[read_off(study)]
    head = ("block", "gone", "parameters of one", f"of {blocks[0].L} blocks", f"residual and cosine after {at}")
    rows = [_row(step_of(made.block), made, by_name, study) for made in blocks]
    return table(f"Parameters: {sizes(blocks[0])}. Signal, causal: {size(study)}", head, rows)


def _row(step: Step, made: BlockApart, by_name: dict[str, BlockApart], study: SignalStudy) -> list[str]:
    at = read_off(study)
    signal = ", ".join(number(mean(study, made.block, "causal", measure)[at]) for measure in MEASURED)
    fewer = change(made, by_name[DRAWINGS[made.block].after or made.block])
    return [escape(step.title), step.goes or "—", f"{made.n_parameters:,}{fewer}", million(made.all_blocks), signal]


def change(made: BlockApart, before: BlockApart) -> str:
    """ " (−1,179,611)", or nothing where nothing changed."""
    less = made.n_parameters - before.n_parameters
    return f" ({less:+,})".replace("-", "−") if less else ""
