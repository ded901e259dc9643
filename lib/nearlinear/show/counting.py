"""Figures and tables of what the blocks are made of and what they cost, all from the closed formulas."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from matplotlib.axes import Axes

from nearlinear.results.counting import (
    BIG,
    MADE,
    Kind,
    ceiling,
    parameters,
    saved,
)
from nearlinear.results.sizes import Sizes

from .shown import Shown
from .style import BLUE, FAINT, GREY, GRID, INK, ORANGE, SKY, VERMILLION, canvas, legend_above, use
from .words import number, sentences

NAMES = dict(
    zip(
        MADE,
        ("Pre-LN", "Post-LN", "parallel", "V-SkipInit", "SAS", "SAS-P", "SAS-P, no norm", "skipless"),
        strict=True,
    )
)
"""What a reader calls a block."""

PARTS: dict[str, tuple[Kind, str]] = {
    "embeddings": ("embedding", GREY),
    "queries and keys": ("queries", SKY),
    "values and projections": ("values", VERMILLION),
    "MLP": ("mlp", BLUE),
}
"""What a reader calls a part, its kind and its colour."""

COLOURS = (BLUE, ORANGE)
"""One for each model, so far as there are two."""

TABLE_1 = {"parallel": 1.05, "v-skipinit": 0.95, "sas": 1.09, "sas-p": 1.16, "sas-p-no-norm": 1.20}
"""Throughput beside Pre-LN as the paper prints it, of its encoder on one GPU in windows of 128 tokens."""

TABLE_1_T = 128

ENDLESS = 10**6
"""Blocks of which we say "without end": embeddings and head no longer count."""

Models = Mapping[str, Sizes]


def millions(n: float) -> str:
    """166,588,416 → "166.6M"."""
    return f"{n / 1e6:,.1f}M"


def less(block: str, sizes: Sizes) -> str:
    """By how much a block's model is smaller than Pre-LN's: "−12.4 %", or "±0.0 %"."""
    part = 100 * saved(block, sizes)
    return f"−{part:.1f} %" if part else "±0.0 %"


def described(name: str, sizes: Sizes) -> str:
    """The sizes in words, so that a figure of one model cannot pass for that of another."""
    gate = "gated MLP" if sizes.mlp == "gated" else "MLP"
    inside = f"{gate} of width {sizes.f:,}"
    return f"{name}: {sizes.L} blocks, {sizes.d:,} wide, {inside}, vocabulary of {sizes.V:,}"


def all_described(models: Models) -> str:
    return " · ".join(described(name, sizes) for name, sizes in models.items())


@use()
def parameters_by_block(models: Models) -> Shown:
    """Where the parameters are: a bar for each block, a panel for each model."""
    figure, axes = canvas(
        "Where the parameters are",
        all_described(models),
        ["Right of each bar: parameters before norms and gains, and how many fewer than with Pre-LN."],
        height=2.9,
        ncols=len(models),
        sharey=True,
    )
    for ax, (name, sizes) in zip(axes, models.items(), strict=True):
        _bars(ax, name, sizes)
    legend_above(axes[0], columns=4)
    return Shown(
        figure,
        sentences(
            "Stacked bars: parameters of a model by its kind of block.",
            *(_described_bars(name, sizes) for name, sizes in models.items()),
        ),
        sentences(
            "Parameters by part, before norms and gains.",
            *(
                f"{name}: {millions(parameters('pre-ln', s, BIG))} with Pre-LN, "
                f"{millions(parameters('sas', s, BIG))} with SAS ({less('sas', s)})."
                for name, s in models.items()
            ),
        ),
    )


def _bars(ax: Axes, name: str, sizes: Sizes) -> None:
    ax.set_title(name)
    for i, block in enumerate(MADE):
        end = 0.0
        for part, (kind, colour) in PARTS.items():
            width = parameters(block, sizes, (kind,)) / 1e6
            ax.barh(i, width, left=end, height=0.66, color=colour, label=part if i == 0 else None)
            end += width
        ax.text(end, i, f" {end:.1f}M  {less(block, sizes)}", va="center", size=8, color=INK)
    ax.set_yticks(range(len(MADE)), NAMES.values())
    if not ax.yaxis_inverted():
        ax.invert_yaxis()
    ax.set_xlim(0, 1.5 * parameters("pre-ln", sizes, BIG) / 1e6)
    ax.set_xlabel("parameters (millions)")
    ax.grid(visible=False)


def _described_bars(name: str, sizes: Sizes) -> str:
    parts = ", ".join(f"{part} {millions(parameters('pre-ln', sizes, (kind,)))}" for part, (kind, _) in PARTS.items())
    totals = ", ".join(
        f"{NAMES[b]} {millions(parameters(b, sizes, BIG))} ({less(b, sizes)})" for b in MADE if b != "pre-ln"
    )
    return f"{described(name, sizes)}. Pre-LN: {parts}. In all: {totals}."


LIMITS = tuple(2**i for i in range(4, 17))
"""Tokens in a window, for curves."""


@use()
def ceilings(models: Models, speeds_of: str, contexts: Sequence[int] = LIMITS) -> Shown:
    """How much faster than Pre-LN SAS can be, by context; beside it what the paper measured on model `speeds_of`."""
    figure, (ax, beside) = canvas(
        "The most that fewer products can buy",
        all_described(models),
        [
            "Left: if matrix products took all the time and ran equally fast.",
            "Dashed: without end in depth, so that embeddings and head no longer count.",
            f"Right, {speeds_of}: diamonds, as measured by the paper (Table 1); bars, the most at {TABLE_1_T} tokens.",
        ],
        height=2.8,
        ncols=2,
        width_ratios=(3, 2),
    )
    for (name, sizes), colour in zip(models.items(), COLOURS, strict=False):
        ax.plot(contexts, [ceiling("sas", sizes, T) for T in contexts], color=colour, label=name)
        deep = [ceiling("sas", replace(sizes, L=ENDLESS), T) for T in contexts]
        ax.plot(contexts, deep, color=colour, ls=(0, (4, 2)), lw=1.2, label=f"{name}, deeper without end")
    _printed(beside, models[speeds_of])
    ax.set_xscale("log", base=2)
    ax.set_xticks(contexts[::3], [f"{T:,}" for T in contexts[::3]])
    ax.set_xlabel("tokens in a window")
    ax.set_ylabel("times Pre-LN's speed")
    legend_above(ax, columns=2)
    said = " ".join(
        f"{described(name, sizes)}: {number(ceiling('sas', sizes))} for the weights alone, "
        f"{number(ceiling('sas', sizes, TABLE_1_T))} at {TABLE_1_T} tokens, "
        f"{number(ceiling('sas', sizes, contexts[-1]))} at {contexts[-1]:,}."
        for name, sizes in models.items()
    )
    printed = ", ".join(f"{NAMES[block]} {speed:.2f}" for block, speed in TABLE_1.items())
    return Shown(
        figure,
        f"Curves that fall with context: the highest speed beside Pre-LN that arithmetic allows SAS. {said} Diamonds: "
        f"printed by the paper for the {speeds_of}: {printed}. Parallel and V-SkipInit have no such gain: their bars "
        "are at 1.",
        f"The highest speed beside Pre-LN that arithmetic allows SAS, SAS-P, and SAS-P without norms. {said}",
    )


def _printed(ax: Axes, sizes: Sizes) -> None:
    """A row a block: the speed that the paper prints, and the highest that arithmetic allows."""
    for i, (block, speed) in enumerate(TABLE_1.items()):
        top = ceiling(block, sizes, TABLE_1_T)
        ax.plot([1, speed], [i, i], color=GRID, lw=3, zorder=1)
        ax.plot(top, i, "|", color=ORANGE, ms=16, mew=2.4)
        ax.plot(speed, i, "D", color=VERMILLION, ms=5)
    ax.axvline(1, color=FAINT, lw=0.8, zorder=0)
    ax.set_yticks(range(len(TABLE_1)), [NAMES[block] for block in TABLE_1])
    ax.set_ylim(len(TABLE_1) - 0.5, -0.5)
    ax.set_xlabel("times Pre-LN's speed")
    ax.grid(visible=False)
