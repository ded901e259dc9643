"""Numbers that the papers print in their text and tables, to set beside ours. Nothing here is read off a chart.

arXiv 2405.12250v1 draws Figures 1, 3 and 9 without numbers, so the first three chapters have one to compare with.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Printed:
    """A printed number: `value` for arithmetic, `text` as printed, the claim it belongs to and where it stands."""

    claim: str
    value: float
    text: str
    where: str


SCORE = Printed("L1", 0.99, "≈ 0.99", "abstract")
"""The similarity of consecutive layers, of all decoders tried, with the residual."""

PRINTED = (SCORE,)


def printed(claim: str) -> tuple[Printed, ...]:
    """What the paper prints for a claim; empty where it prints no number (a chart is no number)."""
    return tuple(p for p in PRINTED if p.claim == claim)
