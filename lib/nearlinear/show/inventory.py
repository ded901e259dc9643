"""What is recorded, as tables: a row a study, and its runs folded under it."""

from collections.abc import Iterable, Sequence
from html import escape

from nearlinear.results.inventory import Benchmark, Study

from .shown import Html
from .style import FAINT
from .tables import at_least, table

_SHORT = 10
"""Letters of a commit or a hash that tell it from all others."""


def inventory_table(studies: Sequence[Study]) -> Html:
    """Recorded results: what each is, its runs and seeds, the machine, the time, and how to trace it."""
    runs, seconds = sum(study.n_runs for study in studies), sum(study.seconds for study in studies)
    files = sum(len(study.recordings) for study in studies)
    title = f"Recorded results: {files:,} files of {runs:,} runs, which took {took(seconds)} together"
    head = ("what", "runs", "seeds", "machine", "time", "made", "commit")
    return table(title, head, (_row(study) for study in studies))


def benchmarks_table(benchmarks: Iterable[Benchmark]) -> Html:
    """Recorded benchmarks: the question, the machine, the time, and how to trace it."""
    head = ("question", "machine", "time", "made", "commit")
    rows = [
        [
            _called(made.name, made.question, _fold("command", [_code(made.command)])),
            escape(made.machine),
            took(made.seconds),
            made.created[:10],
            _code(made.commit[:_SHORT]),
        ]
        for made in benchmarks
    ]
    return table("Recorded benchmarks", head, rows)


def took(seconds: float) -> str:
    """A time in the unit that suits it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _row(study: Study) -> list[str]:
    machines = [f"{device}, {dtype}" for device in study.each("device") for dtype in study.each("dtype")]
    days = sorted({created[:10] for created in study.each("created")})
    commits = [_code(commit[:_SHORT]) for commit in study.each("commit")]
    return [
        _called(study.name, study.what, _runs(study), _commands(study)),
        f"{study.n_runs:,}",
        numbers(study.each("seed")),
        "<br>".join(map(escape, machines)),
        f"<span style='white-space:nowrap'>{took(study.seconds)}</span>",
        at_least(6, " to ".join(dict.fromkeys([days[0], days[-1]]))),
        "<br>".join(commits) + ("" if study.current else "<br>earlier library"),
    ]


def numbers(seeds: Iterable[int]) -> str:
    """Whole numbers in order, neighbours as a range: 0 to 2, 100."""
    ranges: list[list[int]] = []
    for seed in seeds:
        if ranges and seed == ranges[-1][-1] + 1:
            ranges[-1].append(seed)
        else:
            ranges.append([seed])
    return ", ".join(f"{r[0]} to {r[-1]}" if len(r) > 2 else ", ".join(map(str, r)) for r in ranges)


def _called(name: str, what: str, *folds: str) -> str:
    words = f"<div style='color:{FAINT}'>{escape(what)}</div>"
    return at_least(20, f"<b>{escape(name)}</b>{words}{''.join(folds)}")


def _runs(study: Study) -> str:
    if len(study.recordings) == 1:
        return ""
    return _fold(
        f"each of {len(study.recordings)} files",
        [f"{_code(r.name)} {took(r.made.seconds)}, {_code(r.made.commit[:_SHORT])}" for r in study.recordings],
    )


def _commands(study: Study) -> str:
    commands = study.each("command")
    return _fold("command" if len(commands) == 1 else "commands", [_code(command) for command in commands])


def _fold(summary: str, lines: Iterable[str]) -> str:
    items = "".join(f"<div>{line}</div>" for line in lines)
    return f"<details><summary style='font-size:12px'>{escape(summary)}</summary>{items}</details>"


def _code(words: str) -> str:
    look = "color:inherit;background:none;border:0;padding:0;font-size:12px"
    return f"<code style='{look}'>{escape(words)}</code>"
