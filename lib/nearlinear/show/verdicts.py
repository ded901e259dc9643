"""From results to "Paper and ours": each verdict by a rule that is written here, never by hand.

A claim is *reproduced* when it holds under the paper's own measurement and under ours; *partly* when it holds under
the first and not under the second; *contradicted* when it fails already under the first.
"""

import numpy as np

from nearlinear.results.tokens import TokenErrors
from nearlinear.results.types import LinearityProfile

from .errors import frequency_correlation, worst_share
from .paper import SCORE
from .tables import Ours
from .words import number, score

NEARLY_LINEAR = SCORE.value
"""What the paper calls almost perfectly linear."""

ALIGNED = 0.9
"""Cosine from which on we call neighbouring states closely aligned."""

SPIKE = 0.2
"""How far above both neighbours an update score must stand to be called a spike."""


def verdict(published: bool, controlled: bool) -> str:
    """Whether a claim holds as the paper measured it, and whether it still holds under the controls."""
    if not published:
        return "contradicted"
    return "reproduced" if controlled else "partly"


def linearity_rows(profile: LinearityProfile, encoder: LinearityProfile | None = None) -> list[Ours]:
    """L1, L2 and, where an encoder was measured, L20 and L21."""
    rows = [_almost_linear(profile), _bounded(profile)]
    return rows if encoder is None else [*rows, _encoder(encoder), _exclusive(profile, encoder)]


def update_rows(profile: LinearityProfile, twin: LinearityProfile | None = None) -> list[Ours]:
    """L3, L4, L5 and L22; a random twin tells what the design alone gives."""
    return [_drops(profile), _because_small(profile), _u_shape(profile), _aligned(profile, twin)]


def token_rows(errors: TokenErrors) -> list[Ours]:
    """L19."""
    later = ~errors.is_first
    tail, tail_later = worst_share(errors.error2), worst_share(errors.error2_no_first[:, later])
    rho = frequency_correlation(errors)
    heavy, rare = bool(np.nanmedian(tail_later) > 0.02), bool(np.nanmedian(rho) < -0.1)
    return [
        Ours(
            claim="L19",
            what="median share of the squared error on the worst 1 % of tokens, and median Spearman correlation of "
            "frequency with relative error",
            number=f"{number(100 * np.nanmedian(tail))} %; ρ = {number(float(np.nanmedian(rho)))}",
            controls=f"first token out: {number(100 * np.nanmedian(tail_later))} %; held out at "
            f"n/d = {errors.n_over_d:.0f}. Heavy-tailed means over 2 %, carried by rare tokens means ρ below −0.1",
            verdict=verdict(bool(np.nanmedian(tail) > 0.02), heavy and rare),
            command=command_of(errors),
        )
    ]


def command_of(result: LinearityProfile | TokenErrors) -> str:
    """The command line that repeats a run's scores on the same kind of windows."""
    made = result.provenance
    name, _, seed = made.model.id.partition("#random-")
    random = f" --random-weights {seed}" if seed else ""
    return (
        f"nearlinear score --model {name}{random} --text {made.corpus.id} --window-chars 512 "
        f"--tokens {made.n_tokens} --precision {made.precision}"
    )


def _strict(profile: LinearityProfile, name: str) -> np.ndarray:
    """The strictest numbers there are: first and massive tokens out, and held out where something was."""
    return np.array(getattr((profile.held_out or profile).no_massive_token, name))


def _conditions(profile: LinearityProfile) -> str:
    if profile.held_out is None:
        return f"first and massive tokens out, in-sample, n/d = {profile.n_over_d:.0f}"
    return f"first and massive tokens out, held out, n/d = {profile.held_out.no_massive_token.n_fit / profile.d:.0f}"


def _almost_linear(profile: LinearityProfile) -> Ours:
    published, strict = _medians(profile)
    return Ours(
        claim="L1",
        what="median score over blocks, measured as in the paper",
        number=published,
        controls=f"{_conditions(profile)}: {score(strict)}",
        verdict=verdict(round(published, 2) >= NEARLY_LINEAR, round(strict, 2) >= NEARLY_LINEAR),
        command=command_of(profile),
    )


def _bounded(profile: LinearityProfile) -> Ours:
    inside = np.array([*profile.scores, *profile.update_scores])
    if profile.held_out is None:
        strict, controls = inside, "nothing held out"
    else:
        held = profile.held_out
        strict = np.array([*held.update_scores, *held.scores, *held.no_first_token.update_scores])
        controls = f"lowest of any held-out score, first token in or out: {score(float(np.nanmin(strict)))}"
    return Ours(
        claim="L2",
        what="range of the in-sample scores of all blocks",
        number=f"{score(float(np.nanmin(inside)))} to {score(float(np.nanmax(inside)))}",
        controls=controls,
        verdict=verdict(bool(_within(inside)), bool(_within(strict))),
        command=command_of(profile),
    )


def _within(values: np.ndarray) -> bool:
    return bool((np.nanmin(values) >= 0) and (np.nanmax(values) <= 1))


def _encoder(encoder: LinearityProfile) -> Ours:
    published, strict = _medians(encoder)
    return Ours(
        claim="L20",
        what=f"median score over the blocks of {encoder.provenance.model.id}, measured as in the paper",
        number=published,
        controls=f"{_conditions(encoder)}: {score(strict)}; one small encoder, Post-LN",
        verdict=verdict(round(published, 2) < NEARLY_LINEAR, round(strict, 2) < NEARLY_LINEAR),
        command=command_of(encoder),
    )


def _exclusive(decoder: LinearityProfile, encoder: LinearityProfile) -> Ours:
    (high, high_strict), (low, low_strict) = _medians(decoder), _medians(encoder)
    return Ours(
        claim="L21",
        what=f"median score of the decoder, and of the encoder {encoder.provenance.model.id}, measured as in the paper",
        number=f"{score(high)}; {score(low)}",
        controls=f"{_conditions(decoder)}: {score(high_strict)}; {score(low_strict)}; one model of each kind",
        verdict=verdict(round(high, 2) >= NEARLY_LINEAR > low, round(high_strict, 2) >= NEARLY_LINEAR > low_strict),
        command=command_of(encoder),
    )


def _medians(profile: LinearityProfile) -> tuple[float, float]:
    """Median score over blocks as the paper measures it, and under the strictest control."""
    return float(np.nanmedian(profile.scores)), float(np.nanmedian(_strict(profile, "scores")))


def _aligned(profile: LinearityProfile, twin: LinearityProfile | None) -> Ours:
    cosine = float(np.nanmedian(profile.cosine))
    design = "no random twin" if twin is None else f"random twin: {number(float(np.nanmedian(twin.cosine)))}"
    return Ours(
        claim="L22",
        what="median over blocks of the mean cosine between a token's states before and after",
        number=number(cosine),
        controls=f"{design}; lowest of any block: {number(min(profile.cosine))}. Aligned means 0.9 or more",
        verdict=verdict(cosine >= ALIGNED, bool(np.nanmin(profile.cosine) >= ALIGNED)),
        command=command_of(profile),
    )


def _drops(profile: LinearityProfile) -> Ours:
    published = np.array(profile.scores) - np.array(profile.update_scores)
    strict = _strict(profile, "scores") - _strict(profile, "update_scores")
    return Ours(
        claim="L3",
        what="median fall of the score over blocks when the residual is taken out",
        number=number(float(np.nanmedian(published))),
        controls=f"{_conditions(profile)}: {number(float(np.nanmedian(strict)))}",
        verdict=verdict(bool(np.nanmedian(published) > 0), bool(np.nanmedian(strict) > 0)),
        command=command_of(profile),
    )


def _because_small(profile: LinearityProfile) -> Ours:
    """By the identity 1 - s = (1 - s_Δ) · energy ratio: how many decades of 1 - s come from each factor."""
    later, update = np.array(profile.energy_ratio_no_first_token), np.array(profile.no_first_token.update_scores)
    published, strict = _share_of_size(profile.energy_ratio, profile.update_scores), _share_of_size(later, update)
    return Ours(
        claim="L4",
        what="share of log(1 − score) that is the size of the update, not its predictability (median over blocks)",
        number=f"{number(100 * published)} %",
        controls=f"first token out: {number(100 * strict)} %; the identity holds exactly on every block",
        verdict=verdict(published > 0.5, strict > 0.5),
        command=command_of(profile),
    )


def _share_of_size(energy_ratio, update_scores) -> float:
    size = -np.log(np.minimum(np.array(energy_ratio), 1))
    unexplained = -np.log(np.clip(1 - np.array(update_scores), 1e-12, 1))
    return float(np.nanmedian(size / (size + unexplained)))


def _u_shape(profile: LinearityProfile) -> Ours:
    published, strict = np.array(profile.update_scores), _strict(profile, "update_scores")
    return Ours(
        claim="L5",
        what="update score of the outer quarters of the blocks minus that of the inner ones; blocks that stand out",
        number=f"{number(ends_minus_middle(published))}; spikes at {_listed(spikes(published))}",
        controls=f"{_conditions(profile)}: {number(ends_minus_middle(strict))}; spikes at {_listed(spikes(strict))}",
        verdict=verdict(_is_u(published) and bool(spikes(published)), _is_u(strict) and bool(spikes(strict))),
        command=command_of(profile),
    )


def ends_minus_middle(values: np.ndarray) -> float:
    """Mean over the first and last quarter of the blocks minus the median of the two middle quarters."""
    quarter = max(1, len(values) // 4)
    ends = np.concatenate([values[:quarter], values[-quarter:]])
    return float(np.nanmean(ends) - np.nanmedian(values[quarter:-quarter] if len(values) > 2 else values))


def _is_u(values: np.ndarray) -> bool:
    return ends_minus_middle(values) > 0


def spikes(values: np.ndarray) -> list[int]:
    """Inner blocks whose value stands more than SPIKE above both neighbours."""
    inner = range(1, len(values) - 1)
    return [i for i in inner if values[i] - max(values[i - 1], values[i + 1]) > SPIKE]


def _listed(blocks: list[int]) -> str:
    return ("block " if len(blocks) == 1 else "blocks ") + ", ".join(map(str, blocks)) if blocks else "no block"
