"""A passage whose tokens are coloured by how wrong the linear map is about them, at one block.

Colour is never the only sign: the worse tokens are underlined, the worst carry their number, and every token has its
number as a title. Levels are fixed, so blocks and models can be compared by eye.
"""

from html import escape
from itertools import pairwise

import numpy as np

from nearlinear.results.tokens import TokenErrors

from .errors import RELATIVE
from .frames import Frame
from .shown import Html
from .style import FAINT, INK
from .words import NO_ANSWER, notes, number, run_size, sentences

EDGES = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Upper ends of all levels but the last: there the map is no better than predicting no update."""

LEVELS = (
    ("#f4f6f8", INK),
    ("#fdf0c8", INK),
    ("#fbd888", INK),
    ("#f6b455", INK),
    ("#ea8a3a", INK),
    ("#b94a12", "#ffffff"),
    ("#8a2f0c", "#ffffff"),
    ("#521a07", "#ffffff"),
)
"""(background, text) of each level, from light to dark, readable without colour vision; text contrast at least 4.5."""

_UNDERLINED = 5
_NUMBERED = 5


def _style() -> str:
    """A rule a level, and one for tokens without an answer."""
    rules = [f".nl-e{i}{{background:{back};color:{ink}}}" for i, (back, ink) in enumerate(LEVELS)]
    lines = range(_UNDERLINED, len(LEVELS))
    rules += [f".nl-e{i}{{border-bottom:{i - _UNDERLINED + 1}px solid {INK}}}" for i in lines]
    rules.append(f".nl-ex{{color:{FAINT}}}.nl-map{{line-height:2;overflow-wrap:anywhere}}")
    rules.append(".nl-map i{font-style:normal;white-space:pre-wrap;padding:1px 0;border-radius:2px;margin-right:1px}")
    rules.append(".nl-map.nl-key{font-size:12px;margin:8px 0 0}.nl-key i{white-space:nowrap;margin-right:4px}")
    rules.append(".nl-map sup{font-size:10px;line-height:1;padding-left:2px}")
    return f"<style>{''.join(rules)}</style>"


def visible(text: str) -> str:
    """A token as a reader sees it: white space alone gets signs, and nothing is left to be HTML."""
    if not text:
        return "∅"
    if not text.strip(" "):
        return "␣" * len(text)
    return escape(text.replace("\r", "").replace("\n", "↵").replace("\t", "→"))


def levels(relative: np.ndarray) -> np.ndarray:
    """(n,): the level of each error, -1 for NaN."""
    return np.where(np.isnan(relative), -1, np.searchsorted(EDGES, relative, side="right"))


def _token(text: str, error: float, level: int, numbered: bool) -> str:
    if level < 0:
        return f"<i class='nl-ex' title='no answer'>{visible(text)}</i>"
    mark = f"<sup>{number(error)}</sup>" if numbered else ""
    end = "<br>" if "\n" in text else ""
    return f"<i class='nl-e{level}' title='{error:.2f}'>{visible(text)}{mark}</i>{end}"


def _legend() -> str:
    between = [f"{low:g}–{high:g}" for low, high in pairwise(EDGES)]
    names = [f"&lt; {EDGES[0]:g}", *between, f"≥ {EDGES[-1]:g}"]
    boxes = " ".join(f"<i class='nl-e{i}'> {name} </i>" for i, name in enumerate(names))
    return f"<p class='nl-map nl-key' style='color:{FAINT}'>{RELATIVE}: {boxes}</p>"


def token_map_frame(errors: TokenErrors, block: int, passage: int = 0) -> Frame:
    """One passage at one block. Raises IndexError for a passage or a block that is not there."""
    if not 0 <= block < errors.L:
        raise IndexError(f"block {block} is not there: the blocks are numbered from 0 to {errors.L - 1}")
    here = errors.passage(passage)
    relative = errors.relative_error()[block, here]
    texts, level = [errors.text[i] for i in here], levels(relative)
    worst = _worst(relative)
    spans = [_token(texts[i], relative[i], level[i], i in worst) for i in range(len(here))]
    named = "; ".join(f"“{texts[i].strip() or visible(texts[i])}” {number(relative[i])}" for i in worst)
    middle = number(float(np.nanmedian(relative))) if worst else NO_ANSWER
    alt = (
        f"Passage {passage} coloured by {RELATIVE} at block {block}, {run_size(errors)}. Median {middle}. "
        f"Largest: {named or NO_ANSWER}."
    )
    run = escape(sentences(f"{run_size(errors)}.", *notes([errors])))
    small = f"<span style='color:{FAINT};font-size:12px'>{run}</span>"
    below = f"<p style='margin:6px 0 0'><b>Block {block}</b>, passage {passage}: median error {middle}. {small}</p>"
    return Frame.of(f"{_style()}<div class='nl-map'>{''.join(spans)}</div>", alt, _legend() + below, role="group")


def _worst(relative: np.ndarray) -> list[int]:
    """Indices of the largest errors that are known, largest first."""
    order = np.argsort(np.nan_to_num(relative, nan=-1))[::-1][:_NUMBERED]
    return [int(i) for i in order if not np.isnan(relative[i])]


def token_map(errors: TokenErrors, block: int, passage: int = 0) -> Html:
    """The static token map of one passage at one block."""
    frame = token_map_frame(errors, block, passage)
    return Html(f"<figure style='margin:0'>{frame.html}</figure>", frame.alt)
