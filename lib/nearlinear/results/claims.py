"""The papers' claims, kept as data, so that every page judges the same sentence against the same printed number."""

from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from nearlinear.errors import InputError

from .records import Record

Verdict = Literal["reproduced", "partly", "not at this size", "contradicted", "untestable here"]
VERDICTS: tuple[str, ...] = get_args(Verdict)


class Claim(Record):
    """One claim. `paper_value` is text as the paper prints it, None where it prints no number (charts are not read).

    `controls`: what the paper did not control for; empty where nothing was noted.
    """

    id: str
    paper: Literal["2405.12250", "2311.01906"]
    claim: str
    where: str
    paper_value: str | None
    controls: str = ""


class Question(Record):
    """A question of our own, where the two papers meet; no paper prints an answer."""

    id: str
    question: str


class _Claims(Record):
    claims: tuple[Claim, ...]
    questions: tuple[Question, ...]


@cache
def _all() -> _Claims:
    return _Claims.from_json(files("nearlinear.results").joinpath("claims.json").read_text(encoding="utf-8"))


def claims() -> tuple[Claim, ...]:
    """Every claim of both papers, L1 … L22, then S1 … S27."""
    return _all().claims


def questions() -> tuple[Question, ...]:
    """Our own questions, B1 … B4."""
    return _all().questions


def claim(id: str) -> Claim:
    """The claim of that id. Raises InputError for an id that is not there."""
    found = next((c for c in claims() if c.id == id), None)
    if found is None:
        raise InputError(f"there is no claim {id!r}: claims are L1 to L22 and S1 to S27")
    return found
