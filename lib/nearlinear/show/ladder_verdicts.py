"""What taking blocks apart says about S2 and S8, and the numbers of its chapter: rules, never by hand."""

from collections.abc import Sequence

from nearlinear.results.apart import BlockApart
from nearlinear.results.signal import SignalStudy

from .findings import Finding
from .ladder import mean, read_off
from .tables import Ours
from .verdicts import verdict
from .words import number

EXACT = 1e-12
"""Errors in float64 that we call none."""

_SHAPED, _SOFTMAX = ("v-skipinit", "sas", "sas-p", "sas-p-no-norm"), ("pre-ln", "skipless")


def ladder_rows(blocks: Sequence[BlockApart]) -> list[Ours]:
    """S2, and of S8 what structure alone can say."""
    by_name = {made.block: made for made in blocks}
    return [_identity(by_name), _without_skip(by_name)]


def _identity(by_name: dict[str, BlockApart]) -> Ours:
    shaped, softmax = (
        [by_name[name].attention_error for name in names if name in by_name] for names in (_SHAPED, _SOFTMAX)
    )
    width = by_name["sas"].small_d
    return Ours(
        claim="S2",
        what=f"largest ‖Attn(V) − V‖/‖V‖ of {len(shaped)} shaped blocks, random states, width {width}, float64",
        number=number(max(shaped)),
        controls=f"softmax attention on the same states: {number(min(softmax))}. Exact means below {EXACT:.0e}",
        verdict=verdict(max(shaped) < EXACT, min(softmax) > EXACT),
        command="python -c \"from nearlinear.blocks.apart import apart; print(apart('sas').attention_error)\"",
    )


def _without_skip(by_name: dict[str, BlockApart]) -> Ours:
    """Whether SAS-P is slower is a matter of training; that it needs no skip to keep its input is not."""
    made = by_name["sas-p"]
    return Ours(
        claim="S8",
        what="only the structure: mean cosine of a token before and after SAS-P whose MLP is silent, no skip around it",
        number=number(made.without_mlp),
        controls="in sequence and without its skip, a silent MLP would leave nothing. Speed needs training",
        verdict="untestable here",
        command="python -c \"from nearlinear.blocks.apart import apart; print(apart('sas-p').without_mlp)\"",
    )


def ladder_findings(blocks: Sequence[BlockApart], study: SignalStudy) -> list[Finding]:
    """Chapter 8: what each removal saves, and what is left of the differences between tokens."""
    by_name, at = {made.block: made for made in blocks}, read_off(study)
    top, bottom = by_name["pre-ln"], by_name["sas-p-no-norm"]
    depth = study.depths[at]

    def left(block: str) -> float:
        return float(mean(study, block, "causal", "relative_residual")[at])

    saved = by_name["v-skipinit"].n_parameters - by_name["sas"].n_parameters
    gains = sum(part.parameters for part in by_name["sas"].parts if part.name in ("attn", "beta_ff"))
    less = 100 * (1 - bottom.all_blocks / top.all_blocks)
    return [
        Finding("parameters-pre-ln", top.n_parameters, f"parameters of one Pre-LN block (d = {top.d})"),
        Finding("parameters-sas", by_name["sas"].n_parameters, "parameters of one SAS block"),
        Finding("saved-values", saved, "parameters of W_V and W_P, in one block"),
        Finding("saved-share", less, f"per cent fewer in {top.L} blocks, from Pre-LN to SAS-P without norm"),
        Finding("gains-sas", gains, "gains of one SAS block: α, β and γ of each head, and β_FF"),
        Finding("residual-pre-ln", left("pre-ln"), f"relative residual of Pre-LN after {depth} blocks, causal"),
        Finding("residual-skipless", left("skipless"), "the same without the attention skip"),
        Finding("residual-v-skipinit", left("v-skipinit"), "the same of V-SkipInit"),
        Finding("residual-sas", left("sas"), "the same of SAS"),
        Finding("residual-no-norm", left("sas-p-no-norm"), "the same of SAS-P without norm"),
    ]
