"""What a report holds: the results as the library stores them, and a few numbers that are too many to carry whole."""

from typing import ClassVar

import numpy as np

from nearlinear.results.pruning import PruningStudy
from nearlinear.results.records import PerBlock, Record
from nearlinear.results.tokens import TokenErrors
from nearlinear.results.types import LinearityProfile, StoredRecord

from .specs import ReportSpec

MOST_LARGE = 6


class LargeToken(Record):
    """A held-out token whose state is `times` as long as the median token's after `block`, where it is most so."""

    text: str
    window: int
    position: int
    block: int
    times: float


class Hidden(Record):
    """What an average does not show, on held-out text: sizes of states, and where the error of the maps lies.

    `first_times`: after each block, how many times longer a first token's state is than the median of the others (the
    median over windows). `largest`: the largest tokens besides. `worst_share`: the share of the squared error on the
    worst hundredth of the tokens, first ones left out of map and count.
    """

    first_times: PerBlock
    largest: tuple[LargeToken, ...]
    worst_share: PerBlock

    @classmethod
    def of(cls, errors: TokenErrors) -> "Hidden":
        """Blocks with NaN or infinite states have no answer."""
        times = times_the_median(errors)
        first, later = times[:, errors.is_first], np.where(errors.is_first, np.nan, times)
        middle = [float(np.median(row)) if len(row) else np.nan for row in first]
        return cls(
            first_times=tuple(middle),
            largest=tuple(_largest(errors, later)),
            worst_share=tuple(_worst_shares(errors.error2_no_first[:, ~errors.is_first])),
        )


def times_the_median(errors: TokenErrors) -> np.ndarray:
    """(L, n): how many times longer each state is than the median of its block, of all but first tokens; NaN if none.

    A block without an answer has NaN throughout: one with NaN states, or a median of zero.
    """
    size = np.sqrt(errors.state2.astype(float))
    later = size[:, ~errors.is_first]
    times = np.full(size.shape, np.nan)
    for block, row in enumerate(later):
        if len(row) and np.isfinite(size[block]).all() and (middle := np.median(row)) > 0:
            times[block] = size[block] / middle
    return times


def _largest(errors: TokenErrors, times: np.ndarray) -> list[LargeToken]:
    """Each token once, at the block where it is largest."""
    filled = np.where(np.isnan(times), -1.0, times)
    block, peak = filled.argmax(0), filled.max(0)
    order = [i for i in np.argsort(-peak, kind="stable")[:MOST_LARGE] if peak[i] > 0]
    return [
        LargeToken(
            text=errors.text[i],
            window=int(errors.window[i]),
            position=int(errors.position[i]),
            block=int(block[i]),
            times=float(peak[i]),
        )
        for i in order
    ]


def _worst_shares(error2: np.ndarray) -> list[float]:
    """(L,): the share of each row's sum that lies on its largest hundredth (at least one entry)."""
    if error2.shape[1] == 0:
        return [np.nan] * len(error2)
    count = -(-error2.shape[1] // 100)
    ordered = np.sort(error2.astype(float), axis=1)  # NaN sorts last, and so stays NaN
    total = ordered.sum(1)
    return [float(w / t) if t > 0 else np.nan for w, t in zip(ordered[:, -count:].sum(1), total, strict=True)]


class Report(StoredRecord):
    """All that was measured of one model. `why_no_pruning` says why `pruning` is None, and is empty where it is not."""

    recorded_as: ClassVar[str] = "report"
    filename: ClassVar[str] = "report.json"

    spec: ReportSpec
    profile: LinearityProfile
    hidden: Hidden | None
    pruning: PruningStudy | None
    why_no_pruning: str

    @property
    def broken(self) -> int | None:
        """The first block without a score because its states are NaN or infinite; None where there is none."""
        if "NaN" not in self.profile.reason:
            return None
        return next(b for b, score in enumerate(self.profile.scores) if np.isnan(score))
