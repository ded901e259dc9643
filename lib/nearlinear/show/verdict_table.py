"""Every claim of a paper with every row about it, what stands in plain words, and our own questions."""

from collections.abc import Iterator, Sequence
from html import escape

from nearlinear.errors import InputError
from nearlinear.results.claims import Claim, claim, claims, questions

from .findings import Finding
from .meeting_answers import Answer
from .shown import Html
from .style import BLUE, FAINT
from .tables import _code, _judged, _panel, at_least, table
from .verdict_words import (
    GROUPS,
    NOT_YET,
    PAPERS,
    SIGNS,
    STANDINGS,
    Chapter,
    Chapters,
    Judged,
    answered,
    by_standing,
    disagreeing,
    judged,
    of_paper,
    plural,
    standing,
)

NOBODY_YET = "No chapter of this book has run it yet."

HEAD = ("claim", "verdict", "the paper prints", "ours", "our controls")


def verdict_table(chapters: Chapters, paper: str) -> Html:
    """Every claim of one paper, in order, with every row about it. Raises InputError for another paper."""
    if paper not in PAPERS:
        raise InputError(f"no claims of a paper {paper!r}: choose one of {', '.join(PAPERS)}")
    of = judged(chapters)
    rows = [row for c in of_paper(paper) for row in _rows(c, of[c.id])]
    return table(f"Paper and ours: {PAPERS[paper]}", HEAD, rows)


def _rows(c: Claim, rows: Sequence[Judged]) -> Iterator[list[str]]:
    """One row of the table for each row about the claim; one that says so where there is none."""
    if not rows:
        where = f"<br><span style='font-size:12px;color:{FAINT}'>arXiv {c.paper}, {escape(c.where)}</span>"
        controls = f"To be controlled: {c.controls}." if c.controls else "—"
        named = at_least(8, f"<b>{c.id}</b> {escape(c.claim)}{where}")
        yield [named, _signed(NOT_YET), escape(c.paper_value or "—"), NOBODY_YET, at_least(18, escape(controls))]
    for each in rows:
        named, printed, ours, controls, verdict = _judged(each.row)
        yield [named, f"{verdict}{link(each.chapter)}{_together(rows, each)}", printed, ours, controls]


def _together(rows: Sequence[Judged], each: Judged) -> str:
    """Under the last of several rows that do not agree: what they say together."""
    if each is not rows[-1] or len({one.row.verdict for one in rows}) == 1:
        return ""
    return f"<p style='margin:4px 0 0'>all rows together: {_signed(standing(rows))}</p>"


def _signed(standing: str) -> str:
    return f"<b style='white-space:nowrap'>{SIGNS[standing]} {standing}</b>"


def link(chapter: Chapter) -> str:
    """A link to a chapter's page, which lies beside this one in the book."""
    look = f"color:{BLUE};text-decoration:underline;white-space:nowrap"
    return f"<a href='{escape(chapter.name)}.html' style='{look}'>{chapter.title}</a>"


def what_stands(chapters: Chapters) -> Html:
    """How many claims stand, fall or are open, and each in a line of its own."""
    named = by_standing(chapters)
    lists = [_group(chapters, group, named) for group in GROUPS]
    counted = escape(in_short(chapters))
    return _panel(f"<p style='margin:0 0 6px'>{counted}</p>{''.join(lists)}", "what stands, what falls, what is open")


def _group(chapters: Chapters, group: str, named: dict[str, list[str]]) -> str:
    """Folded away, so that four lines answer the question of the page."""
    of = judged(chapters)
    ids = [id for each in GROUPS[group] for id in named[each]]
    lines = []
    for id in ids:
        where = ", ".join(dict.fromkeys(link(each.chapter) for each in of[id]))
        why = f"{standing(of[id])}, " if len(GROUPS[group]) > 1 else ""
        told = f"{why}{where}".removesuffix(", ")
        lines.append(f"<li style='margin:2px 0'><b>{id}</b> {escape(claim(id).claim)} ({told})</li>")
    listed = f"<ul style='margin:4px 0 8px;padding-left:20px'>{''.join(lines)}</ul>"
    summary = f"<summary><b>What {group}</b>: {escape(', '.join(ids)) or 'nothing'}</summary>"
    return f"<details>{summary}{listed}</details>" if ids else f"<p style='margin:0'><b>What {group}</b>: nothing</p>"


def in_short(chapters: Chapters) -> str:
    """The verdicts in a few sentences, counted."""
    named, rows = by_standing(chapters), sum(map(len, judged(chapters).values()))
    n = len(claims())
    open_ = [f"{len(named[each])} {each}" for each in GROUPS["is open"] if named[each]]
    total = sum(len(named[each]) for each in GROUPS["is open"])
    run = (
        f"The two papers make {plural(n, 'claim')}; {n - len(named[NOT_YET])} of them have been run here, with "
        f"{plural(rows, 'verdict')} in {plural(sum(bool(c.said) for c in chapters), 'chapter')}."
    )
    found = (
        f"{_many(len(named['reproduced']), 'stands', 'stand').capitalize()}, "
        f"{_many(len(named['partly']), 'stands', 'stand')} in part, "
        f"{_many(len(named['contradicted']), 'falls', 'fall')}, and {_many(total, 'is', 'are')} open"
    )
    return f"{run} {found} ({', '.join(open_)})." if open_ else f"{run} {found}."


def _many(n: int, one: str, more: str) -> str:
    return f"{n or 'none'} {one if n < 2 else more}"


def question_table(chapters: Chapters) -> Html:
    """Our own questions, and what was found; a question that nobody has put to a model says so."""
    of, rows = answered(chapters), []
    for q in questions():
        asked = at_least(8, f"<b>{q.id}</b> {escape(q.question)}")
        found = of[q.id]
        rows += [[asked, *_answer(chapter, answer)] for chapter, answer in found]
        rows += [] if found else [[asked, "<b>not asked yet</b>", NOBODY_YET, "—"]]
    return table("Our questions", ("question", "answer", "ours", "our controls"), rows)


def _answer(chapter: Chapter, answer: Answer) -> list[str]:
    repeat = f"<details><summary style='font-size:12px'>repeat it</summary>{_code(answer.command)}</details>"
    said = at_least(9, f"<b>{escape(answer.said)}</b>{repeat}{link(chapter)}")
    return [said, at_least(13, escape(answer.ours)), at_least(13, escape(answer.controls))]


def verdict_findings(chapters: Chapters) -> list[Finding]:
    """How many claims there are, have been judged, and have each verdict; how many rows disagree."""
    named = by_standing(chapters)
    found = [
        Finding("claims", len(claims()), "claims of the two papers"),
        Finding("claims-judged", len(claims()) - len(named[NOT_YET]), "of them judged by a chapter"),
        Finding("rows-judged", sum(map(len, judged(chapters).values())), "rows about them in the chapters' tables"),
        Finding("claims-disagreed", len(disagreeing(chapters)), "claims that two rows judge differently"),
    ]
    found += [Finding(f"claims-{each.replace(' ', '-')}", len(named[each]), f"claims: {each}") for each in STANDINGS]
    unanswered = sum(not answers for answers in answered(chapters).values())
    return [*found, Finding("questions-open", unanswered, "questions of our own that nobody has asked yet")]
