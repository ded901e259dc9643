"""The columns of `report.csv`: one row a block, numbers only, empty where there is no answer."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nearlinear.results.pruning import How
from nearlinear.results.types import HeldOutScores

from .drawings import relative_depth
from .types import Report

Values = Sequence[float] | None


@dataclass(frozen=True)
class Column:
    """A column by name, what it says, and its number for each block (None where it was not measured)."""

    name: str
    what: str
    of: Callable[[Report], Values]


def _held(part: str, name: str, end: int | None = None) -> Callable[[Report], Values]:
    """A held-out score, or the lower (0) or upper (1) end of its interval."""

    def of(report: Report) -> Values:
        if report.profile.held_out is None:
            return None
        scores: HeldOutScores = getattr(report.profile.held_out, part)
        if end is None:
            return getattr(scores, name)
        return [interval[end] for interval in getattr(scores.intervals, name)]

    return of


def _plain(name: str) -> Callable[[Report], Values]:
    return lambda report: getattr(report.profile, name)


def _no_first(name: str) -> Callable[[Report], Values]:
    return lambda report: getattr(report.profile.no_first_token, name)


def _alone(how: How, end: int | None = None) -> Callable[[Report], Values]:
    """What a block costs alone, or an end of the interval."""

    def of(report: Report) -> Values:
        if report.pruning is None:
            return None
        steps = report.pruning.single[how]
        return [step.difference if end is None else step.interval[end] for step in steps]

    return of


def _depth(report: Report) -> Values:
    return relative_depth(report.profile.L)


def _first_times(report: Report) -> Values:
    return report.hidden.first_times if report.hidden else None


def _scores(short: str, name: str, what: str) -> tuple[Column, ...]:
    held = f"{what}, held out, first token out"
    return (
        Column(short, f"{what}, in-sample, all tokens (the paper's)", _plain(name)),
        Column(f"{short}_no_first", f"{what}, in-sample, first token of each window out", _no_first(name)),
        Column(f"{short}_held_out", held, _held("no_first_token", name)),
        Column(f"{short}_held_out_low", f"{held}: lower end of the 95 % interval", _held("no_first_token", name, 0)),
        Column(f"{short}_held_out_high", f"{held}: upper end", _held("no_first_token", name, 1)),
        Column(f"{short}_strict", f"{what}, held out, first and massive tokens out", _held("no_massive_token", name)),
    )


COLUMNS = (
    Column("block", "the block, counted from 0", lambda report: range(report.profile.L)),
    Column("relative_depth", "0 for the first block, 1 for the last", _depth),
    *_scores("score", "scores", "linearity score"),
    *_scores("update_score", "update_scores", "update score"),
    Column("norm_ratio", "mean over tokens of |update| / |state after the block|", _plain("norm_ratio")),
    Column("energy_ratio", "|update|² / |state|², centred, all tokens", _plain("energy_ratio")),
    Column("energy_ratio_no_first", "the same, first token out", _plain("energy_ratio_no_first_token")),
    Column("cosine", "mean cosine between a token's states before and after", _plain("cosine")),
    Column("massive_tokens", "tokens, first ones aside, whose state is massive here", _plain("massive_tokens")),
    Column("first_token_times", "length of a first token's state over the median token's, held out", _first_times),
    Column("rank", "rank of the scaled second moments; below the width, directions are missing", _plain("rank")),
    Column("condition", "their condition number", _plain("condition")),
    Column("removed_nats", "log-loss added when the block is removed, nats a token (full reports)", _alone("remove")),
    Column("removed_nats_low", "lower end of its 95 % interval", _alone("remove", 0)),
    Column("removed_nats_high", "upper end", _alone("remove", 1)),
    Column("replaced_nats", "log-loss added when a line stands in its place (full reports)", _alone("replace")),
    Column("replaced_nats_low", "lower end of its 95 % interval", _alone("replace", 0)),
    Column("replaced_nats_high", "upper end", _alone("replace", 1)),
)
"""Every column, in order."""


def rows(report: Report) -> list[dict[str, float | int | None]]:
    """One row a block by name of the column; None where there is no answer."""
    L = report.profile.L
    values = {column.name: column.of(report) for column in COLUMNS}
    return [{name: _answer(v[block]) if v is not None else None for name, v in values.items()} for block in range(L)]


def _answer(value: float) -> float | int | None:
    return value if isinstance(value, int) else None if math.isnan(value) else float(value)


def to_csv(report: Report) -> str:
    """The table as text, every digit kept."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [column.name for column in COLUMNS], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(report))
    return out.getvalue()
