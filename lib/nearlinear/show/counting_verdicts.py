"""What the counts say about the paper's claims, and the numbers of their chapter."""

from collections.abc import Mapping

from nearlinear.results.counting import (
    BIG,
    MADE,
    cache_bytes,
    ceiling,
    parameter_terms,
    parameters,
    saved,
    share_of_ceiling,
)
from nearlinear.results.sizes import Sizes, letters

from .counting import NAMES, TABLE_1, TABLE_1_T, Models, less, millions
from .findings import Finding
from .tables import Ours

PRINTED = ((167, 146, 13), (120, 101, 16))
"""Millions of parameters with Pre-LN and with SAS, and per cent between them: section 4.2, and Table 1."""

Counted = Mapping[str, Mapping[str, int]]
"""Model → block → parameters, counted on the modules."""


def counting_rows(decoder: Sizes, encoder: Sizes, counted: Counted) -> list[Ours]:
    """S11, and of S12 what arithmetic can say."""
    return [_counts(decoder, encoder, counted), _speeds(encoder)]


def _counts(decoder: Sizes, encoder: Sizes, counted: Counted) -> Ours:
    models = (decoder, encoder)
    said = "; ".join(
        f"{millions(parameters('pre-ln', s, BIG))} → {millions(parameters('sas', s, BIG))} ({less('sas', s)})"
        for s in models
    )
    agree = [as_printed(sizes, *printed) for sizes, printed in zip(models, PRINTED, strict=True)]
    n = sum(len(of_model) for of_model in counted.values())
    rounded = " and ".join(f"{from_rounded(*printed[:2]):.1f} %" for printed in PRINTED)
    return Ours(
        claim="S11",
        what="parameters of the two models, before norms and gains",
        number=said,
        controls=f"the printed percentages follow from the rounded counts, which give {rounded}; with norms and gains, "
        f"formula and modules (meta device) agree to the last parameter for {n - gap_count(models, counted)} of {n} "
        "models",
        verdict="reproduced" if all(agree) else "partly" if any(agree) else "contradicted",
        command=_printing("counting.saved('sas', sizes.DECODER)"),
    )


def _printing(expression: str) -> str:
    return f'python -c "from nearlinear.results import counting, sizes; print({expression})"'


def as_printed(sizes: Sizes, before: int, after: int, percent: int) -> bool:
    """Whether our counts round to the printed ones, and these give the printed percentage."""
    ours = [round(parameters(block, sizes, BIG) / 1e6) for block in ("pre-ln", "sas")]
    return ours == [before, after] and round(from_rounded(before, after)) == percent


def from_rounded(before: float, after: float) -> float:
    """Per cent less, from two counts."""
    return 100 * (before - after) / before


def gap_count(models: tuple[Sizes, ...], counted: Counted) -> int:
    """How many models have another number of parameters by the formula than on their modules."""
    pairs = zip(models, counted.values(), strict=True)
    return sum(parameters(block, sizes) != n for sizes, of_model in pairs for block, n in of_model.items())


def _speeds(encoder: Sizes) -> Ours:
    names = ("sas", "sas-p", "sas-p-no-norm")
    shares = [100 * share_of_ceiling(TABLE_1[name], ceiling(name, encoder, TABLE_1_T)) for name in names]
    return Ours(
        claim="S12",
        what=f"the most that arithmetic allows SAS, SAS-P and SAS-P without norm at {TABLE_1_T} tokens",
        number=f"{ceiling('sas', encoder, TABLE_1_T):.2f}",
        controls="the printed speeds are "
        + ", ".join(f"{share:.0f} %" for share in shares)
        + " of the gain that it allows; nothing is timed on this page, the benchmarks do that",
        verdict="untestable here",
        command=_printing(f"counting.ceiling('sas', sizes.ENCODER, {TABLE_1_T})"),
    )


def counting_findings(models: Models, counted: Counted) -> list[Finding]:
    """The numbers of the chapter, of the paper's decoder and encoder, in this order."""
    (_, decoder), (_, encoder) = models.items()
    return [
        *_saved_findings("decoder", decoder, *PRINTED[0]),
        *_saved_findings("encoder", encoder, *PRINTED[1]),
        Finding("count-models", len(models) * len(MADE), "models counted, by formula and on their modules"),
        Finding("count-different", gap_count((decoder, encoder), counted), "of them with another count on the modules"),
        Finding("count-shaping", _shaping(decoder), "numbers α, β and γ in a block"),
        *(
            Finding(f"ceiling-{name}", ceiling("sas", sizes), f"{name}: highest speed beside Pre-LN, weights alone")
            for name, sizes in (("decoder", decoder), ("encoder", encoder))
        ),
        Finding(
            "ceiling-encoder-tokens",
            ceiling("sas", encoder, TABLE_1_T),
            f"encoder: the same with attention over {TABLE_1_T} tokens",
        ),
        *(
            Finding(
                f"share-{block}",
                100 * share_of_ceiling(TABLE_1[block], ceiling(block, encoder, TABLE_1_T)),
                f"part of that gain, in per cent, in the paper's speed of {NAMES[block]}",
            )
            for block in ("sas", "sas-p", "sas-p-no-norm")
        ),
        *(
            Finding(
                f"cache-{'half' if half else 'full'}",
                cache_bytes("sas", decoder, decoder.P, half=half) / 1e6,
                f"decoder: MB of the {'half' if half else 'full'} cache of {decoder.P:,} tokens, 2 bytes a number",
            )
            for half in (False, True)
        ),
    ]


def _saved_findings(name: str, sizes: Sizes, before: int, after: int, percent: int) -> list[Finding]:
    return [
        Finding(f"saved-{name}", 100 * saved("sas", sizes), f"{name}: per cent fewer parameters with SAS"),
        Finding(
            f"saved-{name}-rounded",
            from_rounded(before, after),
            f"{name}: the same from the printed {before}M and {after}M; the paper prints {percent} %",
        ),
    ]


def _shaping(sizes: Sizes) -> int:
    """Gains of shaped attention in one block."""
    known = letters(sizes) | {"L": 1}
    return int(sum(term.of(known) for term in parameter_terms("sas") if term.name == "gains a head"))
