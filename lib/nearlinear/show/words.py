"""Results in words: the names, counts, notes and summaries that titles, captions and alt texts are made of."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from nearlinear.results.provenance import Provenance
from nearlinear.results.pruning import PruningStudy
from nearlinear.results.tokens import TokenErrors
from nearlinear.results.types import LinearityProfile, TokensNeeded

_RANDOM = "#random-"
NO_ANSWER = "no answer"


def score(value: float) -> str:
    """A score with as many decimals as its distance from 1 needs: 0.961, 0.99984."""
    if math.isnan(value):
        return NO_ANSWER
    gap = abs(1 - value)
    decimals = min(7, max(3, 1 - math.floor(math.log10(gap)))) if gap > 0 else 3
    return f"{value:.{decimals}f}".replace("-", "−")


def number(value: float) -> str:
    """Three significant digits, no e-notation for everyday sizes."""
    if math.isnan(value):
        return NO_ANSWER
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.2e}".replace("-", "−")
    decimals = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{max(decimals, 0)}f}".replace("-", "−")


def interval(low: float, high: float) -> str:
    """ "[0.912, 0.945]", or nothing where there is no interval."""
    return "" if math.isnan(low) or math.isnan(high) else f"[{score(low)}, {score(high)}]"


def is_random(provenance: Provenance) -> bool:
    return _RANDOM in provenance.model.id


def is_encoder(profile: LinearityProfile) -> bool:
    """An encoder has no head that predicts the next token, and so no perplexity."""
    has_head = any(word in profile.provenance.model.architecture for word in ("CausalLM", "LMHead"))
    return math.isnan(profile.perplexity) and not has_head


def base_name(provenance: Provenance) -> str:
    """The model's id, for a random twin that of the model it is a twin of."""
    return provenance.model.id.split(_RANDOM)[0]


def model_name(provenance: Provenance) -> str:
    """What a reader calls the model: "smollm2-135m", "smollm2-135m with random weights (seed 0)"."""
    name, _, seed = provenance.model.id.partition(_RANDOM)
    return f"{name} with random weights (seed {seed})" if seed else name


def run_size(result: LinearityProfile | TokensNeeded | TokenErrors | PruningStudy) -> str:
    """Model, tokens and tokens for each dimension, so that a quick run can never pass for a full one."""
    name = model_name(result.provenance)
    if isinstance(result, LinearityProfile):
        return f"{name}: {result.n:,} tokens, n/d = {result.n_over_d:.1f}"
    if isinstance(result, TokenErrors):
        return f"{name}: {result.n:,} held-out tokens, fitted on {result.n_fit:,}, n/d = {result.n_over_d:.1f}"
    if hasattr(result, "n_evaluate"):  # any study of pruning
        fitted = f", maps fitted on {result.n_fit:,} of others" if hasattr(result, "n_fit") else ""
        return f"{name}: evaluated on {result.n_evaluate:,} tokens of {result.n_documents} documents{fitted}"
    few, many = min(result.n_fit), max(result.n_fit)
    ratio = f"n/d = {few / result.d:.3g} to {many / result.d:.3g}"
    return f"{name}: {few:,} to {many:,} tokens, {ratio}, held out on {result.n_test:,}"


def held_out_size(profile: LinearityProfile) -> str:
    """What a held-out number must name; nothing where nothing was held out."""
    if profile.held_out is None:
        return ""
    h = profile.held_out
    return f"held out: {h.n_test:,} tokens, fitted on {h.n_fit:,} (n/d = {h.n_fit / profile.d:.1f})"


def subtitle(results: Iterable, *extra: str) -> str:
    """One line for the heading: each run and its size."""
    return " · ".join([*map(run_size, results), *filter(None, extra)])


def notes(results: Iterable) -> list[str]:
    """The models' own notes (such as "4-bit weights, dequantised") and the text, each said once."""
    said: dict[str, list[str]] = {}
    for result in results:
        if result.provenance.model.note and not is_random(result.provenance):
            said.setdefault(result.provenance.model.note, []).append(base_name(result.provenance))
    texts = dict.fromkeys(result.provenance.corpus.id for result in results)
    weights = [f"{', '.join(dict.fromkeys(names))}: {note}." for note, names in said.items()]
    return [" ".join([*weights, f"Text: {', '.join(texts)}."])]


def warning(results: Iterable) -> str:
    """Which of the runs are not to be relied on, and why; empty where all are."""
    bad = [r for r in results if not getattr(r, "reliable", True)]
    return " ".join(f"Not reliable: {model_name(r.provenance)}: {r.reason}." for r in bad).replace("..", ".")


def caveats(results: Iterable) -> str:
    """Notes and warnings in one breath, for an alternative text."""
    results = list(results)
    return sentences(*notes(results), warning(results))


def describe(label: str, values: Sequence[float], say=score) -> str:
    """One curve over the blocks in one sentence: its median, its ends, and where there is no answer."""
    values = np.asarray(values, float)
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return f"{label}: {NO_ANSWER} for any block."
    low, high = known[np.argmin(values[known])], known[np.argmax(values[known])]
    missing = f"; {NO_ANSWER} for {len(values) - len(known)} blocks" if len(known) < len(values) else ""
    return (
        f"{label}: median {say(float(np.median(values[known])))}, lowest {say(float(values[low]))} at block {low}, "
        f"highest {say(float(values[high]))} at block {high}{missing}."
    )


def sentences(*parts: str) -> str:
    """Join what is there with single spaces."""
    return " ".join(part.strip() for part in parts if part.strip())
