"""What a reader must know before believing a report: said only where it applies."""

from nearlinear.results.types import LinearityProfile
from nearlinear.show.words import is_encoder, number

from .summary import median
from .types import Report

QUANTISED = ("-bit", "GGUF", "quantis", "quantiz")
"""Words in a model's note that tell of weights that were rounded."""


def caveats(report: Report) -> list[str]:
    """One sentence or two each."""
    profile = report.profile
    made = profile.provenance
    return [
        line
        for line in (
            _tokens(profile),
            _optimism(profile),
            _rank(profile),
            _one_document(profile),
            _weights(profile),
            f"The model ran in {made.dtype}, and not in float32: its states are rounded."
            if made.dtype != "float32"
            else "",
            "Held out means that the line had not seen the text. The model may have read it in training.",
            _encoder(profile),
            f"One text, {made.corpus.id}, and one cut of it into windows: another text gives other numbers.",
            _maps(report),
        )
        if line
    ]


def _tokens(profile: LinearityProfile) -> str:
    if not profile.reason or "NaN" in profile.reason:
        return ""
    return f"Too few tokens: {profile.reason} (--tokens), or give a longer text."


def _optimism(profile: LinearityProfile) -> str:
    """By how much the fit flatters itself, which tells whether the tokens were enough."""
    if profile.held_out is None:
        return ""
    held = profile.held_out
    pairs = zip(held.fit_no_first_token.update_scores, held.no_first_token.update_scores, strict=True)
    gap = median([fit - out for fit, out in pairs])
    if not gap > 0:
        return ""
    return (
        f"Fitted on {number(held.no_first_token.n_fit / profile.d)} tokens for each dimension, the update score in "
        f"sample is {number(gap)} above the one on held-out text (median over blocks). What endless text would give "
        "should lie between the two, and more tokens bring them together."
    )


def _rank(profile: LinearityProfile) -> str:
    low = [block for block, rank in enumerate(profile.rank) if 0 < rank < profile.d]
    if not low:
        return ""
    worst = min(low, key=lambda block: profile.rank[block])
    return (
        f"In {len(low)} of {profile.L} blocks the states before do not fill all {profile.d} directions "
        f"(fewest: {profile.rank[worst]}, before block {worst}), so the map there is one of many that fit."
    )


def _one_document(profile: LinearityProfile) -> str:
    if profile.held_out is None or profile.provenance.corpus.n_documents > 1:
        return ""
    return (
        "The text is one document. What is held out are stretches of it, which are more alike than two documents; "
        "intervals are over windows."
    )


def _weights(profile: LinearityProfile) -> str:
    note = profile.provenance.model.note
    if not any(word in note for word in QUANTISED):
        return ""
    return (
        f"Weights: {note}. The numbers are about this rounded model; how far they are from the original is not known."
    )


def _encoder(profile: LinearityProfile) -> str:
    if not is_encoder(profile):
        return ""
    return (
        "The model is an encoder. Many encoders normalise the state after every block, so that the update is only a "
        "difference of states; and there is no perplexity."
    )


def _maps(report: Report) -> str:
    study = report.pruning
    if study is None:
        return ""
    return (
        f"What blocks cost was measured on {study.n_evaluate:,} tokens of {study.n_documents} "
        f"document{'' if study.n_documents == 1 else 's'}; the lines were fitted on {study.n_fit:,} others, and orders "
        f"chosen on {study.n_choose:,} more. Perplexity on a text is not what a model can do."
    )
