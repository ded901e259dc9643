"""What a larger model makes of the texts that trained ones write, and how their texts go to a judge and come back.

Perplexity under a larger model and distinct-n stand in for a judge of stories (arXiv 2405.12250, Table 3). They do not
replace one: dull repetition is likely, and nonsense is varied.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np
from pydantic import model_validator

from nearlinear.errors import InputError

from .drift import DriftRun, DriftSpec
from .drift_specs import regularised, regularised_sas
from .provenance import Provenance
from .records import Record
from .training import Curve
from .types import StoredRecord


class StoriesSpec(Record):
    """Whose texts are read: the trainings that were asked for samples; `model`: the larger model that reads them."""

    drifts: tuple[DriftSpec, ...]
    model: str = "smollm2-135m"
    seed: int = 0


def stories_specs(size: str = "laptop") -> dict[str, StoriesSpec]:
    """The texts of every training with a term and of those beside them, by name."""
    return {f"stories-{size}": StoriesSpec(drifts=(*regularised(size).values(), *regularised_sas(size).values()))}


class Likely(Record):
    """What the larger model makes of texts, one entry a text: nats lost after the prompt, its own tokens, bytes."""

    nats: Curve
    tokens: tuple[int, ...]
    n_bytes: tuple[int, ...]

    @model_validator(mode="after")
    def _one_entry_a_text(self):
        if not len(self.nats) == len(self.tokens) == len(self.n_bytes):
            raise ValueError("nats, tokens and bytes need one entry for each text")
        return self

    @property
    def perplexity(self) -> float:
        """exp of the mean log-loss of its tokens; NaN without any."""
        return math.exp(sum(self.nats) / sum(self.tokens)) if sum(self.tokens) else math.nan

    @property
    def nats_a_byte(self) -> float:
        """The same for texts of other tokens: nonsense breaks into more of them, and each is then cheaper."""
        return sum(self.nats) / sum(self.n_bytes) if sum(self.n_bytes) else math.nan


class Story(Record):
    """The texts of one training, whose weights are known by their hash: the likeliest, and those drawn by chance."""

    weights_sha256: str
    greedy: Likely
    drawn: Likely


class Stories(StoredRecord):
    """The texts of many trainings, read by one larger model; no text of its own is in here."""

    recorded_as: ClassVar[str] = "stories"
    filename: ClassVar[str] = "stories.json"
    made_by: ClassVar[tuple[str, ...]] = (
        "evaluate/stories.py",
        "evaluate/perplexity.py",
        "evaluate/head.py",
        "results/stories.py",
    )

    stories: tuple[Story, ...]
    provenance: Provenance

    def of(self, run: DriftRun) -> Story:
        """What was made of the texts of a training. Raises KeyError where nobody has read them."""
        for story in self.stories:
            if story.weights_sha256 == run.weights_sha256:
                return story
        raise KeyError(f"the texts of {run.spec.architecture.family}, seed {run.spec.seed}, have not been read")


def to_judge(runs: Iterable[DriftRun], *, seed: int = 0) -> str:
    """Every drawn text as a line of JSON, {"id", "prompt", "text"}, in an order that tells nothing of its model.

    The door for a judge, be it a person or a larger model: whoever judges sees no λ, and hands back marks by id.
    """
    rows = {id: {"id": id, "prompt": prompt, "text": text} for id, _, prompt, text in _texts(runs)}
    order = np.random.default_rng(seed).permutation(len(rows))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in (list(rows.values())[k] for k in order))


def judged(runs: Iterable[DriftRun], marks: Mapping[str, float]) -> dict[str, float]:
    """Hash of the weights → mean mark of its texts, `marks` by id.

    Raises InputError where a text has no mark, or a mark is no number.
    """
    found: dict[str, list[float]] = {}
    for id, weights, _, _ in _texts(runs):
        if not math.isfinite(marks.get(id, math.nan)):
            raise InputError(f"the text {id} has no mark: judge every text, and give each a number")
        found.setdefault(weights, []).append(float(marks[id]))
    return {weights: float(np.mean(each)) for weights, each in found.items()}


def _texts(runs: Iterable[DriftRun]):
    """(id, weights, prompt, text) of every drawn text."""
    for run in runs:
        for place, sample in enumerate(run.samples):
            for draw, text in enumerate(sample.drawn):
                told = f"{run.weights_sha256} {place} {draw}"
                yield hashlib.sha256(told.encode()).hexdigest()[:16], run.weights_sha256, sample.prompt, text
