"""One score of a model under every control, from the paper's own to the strictest: what figures and frames draw."""

from dataclasses import dataclass

from nearlinear.results.records import Interval, PerBlock
from nearlinear.results.types import HeldOutScores, LinearityProfile

LOWEST = -0.5
"""Held-out scores have no floor. What lies below this is drawn here, with its number, so that the rest can be read."""


@dataclass(frozen=True)
class Series:
    """One control's numbers, a value a block, with intervals where there are any; `role` names its colour."""

    label: str
    role: str
    marker: str
    values: PerBlock
    intervals: tuple[Interval, ...] | None = None


def controls_of(profile: LinearityProfile, name: str) -> tuple[Series, ...]:
    """The controls of `name`, "scores" or "update_scores"; the last is the strictest."""
    series = (
        Series("in-sample, all tokens (the paper)", "in-sample", "o", getattr(profile, name)),
        Series("in-sample, first token out", "no first token", "s", getattr(profile.no_first_token, name)),
    )
    if profile.held_out is None:
        return series
    return (
        *series,
        _held_out("held out, first token out", "held out", "^", profile.held_out.no_first_token, name),
        _held_out("held out, massive out too", "no massive token", "D", profile.held_out.no_massive_token, name),
    )


def held_out_all(profile: LinearityProfile, name: str) -> tuple[Series, ...]:
    """The held-out score of all tokens, where there is one: shown in numbers, not as a curve."""
    if profile.held_out is None:
        return ()
    return (_held_out("held out, all tokens", "held out", "^", profile.held_out, name),)


def _held_out(label: str, role: str, marker: str, scores: HeldOutScores, name: str) -> Series:
    return Series(label, role, marker, getattr(scores, name), getattr(scores.intervals, name))
