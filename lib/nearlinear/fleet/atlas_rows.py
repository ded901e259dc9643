"""The numbers of an atlas: one row a model on a text, its random twins beside it. No torch."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nearlinear.report.summary import extremes, median
from nearlinear.results.records import Number, Record
from nearlinear.results.store import is_current
from nearlinear.results.types import LinearityProfile, StoredRecord
from nearlinear.show.words import base_name, is_random, model_name

STRICT = "held out, first token out"


class AtlasRow(Record):
    """One run in a few numbers: medians are over its blocks, without those that have no answer.

    `score`: with the residual, in-sample, all tokens, as the paper has it; `score_least` is of the block that has the
    least, `least_block`. `score_no_first`: without each window's first token. `…_held_out`: on text that the fit never
    saw, first tokens out; NaN where nothing was held out. `…_twin`: the same of random weights on the very same
    windows, mean over `twins` of them; NaN where there is none. `reason` says why a row is not `reliable`;
    `current`, whether the library that stands here made it.
    """

    model: str
    corpus: str
    architecture: str
    n_parameters: int
    L: int
    d: int
    n: int
    n_over_d: float
    seed: int
    score_median: Number
    score_least: Number
    least_block: int | None
    score_no_first: Number
    score_held_out: Number
    score_held_out_twin: Number
    update_score_median: Number
    update_score_held_out: Number
    update_score_held_out_twin: Number
    twins: int
    reliable: bool
    reason: str
    current: bool
    made: str


class Atlas(StoredRecord):
    """All rows of an atlas, in the order of its figures."""

    recorded_as: ClassVar[str] = "atlas"
    filename: ClassVar[str] = "atlas.json"

    rows: tuple[AtlasRow, ...]


@dataclass(frozen=True)
class Entry:
    """A run, and its random twins: other weights in the same architecture, on the very same windows."""

    profile: LinearityProfile
    twins: tuple[LinearityProfile, ...] = ()

    @property
    def row(self) -> AtlasRow:
        p, made = self.profile, self.profile.provenance
        least = ends[0] if (ends := extremes(p.scores)) else None
        return AtlasRow(
            model=model_name(made),
            corpus=made.corpus.id,
            architecture=made.model.architecture,
            n_parameters=made.model.n_parameters,
            L=p.L,
            d=p.d,
            n=p.n,
            n_over_d=p.n_over_d,
            seed=made.seed,
            score_median=median(p.scores),
            score_least=np.nan if least is None else p.scores[least],
            least_block=least,
            score_no_first=median(p.no_first_token.scores),
            score_held_out=strict(p, "scores"),
            score_held_out_twin=mean(strict(twin, "scores") for twin in self.twins),
            update_score_median=median(p.update_scores),
            update_score_held_out=strict(p, "update_scores"),
            update_score_held_out_twin=mean(strict(twin, "update_scores") for twin in self.twins),
            twins=len(self.twins),
            reliable=p.reliable,
            reason=p.reason,
            current=is_current(p),
            made=made.created[:10],
        )


def entries(profiles: Iterable[LinearityProfile]) -> list[Entry]:
    """Runs with their twins, small models first; a twin of a model that is not there is a run by itself."""
    profiles = list(profiles)
    trained = [p for p in profiles if not is_random(p.provenance)]
    twins: dict[tuple, list[LinearityProfile]] = {}
    for p in profiles:
        if is_random(p.provenance):
            twins.setdefault(_read(p), []).append(p)
    found = [Entry(p, _by_name(twins.get(_read(p), ()))) for p in trained]
    known = {_read(p) for p in trained}
    found += [Entry(p) for key, alone in twins.items() if key not in known for p in alone]
    return sorted(found, key=_order)


def _read(profile: LinearityProfile) -> tuple:
    """What a model and its twins share: the architecture, the text and every window of it."""
    made = profile.provenance
    return base_name(made), made.model.architecture, made.corpus.sha256, made.windows_sha256, profile.n, made.dtype


def _by_name(profiles: Sequence[LinearityProfile]) -> tuple[LinearityProfile, ...]:
    return tuple(sorted(profiles, key=lambda p: p.provenance.model.id))


def _order(entry: Entry) -> tuple:
    made = entry.profile.provenance
    return made.model.n_parameters, made.model.id, made.corpus.id, entry.profile.n, made.seed, made.spec_sha256


def mean(values: Iterable[float]) -> float:
    """NaN where there are none, or one has no answer."""
    values = list(values)
    return float(np.mean(values)) if values else np.nan


def strict(profile: LinearityProfile, name: str) -> float:
    """The median of a score on held-out text, first tokens out."""
    return median(getattr(profile.held_out.no_first_token, name)) if profile.held_out else np.nan


@dataclass(frozen=True)
class Column:
    """A column of the table: the field it shows, what stands above it, and what it says at more length."""

    field: str
    head: str
    what: str


COLUMNS = (
    Column("model", "model", "the model; random weights where its trained ones were not measured"),
    Column("corpus", "text", "the text that was read"),
    Column("n_parameters", "parameters", "how many numbers the model has learnt"),
    Column("L", "L", "blocks"),
    Column("d", "d", "width of the residual stream"),
    Column("n", "tokens", "tokens that the in-sample scores were fitted on"),
    Column("n_over_d", "n/d", "tokens for each dimension; below 20 a score in-sample is too high"),
    Column("score_median", "score, median", "linearity score with the residual, in-sample, all tokens, as the paper "
        "has it: median over the blocks"),
    Column("score_least", "score, least", "the same, of the block that has the least"),
    Column("score_no_first", "score, first token out", "the same without each window's first token, median"),
    Column("score_held_out", "score, held out", f"linearity score, {STRICT}, median"),
    Column("score_held_out_twin", "… random twin", "the same of the architecture with random weights on the same "
        "windows, mean over seeds"),
    Column("update_score_held_out", "update score, held out", f"score of what a block adds, without the residual, "
        f"{STRICT}, median"),
    Column("update_score_held_out_twin", "… random twin", "the same of random weights"),
)  # fmt: skip
"""What the table shows; the CSV and the JSON have every field of a row."""


def to_csv(rows: Iterable[AtlasRow]) -> str:
    """Every field of every row, every digit kept; empty where there is no answer."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(AtlasRow.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(_cells(row.model_dump()) for row in rows)
    return out.getvalue()


def _cells(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: "" if value is None or str(value) == "nan" else value for name, value in fields.items()}
