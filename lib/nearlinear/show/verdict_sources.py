"""What all verdicts rest on: a line for each chapter; and the verdicts themselves, to take away as CSV and JSON."""

import csv
import json
from base64 import b64encode
from collections.abc import Callable, Iterable
from html import escape
from io import StringIO

from nearlinear.results.claims import claims, questions
from nearlinear.results.store import is_current

from .shown import Html
from .style import BLUE
from .tables import _panel, table
from .verdict_table import link
from .verdict_words import Chapter, Chapters, answered, judged, part_of, plural, sizes, standing

COLUMNS = (
    "claim", "paper", "part", "says", "where", "paper_value", "standing", "chapter", "what", "ours", "controls",
    "verdict", "command",
)  # fmt: skip
"""Columns of the CSV: one line for each row about a claim, and one for each claim that nobody has judged."""


def how_judged(chapters: Chapters) -> Html:
    """For each chapter: which models, texts and seeds its verdicts rest on, where and when they were made."""
    head = ("chapter", "models", "texts", "seeds", "made on", "made", "code")
    made = table("How these numbers were made", head, [_made(chapter) for chapter in chapters])
    summary = "<summary>How these numbers were made</summary>"
    return Html(_panel(f"<details>{summary}{made.html}</details>", "how the verdicts were made").html, made.plain)


def _made(chapter: Chapter) -> list[str]:
    if not chapter.results:
        why = chapter.missing or "computed where it is shown, from no stored result"
        return [link(chapter), escape(why), "—", "—", "—", "—", "—"]
    return [
        link(chapter),
        escape(f"{sizes([chapter])} ({plural(len(chapter.results), 'result')})"),
        *(_all(chapter, of) for of in (_text, _seeds, _device, _day, _code_of)),
    ]


def _all(chapter: Chapter, of: Callable[[object], Iterable[object]]) -> str:
    """Each thing once, in order."""
    return escape(", ".join(dict.fromkeys(str(each) for result in chapter.results for each in of(result))))


def _text(result) -> list[str]:
    return [result.provenance.corpus.id]


def _seeds(result) -> Iterable[int]:
    return getattr(result, "seeds", None) or (result.provenance.seed,)


def _device(result) -> list[str]:
    return [result.provenance.device]


def _day(result) -> list[str]:
    return [result.provenance.created.partition("T")[0]]


def _code_of(result) -> list[str]:
    """The commit, and whether the code has changed since in anything that such a result depends on."""
    p = result.provenance
    notes = [*([] if p.clean else ["with changes that are not committed"]), *([] if is_current(result) else [STALE])]
    return [f"{p.commit[:7]} ({', '.join(notes)})" if notes else p.commit[:7]]


STALE = "an earlier version of the library"


def verdict_downloads(chapters: Chapters) -> Html:
    """Two links that hold the verdicts themselves: no server is asked."""
    files = {
        "verdicts.csv": ("text/csv", as_csv(chapters), "every row, for a spreadsheet"),
        "verdicts.json": ("application/json", as_json(chapters), "the same and our questions, for a program"),
    }
    look = f"color:{BLUE};text-decoration:underline"
    links = [
        f"<li><a download='nearlinear-{name}' style='{look}' "
        f"href='data:{kind};charset=utf-8;base64,{b64encode(text.encode()).decode()}'>{name}</a>: {what}</li>"
        for name, (kind, text, what) in files.items()
    ]
    return _panel(f"<ul style='margin:0;padding-left:20px'>{''.join(links)}</ul>", "the verdicts to take away")


def as_csv(chapters: Chapters) -> str:
    """One line for each row about a claim, with COLUMNS on top."""
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for entry in _entries(chapters):
        rows = entry.pop("rows") or [{}]
        writer.writerows({**entry, **row} for row in rows)
    return out.getvalue()


def as_json(chapters: Chapters) -> str:
    """Claims with their rows, then questions with their answers; a number that is missing is null or left out."""
    asked = [
        {
            "question": q.id,
            "says": q.question,
            "answers": [
                {"chapter": chapter.name, "answer": a.said, "ours": a.ours, "controls": a.controls,
                 "command": a.command}
                for chapter, a in answered(chapters)[q.id]
            ],
        }
        for q in questions()
    ]  # fmt: skip
    return json.dumps({"claims": _entries(chapters), "questions": asked}, indent=1, ensure_ascii=False) + "\n"


def _entries(chapters: Chapters) -> list[dict]:
    of = judged(chapters)
    return [
        {
            "claim": c.id,
            "paper": c.paper,
            "part": part_of(c.id),
            "says": c.claim,
            "where": c.where,
            "paper_value": c.paper_value,
            "standing": standing(of[c.id]),
            "rows": [
                {"chapter": each.chapter.name, "what": each.row.what, "ours": each.row.said,
                 "controls": each.row.controls, "verdict": each.row.verdict, "command": each.row.command}
                for each in of[c.id]
            ],
        }
        for c in claims()
    ]  # fmt: skip
