"""Depth in words: what was trained how deep, and sentences that follow the runs, whatever these turn out to be."""

from collections.abc import Callable, Iterable, Mapping
from html import escape

import numpy as np

from nearlinear.results.depth_views import (
    Deepened,
    changes_at_rates,
    deepened,
    equal_operations,
    short_and_deep,
    tried_losses,
)
from nearlinear.results.training import Block
from nearlinear.results.training_views import Difference, screened

from .counting import NAMES
from .learning_words import BASE, Runs, gap_said, heading
from .shown import Html
from .tables import _panel
from .words import sentences

SIMPLE: tuple[Block, ...] = ("sas", "sas-p")
"""The blocks of which the paper says that they gain from depth."""

SKIPLESS: Block = "v-skipinit"
"""The block of which it says that it does not."""


def clear(found: Difference) -> bool:
    """Whether a difference goes one way with every seed and over files, and is larger than its range over seeds."""
    return (found.better or found.worse) and abs(found.mean) > np.ptp(found.seeds)


def depth_heading(pair: Deepened) -> str:
    """What was trained, at both depths, so that a quick run can never pass for the full one."""
    shallow, deep = pair.depths
    shape = pair.runs[0].spec.architecture
    size, _, rest = heading(pair.runs).partition(" · ")
    wide = f"MLP {shape.d_ff or 4 * shape.d} wide"
    return f"{shallow} and {deep} blocks, {size.partition(', ')[2]}, {wide} · {rest}"


def blocks_said(L: int) -> str:
    """24 blocks, 1 block"""
    return f"{L} block{'s' * (L > 1)}"


def sorted_out(blocks: Iterable[Block], kind: Callable[[Block], str], labels: Mapping[str, str]) -> str:
    """Which block is of which kind, in sentences: "Clearly lower: SAS, SAS-P. Not clear: Pre-LN." """
    found: dict[str, list[str]] = {}
    for block in blocks:
        found.setdefault(kind(block), []).append(NAMES[block])
    return sentences(*(f"{label}: {', '.join(found[k])}." for k, label in labels.items() if k in found))


def sized(gaps: Mapping[Block, float]) -> str:
    """Pre-LN −0.041, SAS −0.102"""
    return ", ".join(f"{NAMES[block]} {gap_said(gap)}" for block, gap in gaps.items())


def told(*parts: str) -> Html:
    """Computed sentences as a paragraph of the page."""
    words = sentences(*parts)
    return Html(_panel(f"<p style='margin:0'>{escape(words)}</p>", "what these runs say").html, words)


def direction(found: Difference) -> str:
    """Which way a difference goes: "better", "worse", "unclear", or "broke off" where a training did."""
    if np.isnan(found.mean):
        return "broke off"
    return "unclear" if not clear(found) else "better" if found.better else "worse"


def depth_change_said(runs: Runs) -> Html:
    """Which blocks end lower when they are deep, which higher, and of which that is not clear."""
    pair = deepened(runs)
    shallow, deep = pair.depths
    labels = {
        "better": f"Clearly lower with {blocks_said(deep)} than with {shallow}",
        "worse": f"Clearly higher with {blocks_said(deep)} than with {shallow}",
        "unclear": "Not clear",
        "broke off": "No answer, because a training broke off",
    }
    sizes = sized({block: pair.change(block).mean for block in pair.deep})
    return told(
        sorted_out(pair.deep, lambda block: direction(pair.change(block)), labels),
        f"Deep minus shallow, mean over seeds: {sizes}.",
    )


def depth_beside_said(runs: Runs, base: Block = BASE) -> Html:
    """Which blocks gain more from depth than the base block, which less, and of which that is not clear."""
    pair = deepened(runs)
    others = [block for block in pair.deep if block != base]
    labels = {
        "better": f"Depth does clearly more for its loss than for that of {NAMES[base]}",
        "worse": "Clearly less",
        "unclear": f"Not to be told from {NAMES[base]}",
        "broke off": "No answer, because a training broke off",
    }
    if not any(direction(pair.beside(block, base)) == "better" for block in others):
        labels["worse"] = f"Depth does clearly less for its loss than for that of {NAMES[base]}"
    sizes = sized({block: pair.beside(block, base).mean for block in others})
    return told(
        sorted_out(others, lambda block: direction(pair.beside(block, base)), labels),
        f"Its change with depth minus that of {NAMES[base]}, mean over seeds: {sizes}.",
    )


def order_at(screen: Runs, rates: Mapping[Block, float]) -> list[Block]:
    """Blocks from the lowest to the highest loss of a screen, each at its rate in `rates`; what broke off is last."""
    found = tried_losses(screen)
    known = {block: each.get(rates.get(block, np.nan), np.nan) for block, each in found.items()}
    return sorted(known, key=lambda block: np.inf if np.isnan(known[block]) else known[block])


def depth_rates_said(screen: Runs, runs: Runs) -> Html:
    """What would have been concluded of deep models at the rates of the shallow ones, and what at their own."""
    pair = deepened(runs)
    best = {block: one.rate for block, one in screened(screen).items()}
    shallow = shallow_rates(pair)
    first, second = order_at(screen, shallow), order_at(screen, best)
    rows = [", ".join(NAMES[block] for block in order) for order in (first, second)]
    turned = {True: "The order is the same.", False: "The rate alone changes the order."}[first == second]
    turned = "The rate alone turns the order round." if first == second[::-1] else turned
    wants = ", ".join(f"{NAMES[block]} × {best[block] / shallow[block]:.2g}" for block in best)
    return told(
        f"{blocks_said(pair.depths[1])}, from the lowest loss of the screen to the highest. At the rates of the "
        f"shallow models: {rows[0]}. Each at its best: {rows[1]}. {turned}",
        f"Best rate beside that of the shallow models: {wants}.",
    )


def shallow_rates(pair: Deepened) -> dict[Block, float]:
    return {block: each[0].spec.recipe.lr for block, each in pair.shallow.items()}


def depth_equal_rates_said(shallow_screen: Runs, screen: Runs, runs: Runs) -> Html:
    """What depth does where both depths have one rate, from short trainings with one seed."""
    if not shallow_screen:
        return told(
            "The shallow models were not tried at these rates: theirs are those of the models of other chapters, which "
            "have more blocks and wider MLPs."
        )
    used, best, deep = shallow_rates(deepened(runs)), screened(shallow_screen), screened(screen)
    rates = ", ".join(f"{NAMES[block]} × {one.rate / used[block]:.2g}" for block, one in best.items() if block in used)
    own = {block: deep[block].losses[deep[block].best] - one.losses[one.best] for block, one in best.items()}
    rows = []
    for block, each in changes_at_rates(shallow_screen, screen).items():
        found = ", ".join(f"{gap_said(gap)} at {rate:.2g}" for rate, gap in each.items())
        rows.append(f"{NAMES[block]} {found}.")
    return told(
        f"Best rate of the shallow models beside the one that they were trained with: {rates}.",
        "Deep minus shallow in the screens, at one rate for both:",
        *rows,
        f"Each depth at its best: {sized(own)}.",
    )


def depth_operations_said(runs: Runs, screen: Runs = ()) -> Html:
    """Whether depth still helps where a deep model has no more operations than a shallow one."""
    pair = deepened(runs)
    equal = equal_operations(pair)
    caught = {block: float(changes.mean()) for block, (_, changes) in equal.items()}
    steps = [at for at, _ in equal.values()]
    in_all = f"{pair.runs[0].spec.recipe.steps:,} shallow steps are as many operations as"
    words = [
        f"{in_all} {min(steps):,.0f} to {max(steps):,.0f} deep ones.",
        f"Deep minus shallow there: {sized(caught)}.",
    ]
    if short := short_and_deep(screen, pair):
        shares = [share for share, _ in short.values()]
        ends = {block: change for block, (_, change) in short.items()}
        words.append(
            f"Deep models whose schedule ends after {min(shares):.2f} to {max(shares):.2f} times these operations (the "
            f"screen, one seed): {sized(ends)}."
        )
    return told(*words)
