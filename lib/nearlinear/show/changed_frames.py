"""Frames of the picker of changed blocks: which blocks, what that costs, and what the model writes then."""

import math
from dataclasses import dataclass
from functools import cached_property
from html import escape
from itertools import pairwise
from unicodedata import category

from nearlinear.results.continuations import Continuation, Continuations
from nearlinear.results.pruning import Changed, How, PruningStudy

from . import svg
from .changed_drawings import drawings, ends, on_the_axis, perplexity_scale, sign_in_text, strip
from .frames import Frame
from .pruning import HIGHEST
from .style import FAINT, GRID, INK, PANEL, VERMILLION
from .words import model_name, notes, number, run_size, sentences

Layers = tuple[int, ...]

DONE: dict[How, str] = {"remove": "removed", "replace": "replaced by a line"}
"""What a reader calls each way of changing a block."""

STYLE = (
    f".nl-say{{margin:8px 0 0;padding-top:8px;border-top:1px solid {GRID};overflow-wrap:anywhere}}"
    f".nl-say mark,.nl-leaves{{color:{INK};background:#fdeadb;border-bottom:2px solid {VERMILLION}}}"
    f".nl-was{{margin:2px 0 0;font-size:12px;color:{FAINT};overflow-wrap:anywhere}}"
    ".nl-sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}"
)
"""The rules that all frames share; `legend` carries them."""


@dataclass(frozen=True)
class Pruned:
    """What a model writes, and what its blocks cost, which are measured apart and meet here.

    Raises ValueError where the studies are of another model or other texts, or there are none.
    """

    continuations: Continuations
    studies: tuple[PruningStudy, ...]

    def __post_init__(self):
        made = [each.provenance for each in (self.continuations, *self.studies)]
        if not self.studies or len({(one.model.sha256, one.windows_sha256) for one in made}) > 1:
            raise ValueError("give the studies of the model and the texts that the continuations are of")

    @property
    def L(self) -> int:
        return self.continuations.L

    @property
    def name(self) -> str:
        return model_name(self.continuations.provenance)

    @property
    def dense_perplexity(self) -> float:
        return self.studies[0].dense_perplexity

    @cached_property
    def costs(self) -> dict[tuple[How, Layers], Changed]:
        """What each set of blocks costs, changed in each way."""
        single = {(how, one.layers): one for s in self.studies for how, each in s.single.items() for one in each}
        return single | {(c.how, one.layers): one for s in self.studies for c in s.curves for one in c.steps}

    def cost(self, how: How, layers: Layers) -> Changed:
        """Raises ValueError where no study knows."""
        if (how, layers) not in self.costs:
            which = f"block{'s' if len(layers) > 1 else ''} {', '.join(map(str, layers))} {DONE[how]}"
            raise ValueError(f"no study says what {which} costs: give the study of single blocks and the greedy one")
        return self.costs[how, layers]

    def greedy(self, how: How) -> tuple[Layers, ...]:
        """The sets of the greedy order, one block more each time; none where no study followed it."""
        curves = [c for s in self.studies for c in s.curves if (c.order, c.how) == ("greedy", how)]
        return tuple(step.layers for step in curves[0].steps) if curves else ()

    @property
    def n_greedy(self) -> int:
        """How far the greedy order was followed, both ways."""
        return min(len(self.greedy(how)) for how in DONE)

    @cached_property
    def scale(self) -> svg.Scale:
        """One axis of perplexity for all frames, to HIGHEST where something is worse."""
        known = [one.perplexity for one in self.costs.values() if math.isfinite(one.perplexity)]
        high = max(10 * self.dense_perplexity, min(HIGHEST, max(known, default=0.0)))
        return perplexity_scale(min([self.dense_perplexity, *known]) / 1.15, high)


def dense_frame(pruned: Pruned) -> Frame:
    """The model as it is, which every other frame is to be held against."""
    c, perplexity = pruned.continuations, number(pruned.dense_perplexity)
    parts = [
        _heading("Unchanged", f"all {pruned.L} blocks stand"),
        drawings(strip(pruned.L), on_the_axis(pruned.scale, pruned.dense_perplexity)),
        f"<p style='margin:4px 0 0'>Perplexity <b>{perplexity}</b>.</p>",
        *(f"<p class='nl-say'>{_whole(p, text.text)}</p>" for p, text in zip(c.prompts, c.dense, strict=True)),
    ]
    return Frame.of("".join(parts), f"{pruned.name} unchanged: perplexity {perplexity}.", role="group")


def single_frame(pruned: Pruned, how: How, layer: int) -> Frame:
    """One block changed, alone. Raises ValueError where that was not measured."""
    words = f"{pruned.name} with one block {DONE[how]}, block {layer}"
    return _changed_frame(pruned, how, (layer,), _heading(f"Block {layer} {DONE[how]}"), words)


def greedy_frame(pruned: Pruned, how: How, k: int) -> Frame:
    """The first k blocks of the greedy order changed. Raises ValueError where that was not measured."""
    steps = [(), *pruned.greedy(how)[:k]]
    order = ", ".join(str(min(set(after) - set(before))) for before, after in pairwise(steps))
    count = f"{k} block{'s' if k > 1 else ''}"
    words = f"{pruned.name} with {count} {DONE[how]} in the greedy order ({order})"
    return _changed_frame(
        pruned, how, steps[k], _heading(f"{count} {DONE[how]}", f"in the greedy order {order}"), words
    )


def _changed_frame(pruned: Pruned, how: How, layers: Layers, heading: str, words: str) -> Frame:
    c, cost, dense = pruned.continuations, pruned.cost(how, layers), number(pruned.dense_perplexity)
    texts = c.of(how, layers).texts
    drawn = drawings(strip(pruned.L, how, layers), on_the_axis(pruned.scale, pruned.dense_perplexity, how, cost))
    added = f"added log-loss {sentences(number(cost.difference), _range(*cost.interval))} nats a token"
    perplexity, between = number(cost.perplexity), _range(*ends(cost))
    worth = f"<p style='margin:4px 0 0'>Perplexity <b>{perplexity}</b> {between}, unchanged {dense}; {added}.</p>"
    said = [_said(p, text, other) for p, text, other in zip(c.prompts, texts, c.dense, strict=True)]
    kept = ", ".join(f"{text.n_same} of {other.n_tokens}" for text, other in zip(texts, c.dense, strict=True))
    alt = sentences(
        f"{words}: perplexity {sentences(perplexity, between)}, unchanged {dense}; {added}.",
        f"Its texts begin like the unchanged model's for {kept} tokens.",
    )
    return Frame.of("".join([heading, drawn, worth, *said]), alt, role="group")


def _range(low: float, high: float) -> str:
    return "" if math.isnan(low + high) else f"[{number(low)}, {number(high)}]"


def _heading(title: str, more: str = "") -> str:
    return f"<p style='margin:0 0 4px'><b>{title}</b>{', ' if more else ''}{more}</p>"


def _whole(prompt: str, text: str) -> str:
    return f"<b>{readable(prompt)}</b>{readable(text)}"


def _said(prompt: str, text: Continuation, dense: Continuation) -> str:
    """One continuation: what leaves the dense model's is marked, and what that one says instead stands below."""
    if text.n_same == text.n_tokens == dense.n_tokens:
        below = "Word for word what the unchanged model writes."
        return f"<p class='nl-say'>{_whole(prompt, text.text)}</p><p class='nl-was'>{below}</p>"
    leaves = f"<mark><span class='nl-sr'> (different from here:) </span>{readable(text.then) or '∅'}</mark>"
    instead = readable(dense.text.removeprefix(text.same)) or "∅"
    below = f"The same for {text.n_same} of {dense.n_tokens} tokens; unchanged, it goes on: …{instead}"
    return f"<p class='nl-say'>{_whole(prompt, text.same)}{leaves}</p><p class='nl-was'>{below}</p>"


def readable(text: str) -> str:
    """Text as it may stand on a page: line breaks as signs, what cannot be printed as �, nothing left to be HTML."""
    plain = text.replace("\r\n", "\n").replace("\n", "↵").replace("\t", " ")
    return escape("".join(sign if sign.isprintable() or category(sign) == "Zs" else "�" for sign in plain))


def legend(pruned: Pruned) -> str:
    """What all frames share, said once: their rules of style, their signs, and what was measured on what."""
    look = f"background:{PANEL};color:{FAINT};font:12px/1.5 {svg.FONTS};padding:8px 10px"
    words = [
        f"Blocks: {', '.join(f'{sign_in_text(how)} {done}' for how, done in DONE.items())}.",
        "Text: <span class='nl-leaves'>underlined</span> from where it leaves the unchanged model's; always the",
        f"likeliest token, at most {pruned.continuations.n_new} times, with no chat template; ↵ is a new line.",
        "In brackets: 95 % intervals.",
        escape(sentences(f"{run_size(pruned.studies[0])}.", *notes(pruned.studies[:1]))),
    ]
    panel = f"<div style='{look};border-radius:6px;max-width:780px;box-sizing:border-box'>{' '.join(words)}</div>"
    return f"<style>{STYLE}</style>{panel}"
