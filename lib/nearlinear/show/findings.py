"""The numbers a chapter states, each with a name and plain words: computed here, never typed by hand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.results.tokens import TokenErrors
from nearlinear.results.types import LinearityProfile, TokensNeeded

from .errors import frequency_correlation, worst_share
from .shown import Html
from .tables import table
from .words import number


@dataclass(frozen=True)
class Finding:
    """One number of a page: its name (for glue and for the tests), its value, and what it is in plain words."""

    name: str
    value: float | int
    what: str


def _median(values: Sequence[float]) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def _largest(values: np.ndarray) -> int:
    """Index of the largest number, NaN left aside; 0 where there is none."""
    return int(np.nanargmax(values)) if np.isfinite(values).any() else 0


def linearity_findings(profile: LinearityProfile) -> list[Finding]:
    """Chapter 1: the score with the residual, as published and under each control."""
    scores, later = np.array(profile.scores), np.array(profile.no_first_token.scores)
    block = _largest(scores - later)
    found = [
        Finding("score-median", _median(scores), "median score over blocks, measured as in the paper"),
        Finding("score-lowest", float(np.nanmin(scores)), "lowest score of any block, measured as in the paper"),
        Finding("score-no-first-median", _median(later), "median score without each window's first token"),
        Finding("first-token-block", block, "the block whose score the first token lifts most"),
        Finding("first-token-with", float(scores[block]), f"score of block {block} with the first token"),
        Finding("first-token-without", float(later[block]), f"score of block {block} without it"),
        Finding(
            "first-token-factor",
            _median((1 - later) / (1 - scores)),
            "how many times larger the unexplained part is without the first token (median over blocks)",
        ),
    ]
    if profile.held_out is None:
        return found
    held = np.array(profile.held_out.no_first_token.scores)
    n_over_d = profile.held_out.no_first_token.n_fit / profile.d
    return [
        *found,
        Finding("held-out-n-over-d", n_over_d, "tokens a dimension behind the held-out numbers (n/d)"),
        Finding("held-out-score-median", _median(held), "median score on held-out text, first token out"),
        Finding("held-out-score-lowest", float(np.nanmin(held)), "lowest held-out score of any block, first token out"),
        Finding("held-out-block", float(held[block]), f"held-out score of block {block}, first token out"),
        Finding("massive-most", max(profile.massive_tokens), f"massive tokens in one block at most, of {profile.n:,}"),
        *_strict_findings(profile, "scores", "score"),
    ]


def _strict_findings(profile: LinearityProfile, name: str, short: str) -> list[Finding]:
    """What is left once massive tokens are out as well."""
    strict = np.array(getattr(profile.held_out.no_massive_token, name))
    word = name[:-1].replace("_", " ")
    return [
        Finding(f"{short}-strict-median", _median(strict), f"median held-out {word}, first and massive tokens out"),
        Finding(f"{short}-strict-lowest", float(np.nanmin(strict)), f"lowest held-out {word} of any block, the same"),
    ]


def update_findings(profile: LinearityProfile, twin: LinearityProfile | None = None) -> list[Finding]:
    """Chapter 2: the score without the residual, and how large an update is; beside its random twin's, if given."""
    update, later = np.array(profile.update_scores), np.array(profile.no_first_token.update_scores)
    identity = (1 - update) * np.array(profile.energy_ratio) - (1 - np.array(profile.scores))
    spike = _largest(update - later)
    found = [
        Finding("update-median", _median(update), "median update score over blocks, measured as in the paper"),
        Finding("update-no-first-median", _median(later), "median update score without each window's first token"),
        Finding("spike-block", spike, "the block whose update score the first token lifts most"),
        Finding("spike-with", float(update[spike]), f"update score of block {spike} with the first token"),
        Finding("spike-without", float(later[spike]), f"update score of block {spike} without it"),
        Finding(
            "norm-ratio-median",
            _median(profile.norm_ratio),
            "median over blocks of the mean |update| / |state| of a token",
        ),
        Finding(
            "energy-ratio-median", _median(profile.energy_ratio), "median energy ratio |Δ|²/|Y|², centred, all tokens"
        ),
        Finding(
            "energy-ratio-no-first-median",
            _median(profile.energy_ratio_no_first_token),
            "the same without the first token",
        ),
        Finding(
            "identity-gap", float(np.nanmax(np.abs(identity))), "largest gap between the two sides of the identity"
        ),
    ]
    if profile.held_out is None:
        return found
    held = np.array(profile.held_out.no_first_token.update_scores)
    fit = np.array(profile.held_out.fit_no_first_token.update_scores)
    return [
        *found,
        Finding("update-held-out-median", _median(held), "median update score on held-out text, first token out"),
        Finding("update-held-out-lowest", float(np.nanmin(held)), "lowest held-out update score of any block"),
        Finding("update-held-out-highest", float(np.nanmax(held)), "highest held-out update score of any block"),
        *_strict_findings(profile, "update_scores", "update"),
        Finding("update-optimism", _median(fit - held), "median of in-sample minus held-out, same fit"),
        *_twin_findings(twin),
    ]


def _twin_findings(twin: LinearityProfile | None) -> list[Finding]:
    if twin is None or twin.held_out is None:
        return []
    held = twin.held_out
    return [
        Finding(
            "twin-update", _median(held.fit_no_massive_token.update_scores), "the twin's median update score in sample"
        ),
        Finding("twin-update-held-out", _median(held.no_massive_token.update_scores), "the same on held-out text"),
    ]


def tokens_needed_findings(needed: TokensNeeded, twins: Sequence[TokensNeeded] = ()) -> list[Finding]:
    """Chapter 1: what the first and the last look of the long run say, medians over blocks; then its random twins."""
    d = needed.d
    first, last = 0, len(needed.n_fit) - 1
    return [
        Finding("few-n-over-d", needed.n_fit[first] / d, "tokens a dimension at the first look of the long run"),
        Finding("few-in-sample", _median(needed.in_sample[first]), "median update score in sample there"),
        Finding("few-held-out", _median(needed.held_out[first]), "median update score held out there"),
        Finding("many-n-over-d", needed.n_fit[last] / d, "tokens a dimension at the last look"),
        Finding("many-in-sample", _median(needed.in_sample[last]), "median update score in sample there"),
        Finding("many-held-out", _median(needed.held_out[last]), "median update score held out there"),
        *_twins_needed_findings(twins),
    ]


def _twins_needed_findings(twins: Sequence[TokensNeeded]) -> list[Finding]:
    if not twins:
        return []
    seeds = f"{len(twins)} random twins at the last look"
    inside, held = ([_median(getattr(t, name)[-1]) for t in twins] for name in ("in_sample", "held_out"))
    return [
        Finding("twins-in-sample", float(np.mean(inside)), f"median update score in sample, mean of {seeds}"),
        Finding("twins-held-out", float(np.mean(held)), f"the same held out, mean of {seeds}"),
        Finding("twins-held-out-range", float(np.ptp(held)), "range of the held-out number over the seeds"),
    ]


def token_findings(errors: TokenErrors) -> list[Finding]:
    """Chapter 3: how unevenly the error of the linear maps is spread over tokens, and whether rare ones carry it."""
    later = ~errors.is_first
    relative = errors.relative_error(no_first=True)[:, later]
    rho = frequency_correlation(errors)
    return [
        Finding(
            "tail-share", _median(worst_share(errors.error2)), "share of the squared error on the worst 1 % of tokens"
        ),
        Finding(
            "tail-share-no-first",
            _median(worst_share(errors.error2_no_first[:, later])),
            "the same without first tokens, in the fit and in the count",
        ),
        Finding(
            "relative-error-median", _median(np.nanmedian(relative, axis=1)), "|error| / |update| of the median token"
        ),
        Finding(
            "rarity-correlation", _median(rho), "Spearman correlation of a token's frequency with its relative error"
        ),
        Finding("rarity-correlation-lowest", float(np.nanmin(rho)), "the lowest such correlation of any block"),
        Finding("rarity-correlation-highest", float(np.nanmax(rho)), "the highest such correlation of any block"),
    ]


def numbers(findings: Sequence[Finding]) -> Html:
    """The numbers of a page as a table; each is glued too, so that pages and tests can find it by name."""
    _glue(findings)
    rows = [[finding.what, f"<b>{_said(finding.value)}</b>"] for finding in findings]
    return table("The numbers of this page", ("what", "value"), rows)


def _said(value: float | int) -> str:
    """Block numbers as they are, measurements to three digits."""
    return str(value) if isinstance(value, int) else number(value)


def _glue(findings: Sequence[Finding]) -> None:
    try:
        from myst_nb import glue
    except ImportError:  # on Colab there is no book to glue for
        return
    for finding in findings:
        glue(finding.name, finding.value, display=False)
