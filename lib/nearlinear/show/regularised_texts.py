"""What models trained with a term write and answer: samples side by side, under a larger model, and questions."""

from html import escape

import numpy as np

from nearlinear.results.drift_groups import Change
from nearlinear.results.drift_views import distinct_of
from nearlinear.results.regularised_views import (
    NONE,
    Grid,
    Runs,
    answered,
    gained,
    grid_of,
    kinds_of,
    over_items,
)
from nearlinear.results.stories import Stories

from .drift_words import signed
from .probes_words import percent
from .regularised_tables import _head
from .regularised_words import change_told, grids_of, mean_of, setting_name, size_said
from .shown import Html
from .style import FAINT, GRID, INK, PANEL
from .svg import FONTS
from .tables import at_least, table
from .words import number

CHANCE = 0.25
"""Of four answers."""

NOT_MEASURED = "not measured"
KINDS = {"words": "which word has this definition", "endings": "which ending is that of the passage"}

LOOK = f"background:{PANEL};color:{INK};font:13px/1.5 {FONTS};padding:10px 12px;border-radius:6px;overflow-x:auto"


def regularised_samples(runs: Runs, seed: int | None = None) -> Html:
    """What each model writes after each prompt, greedily and once by chance, side by side: of one seed, the first."""
    grid = grid_of(runs)
    seed = grid[NONE][0].spec.seed if seed is None else seed
    chosen = {s: run for s, each in grid.items() for run in each if run.spec.seed == seed and run.samples}
    if not chosen:
        words = "These trainings wrote nothing: none was asked for samples."
        return Html(f"<p>{words}</p>", words)
    prompts = [sample.prompt for sample in next(iter(chosen.values())).samples]
    parts = "".join(_prompt(chosen, place, prompt) for place, prompt in enumerate(prompts))
    about = f"<p style='margin:2px 0 8px;color:{FAINT}'>{escape(size_said(runs))} · shown: seed {seed}.</p>"
    return Html(
        f"<div tabindex='0' role='group' aria-label='samples side by side' style='{LOOK}'>{about}{parts}</div>",
        f"Samples after {len(prompts)} prompts, of {len(chosen)} models.",
    )


def _prompt(chosen: dict, place: int, prompt: str) -> str:
    """One prompt, folded but for the first; everything that a model wrote is escaped."""
    rows = "".join(
        f"<div style='border-top:1px solid {GRID};padding:4px 0'><b>{escape(setting_name(setting))}</b>"
        f"<div><i>greedy</i> {_text(run.samples[place].greedy)}</div>"
        f"<div><i>drawn</i> {_text(run.samples[place].drawn[0])}</div></div>"
        for setting, run in chosen.items()
    )
    opened = " open" if place == 0 else ""
    return f"<details{opened}><summary><b>{escape(prompt)}</b> …</summary>{rows}</details>"


def _text(words: str) -> str:
    """As it was written: spaces and lines stay, and control letters show as a box."""
    seen = "".join(letter if letter.isprintable() or letter == "\n" else "□" for letter in words)
    return f"<span style='white-space:pre-wrap;overflow-wrap:anywhere'>{escape(seen)}</span>"


def story_table(runs: Runs, stories: Stories | None = None) -> Html:
    """What stands in for a judge of stories: perplexity under a larger model, nats a byte, and distinct-n."""
    rows = []
    for family, grid in grids_of(runs).items():
        for setting, each in grid.items():
            plain = grid[NONE] if setting != NONE else None
            rows.append([_head(family, setting), *_likely(each, plain, stories), *_distinct(each), NOT_MEASURED])
    model = stories.provenance.model.id if stories else "a larger model"
    title = f"Texts drawn by chance, under {model}, means over seeds; greedy in brackets. {size_said(runs)}"
    head = (
        "trained with",
        "perplexity",
        "nats a byte",
        "difference, nats a byte, drawn",
        "distinct-1",
        "distinct-2",
        "grammar",
    )
    return table(title, head, rows)


def _likely(runs: Runs, plain: Runs | None, stories: Stories | None) -> list[str]:
    if stories is None:
        return [NOT_MEASURED] * 3
    found = []
    for name in ("perplexity", "nats_a_byte"):
        drawn, greedy = (
            mean_of([getattr(getattr(stories.of(run), part), name) for run in runs if run.samples])
            for part in ("drawn", "greedy")
        )
        found.append(f"{number(drawn)} ({number(greedy)})")
    return [*found, change_told(story_gap(runs, plain, stories)) if plain else ""]


def story_gap(runs: Runs, plain: Runs, stories: Stories) -> Change:
    """How much more a larger model loses on each byte that was drawn by chance than without a term, seed by seed."""
    pairs = zip(runs, plain, strict=True)
    return Change(tuple(_byte(one, stories) - _byte(other, stories) for one, other in pairs))


def _byte(run, stories: Stories) -> float:
    return stories.of(run).drawn.nats_a_byte if run.samples else float("nan")


def _distinct(runs: Runs) -> list[str]:
    found = []
    for n in (1, 2):
        pairs = np.array([distinct_of(run.samples, n) for run in runs if run.samples]).reshape(-1, 2)
        greedy, drawn = (mean_of(column) for column in pairs.T)
        found.append(f"{number(drawn)} ({number(greedy)})")
    return found


def question_gains(runs: Runs) -> Html:
    """Questions with four answers by λ: how many are right, and how many more than without a term."""
    rows = []
    for family, grid in grids_of(runs).items():
        for kind in kinds_of(grid):
            rows += [_asked(family, grid, kind, setting) for setting in grid]
    title = (
        "Questions with four answers, a quarter right by chance: right by log-likelihood, mean over "
        "seeds; 95 % intervals over questions, and over seeds for the difference from no term. " + size_said(runs)
    )
    head = ("trained with", "questions", "how many", "right", "interval", "more than without")
    return table(title, (*head, "over questions", "over seeds"), rows)


def _asked(family: str, grid: Grid, kind: str, setting) -> list[str]:
    ours = answered(grid[setting], kind)
    right = np.array(list(ours.values()))
    if not len(right):
        return [_head(family, setting), KINDS[kind], "0", *["no answer"] * 5]
    told = [f"{right.shape[-1]:,}", percent(float(right.mean())), span(over_items(right))]
    if setting == NONE:
        return [_head(family, setting), KINDS[kind], *told, "", "", ""]
    more = gained(ours, answered(grid[NONE], kind))
    change = Change(tuple(more.mean(-1).tolist())) if len(more) else Change((float("nan"),))
    of_seeds = "" if np.isnan(change.interval[0]) else span(change.interval, sign=True)
    return [
        _head(family, setting),
        KINDS[kind],
        *told,
        f"{signed(100 * change.mean, 1)} points",
        at_least(6, span(over_items(more), sign=True)),
        at_least(6, of_seeds),
    ]


def span(ends, sign: bool = False) -> str:
    """An interval in per cent; of a difference, with signs, in points."""
    low, high = (100 * float(end) for end in ends)
    if np.isnan(low) or np.isnan(high):
        return ""
    return f"[{signed(low, 1)}, {signed(high, 1)}]" if sign else f"[{low:.1f} %, {high:.1f} %]"
