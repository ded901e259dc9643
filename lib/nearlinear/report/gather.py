"""Measure what a report asks for: each part is kept in the user's cache as it is finished, and found again there.

What measures needs torch, which takes seconds to load, so it is imported only when something is to be measured.
"""

import sys

from nearlinear.errors import InputError, NotEnoughTokens
from nearlinear.results.pruning import PruningStudy
from nearlinear.results.store import load_or_run
from nearlinear.results.tokens import TokenErrors
from nearlinear.results.types import LinearityProfile
from nearlinear.show.words import is_encoder

from .pinned import pinned
from .specs import ReportSpec
from .types import Hidden, Report


def gather(spec: ReportSpec, *, device: str = "auto") -> Report:
    """Every part of the report, measured now or taken from the cache.

    A model that cannot be pruned gives a report that says why. Raises InputError, NotEnoughTokens, UnsupportedModel,
    BrokenFile or NoNetwork for what cannot be measured at all.
    """
    fixed = pinned(spec)
    with fixed.in_words_of_the_reader():
        profile, hidden = _look(fixed.spec, device)
        pruning, why = _pruned(fixed.spec, profile, device)
    return Report(spec=spec, profile=profile, hidden=hidden, pruning=pruning, why_no_pruning=why)


def _look(spec: ReportSpec, device: str) -> tuple[LinearityProfile, Hidden | None]:
    """The scores of every block, and what lies behind them."""
    asked = spec.profile_spec()

    def run(what):
        from nearlinear import study

        print("nearlinear: every block is scored …", file=sys.stderr, flush=True)
        return study.run(what, device=device)

    try:
        profile = load_or_run(asked, run, LinearityProfile)
    except NotEnoughTokens as error:
        said = str(error).replace("ask for less", "ask for less with --tokens N")
        raise NotEnoughTokens(said) from error
    if profile.held_out is None:
        return profile, None
    return profile, Hidden.of(load_or_run(asked, run, TokenErrors))


def _pruned(spec: ReportSpec, profile: LinearityProfile, device: str) -> tuple[PruningStudy | None, str]:
    """What blocks cost, or why nobody can say."""
    if why := _why_not(spec, profile):
        return None, why

    def run(what):
        from nearlinear.edit import study as editing

        print("nearlinear: blocks are taken out, one by one and in turn …", file=sys.stderr, flush=True)
        return [editing.run(what, device=device)]

    try:
        return load_or_run(spec.pruning_spec(L=profile.L, d=profile.d), run, PruningStudy), ""
    except InputError as error:
        return None, f"it could not be measured: {error}"


def _why_not(spec: ReportSpec, profile: LinearityProfile) -> str:
    if spec.depth == "quick":
        return "this is a quick report; --depth full takes blocks out"
    if is_encoder(profile):
        return "an encoder predicts no next token, so there is no loss that a missing block could raise"
    if profile.L == 1:
        return "the model has one block, and without it nothing is left"
    if "NaN" in profile.reason:
        return profile.reason
    return ""
