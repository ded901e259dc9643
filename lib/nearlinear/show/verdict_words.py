"""All verdicts in words: what a chapter says, how several rows about one claim are read together, and what stands.

Rows about one claim that agree give their verdict. Where they do not, a row that cannot be tested here says nothing;
the claim is *partly* reproduced if any other row reproduces it at least in part, else *contradicted* if any row
contradicts it. So a disagreement is never read as a reproduction.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nearlinear.errors import InputError
from nearlinear.results.claims import VERDICTS, Claim, claims, questions

from .meeting_answers import Answer
from .tables import _SIGNS, Ours
from .words import is_random, model_name

Said = Ours | Answer

NOT_YET = "not judged yet"
"""What is said of a claim that no chapter has run. It is no verdict."""

STANDINGS: tuple[str, ...] = (*VERDICTS, NOT_YET)
SIGNS: dict[str, str] = {**_SIGNS, NOT_YET: "?"}

PAPERS = {"2405.12250": "Your Transformer is Secretly Linear", "2311.01906": "Simplifying Transformer Blocks"}

GROUPS: dict[str, tuple[str, ...]] = {
    "stands": ("reproduced",),
    "stands in part": ("partly",),
    "falls": ("contradicted",),
    "is open": ("not at this size", "untestable here", NOT_YET),
}
"""What a reader may take from each standing."""

PARTS: dict[str, tuple[str, ...]] = {
    "the residual stream": ("L1", "L2", "L3", "L4", "L5", "L19", "L20", "L21", "L22"),
    "whole blocks": ("L14", "L15", "L16", "L17", "L18"),
    "attention": ("S1", "S2", "S19", "S21"),
    "values and projections": ("S3", "S4", "S5", "S6", "S7", "S20", "S22", "S23", "S27"),
    "the MLP and its skip": ("S8", "S18"),
    "norms": ("S10", "S16"),
    "simplified blocks": ("S9", "S11", "S12", "S13", "S14", "S15", "S17", "S24", "S26"),
    "training": ("L6", "L7", "L8", "L9", "L10", "L11", "L12", "L13", "S25"),
}
"""Part of the transformer, or of its making → the claims about it. Each claim is in one part."""


@dataclass(frozen=True)
class Chapter:
    """What a chapter says of claims and questions, and the results behind it; `missing`: why it says nothing.

    `name`: that of its notebook, which begins with its number.
    """

    name: str
    said: tuple[Said, ...] = ()
    results: tuple = ()
    missing: str = ""

    def __post_init__(self):
        if not re.match(r"\d+_\w+$", self.name):
            raise InputError(f"a chapter cannot be called {self.name!r}: write its number, _ and its name")

    @property
    def title(self) -> str:
        return f"chapter {int(self.name.partition('_')[0])}"


@dataclass(frozen=True)
class Judged:
    """One row about a claim, and the chapter that it comes from."""

    chapter: Chapter
    row: Ours


Chapters = Sequence[Chapter]


def judged(chapters: Chapters) -> dict[str, tuple[Judged, ...]]:
    """Every claim in order → its rows, in the order of the chapters; none where no chapter has judged it."""
    rows = [Judged(chapter, row) for chapter in chapters for row in chapter.said if isinstance(row, Ours)]
    return {c.id: tuple(each for each in rows if each.row.claim == c.id) for c in claims()}


def answered(chapters: Chapters) -> dict[str, tuple[tuple[Chapter, Answer], ...]]:
    """Every question of ours in order → its answers."""
    said = [(chapter, each) for chapter in chapters for each in chapter.said if isinstance(each, Answer)]
    return {q.id: tuple(pair for pair in said if pair[1].question == q.id) for q in questions()}


def standing(rows: Iterable[Judged]) -> str:
    """What several rows about one claim say together, by the rule on top of this file; NOT_YET where there is none."""
    verdicts = {each.row.verdict for each in rows}
    if not verdicts:
        return NOT_YET
    if len(verdicts) > 1:
        verdicts -= {"untestable here"}
    if len(verdicts) == 1:
        return verdicts.pop()
    if verdicts & {"reproduced", "partly"}:
        return "partly"
    return "contradicted"


def standings(chapters: Chapters) -> dict[str, str]:
    """Claim → what is said of it, in order of the claims."""
    return {id: standing(rows) for id, rows in judged(chapters).items()}


def by_standing(chapters: Chapters) -> dict[str, list[str]]:
    """Standing → the claims that have it, in order; an empty list where none has."""
    of = standings(chapters)
    return {each: [id for id, found in of.items() if found == each] for each in STANDINGS}


def group_of(standing: str) -> str:
    """What a reader may take from it: stands, stands in part, falls, is open."""
    return next(group for group, of in GROUPS.items() if standing in of)


def part_of(id: str) -> str:
    """The part of the transformer that a claim is about."""
    return next(part for part, of in PARTS.items() if id in of)


def of_paper(paper: str) -> list[Claim]:
    return [c for c in claims() if c.paper == paper]


def disagreeing(chapters: Chapters) -> list[str]:
    """Claims that two rows judge differently."""
    return [id for id, rows in judged(chapters).items() if len({each.row.verdict for each in rows}) > 1]


def sizes(chapters: Chapters) -> str:
    """What all of it was measured on, each kind once: models as they are, models trained here, random weights."""
    found: Mapping[str, set[tuple[int, int]]] = {}
    for chapter in chapters:
        for result in chapter.results:
            m = result.provenance.model
            found.setdefault(_kind(result.provenance), set()).add((m.L, m.d))
    return " · ".join(f"{kind}: {', '.join(map(_shape, sorted(shapes)))}" for kind, shapes in found.items())


def _kind(provenance) -> str:
    if re.search(r"from scratch$|trained here$", provenance.model.id):
        return "trained here"
    if is_random(provenance) or "random weights" in provenance.model.id:
        return "random weights"
    return model_name(provenance)


def _shape(shape: tuple[int, int]) -> str:
    return f"{shape[0]} blocks, d = {shape[1]}"


def plural(n: int, word: str) -> str:
    return f"{n} {word}{'s' * (n != 1)}"
