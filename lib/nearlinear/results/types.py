"""What a measurement answers with. L blocks, n tokens, d dimensions; every per-block tuple has L entries."""

from pathlib import Path
from typing import ClassVar, Self

from pydantic import model_validator

from .making import MEASURING
from .provenance import Provenance
from .records import Interval, Number, PerBlock, Record


class StoredRecord(Record):
    """A result that is one JSON file: `filename` in the cache, `*.<recorded_as>.json` among the recorded ones."""

    recorded_as: ClassVar[str]
    filename: ClassVar[str]
    made_by: ClassVar[tuple[str, ...]] = MEASURING

    def save(self, path: Path) -> None:
        from .store import write_atomic

        write_atomic(path, self.to_json())

    @classmethod
    def load(cls, path: Path) -> Self:
        return cls.from_json(path.read_text(encoding="utf-8"))


class LongRecord(StoredRecord):
    """A result of so many numbers that nobody reads them one by one: its file is one line."""

    def to_json(self) -> str:
        return self.model_dump_json() + "\n"


class CurveRecord(LongRecord):
    """A training: what was written down at `steps`, one entry a stop in each column."""

    COLUMNS: ClassVar[tuple[str, ...]] = ("losses", "grad_norms", "seconds")

    @model_validator(mode="after")
    def _one_entry_a_stop(self):
        for name in self.COLUMNS:
            if len(getattr(self, name)) != len(self.steps):
                raise ValueError(f"{name} needs one entry for each of the {len(self.steps)} stops")
        return self


class Scores(Record):
    """In-sample scores, one a block: `scores` (with the residual) and `update_scores` (without), of n tokens."""

    scores: PerBlock
    update_scores: PerBlock
    n: int


class Intervals(Record):
    """95 % percentile bootstrap intervals of held-out scores, one (low, high) a block."""

    scores: tuple[Interval, ...]
    update_scores: tuple[Interval, ...]


class HeldOutScores(Record):
    """Scores of tokens that the fit never saw: 1 - |error|^2 / |target - mean of the fit split|^2; may be negative."""

    scores: PerBlock
    update_scores: PerBlock
    intervals: Intervals
    n_fit: int
    n_test: int


class HeldOut(HeldOutScores):
    """Held-out scores of all tokens and of two smaller sets, and the fit's own scores to set beside them.

    `no_first_token`: of all but each window's first. `no_massive_token`: of these, all but the massive ones, of which
    each block has its own; its `n_fit` and `n_test` are those of the block with the fewest tokens left.
    """

    no_first_token: HeldOutScores
    no_massive_token: HeldOutScores
    fit: Scores
    fit_no_first_token: Scores
    fit_no_massive_token: Scores


class LinearityProfile(StoredRecord):
    """Everything one look at a model says about the linearity of each of its L blocks.

    `scores`, `update_scores`: in-sample, over all n tokens (arXiv 2405.12250, section 3.1).
    `no_first_token`: without each window's first. `no_massive_token`: without massive tokens besides, of which block l
    has `massive_tokens[l]`: those whose state, before or after, is over 10 times longer than the median token's.
    `norm_ratio`: mean over tokens of |delta_t| / |y_t| (Fig. 3). `energy_ratio`: |Delta|^2 / |Y|^2, centred.
    `cosine`: mean over tokens of cos(x_t, y_t). `rank`, `condition`: of the scaled G_xx.
    `reliable` is False, with the `reason`, where n < 20 d. `perplexity` is NaN for an encoder.
    """

    recorded_as: ClassVar[str] = "profile"
    filename: ClassVar[str] = "profile.json"

    scores: PerBlock
    update_scores: PerBlock
    n: int
    d: int
    no_first_token: Scores
    no_massive_token: Scores
    massive_tokens: tuple[int, ...]
    held_out: HeldOut | None
    norm_ratio: PerBlock
    energy_ratio: PerBlock
    energy_ratio_no_first_token: PerBlock
    cosine: PerBlock
    rank: tuple[int, ...]
    condition: PerBlock
    reliable: bool
    reason: str
    perplexity: Number
    provenance: Provenance

    @model_validator(mode="after")
    def _one_number_a_block(self):
        names = [
            "update_scores",
            "norm_ratio",
            "energy_ratio",
            "energy_ratio_no_first_token",
            "cosine",
            "condition",
            "rank",
            "massive_tokens",
        ]
        lengths = {name: len(getattr(self, name)) for name in names} | {"scores": len(self.scores)}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"per-block numbers disagree on how many blocks there are: {lengths}")
        return self

    @property
    def L(self) -> int:
        return len(self.scores)

    @property
    def n_over_d(self) -> float:
        return self.n / self.d


class TokensNeeded(StoredRecord):
    """How the scores of one model settle as tokens come in; row i was fitted on n_fit[i] tokens.

    `in_sample`, `held_out`, `held_out_low`, `held_out_high`: update scores without the first token, shape (rows, L).
    `*_scores`: the same for the score with the residual. Held out on the same n_test tokens throughout.
    """

    recorded_as: ClassVar[str] = "tokens_needed"
    filename: ClassVar[str] = "tokens_needed.json"

    n_fit: tuple[int, ...]
    n_test: int
    d: int
    in_sample: tuple[PerBlock, ...]
    held_out: tuple[PerBlock, ...]
    held_out_low: tuple[PerBlock, ...]
    held_out_high: tuple[PerBlock, ...]
    in_sample_scores: tuple[PerBlock, ...]
    held_out_scores: tuple[PerBlock, ...]
    provenance: Provenance

    @model_validator(mode="after")
    def _one_row_a_fit(self):
        rows = {len(self.n_fit), len(self.in_sample), len(self.held_out), len(self.held_out_scores)}
        if len(rows) != 1:
            raise ValueError("every table of TokensNeeded needs one row for each entry of n_fit")
        return self
