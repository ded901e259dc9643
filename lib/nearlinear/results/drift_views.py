"""Drifts side by side: through training, by λ, with intervals over documents and seeds; and what a lower score is."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .drift import DriftRun
from .drift_looks import Documents, DriftLook, Halves, Probed, Sample, Shape
from .training_views import N_RESAMPLES, Screened

OF_HALVES = ("scores", "update_scores", "unexplained", "size", "error2", "update2", "state2")
"""Measures that stand in a look twice: with and without first tokens."""


def by_term(runs: Iterable[DriftRun]) -> dict[tuple[str, float], list[DriftRun]]:
    """(term, λ) → its runs by seed, from the weakest: ("none", 0) for the plain loss."""
    found: dict[tuple[str, float], list[DriftRun]] = {}
    for run in sorted(runs, key=lambda run: (run.spec.strength, run.spec.seed)):
        term = run.spec.regulariser.kind if run.spec.regulariser else "none"
        found.setdefault((term, run.spec.strength), []).append(run)
    return found


def screened(runs: Iterable[DriftRun]) -> dict[str, Screened]:
    """Family → its rates, from low to high, and their losses on the text for choices; NaN where training broke off."""
    found: dict[str, list[DriftRun]] = {}
    for run in sorted(runs, key=lambda run: run.spec.recipe.lr):
        found.setdefault(run.spec.architecture.family, []).append(run)
    return {
        family: Screened(
            rates=tuple(run.spec.recipe.lr for run in of_family),
            losses=tuple(math.nan if run.stopped else run.chosen_loss for run in of_family),
        )
        for family, of_family in found.items()
    }


def measure(look: DriftLook, name: str, *, first_tokens: bool = False) -> np.ndarray:
    """A measure of one look by name, (L,), (L + 1,) of the cloud, () of the loss and of the terms.

    "in_sample_scores" and "in_sample_update_scores": the paper's way. `first_tokens`: with each window's first token,
    of those that are known both ways (OF_HALVES, and norm_ratio).
    """
    if name in OF_HALVES:
        return np.asarray(getattr(look.every_token if first_tokens else look.no_first_token, name))
    if name.startswith("in_sample_"):
        return np.asarray(getattr(look.in_sample, name.removeprefix("in_sample_")))
    if name == "norm_ratio" and not first_tokens:
        name = "norm_ratio_no_first"
    return np.asarray(getattr(look.shape if name in Shape.model_fields else look, name))


def through(runs: Iterable[DriftRun], name: str, *, first_tokens: bool = False) -> tuple[tuple[int, ...], np.ndarray]:
    """(steps, values (runs, looks, …)) of a measure; NaN after a training broke off.

    Raises ValueError where there are no runs, or they are looked at after different steps.
    """
    runs = list(runs)
    if len({run.spec.looks for run in runs}) != 1:
        raise ValueError("give one run or more, all looked at after the same steps")
    steps = runs[0].spec.looks
    return steps, np.array([_padded([measure(look, name, first_tokens=first_tokens) for look in run.looks], len(steps))
                            for run in runs])  # fmt: skip


def _padded(rows: Sequence[np.ndarray], n: int) -> np.ndarray:
    return np.stack([*rows, *[np.full_like(rows[0], np.nan, dtype=float)] * (n - len(rows))])


@dataclass(frozen=True)
class Split:
    """Why s_Δ differs between two looks, block by block, (L,): log((1 − s_Δ)' / (1 − s_Δ)) = unexplained − size.

    1 − s_Δ = (‖E‖² / ‖Y‖²) / (‖Δ‖² / ‖Y‖²), so its logarithm changes by as much as that of the unexplained share of the
    state, less that of the share that the update has. `unexplained` above 0 says that the block has become less linear;
    `size` below 0, that its update has only become smaller, which lowers s_Δ at the same unexplained part.
    """

    unexplained: np.ndarray
    size: np.ndarray

    @property
    def change(self) -> np.ndarray:
        """Of log(1 − s_Δ): above 0 where s_Δ is lower."""
        return self.unexplained - self.size


def split(before: Halves, after: Halves) -> Split:
    """What a change from one to the other is made of. An exact account, whatever the values are."""
    return Split(
        unexplained=np.log(after.unexplained / before.unexplained),
        size=np.log(after.size / before.size),
    )


def split_of(runs: Sequence[DriftRun], others: Sequence[DriftRun]) -> list[Split]:
    """From each of `others` to the run of the same seed, at the last look, first tokens left out: λ against none.

    Raises ValueError where the seeds differ.
    """
    if [run.spec.seed for run in runs] != [run.spec.seed for run in others]:
        raise ValueError("these trainings have different seeds: pair each with one of its own seed")
    return [
        split(other.looks[-1].no_first_token, run.looks[-1].no_first_token)
        for run, other in zip(runs, others, strict=True)
    ]


def interval(run: DriftRun, name: str, *, seed: int = 0) -> np.ndarray:
    """95 % interval over documents of one of OF_HALVES at the last look, first tokens left out, (L, 2).

    NaN where there are fewer than two documents.
    """
    counts = _resampled(run.documents, seed)
    return _ends(_of_documents(run.documents, name, counts))


def difference(run: DriftRun, other: DriftRun, name: str, *, seed: int = 0) -> np.ndarray:
    """95 % interval of how much higher a measure is than in another run, on the same documents drawn together, (L, 2).

    Raises ValueError where the runs were tested on different text.
    """
    if run.provenance.windows_sha256 != other.provenance.windows_sha256:
        raise ValueError("these trainings were measured on different text: compare runs of one text")
    counts = _resampled(run.documents, seed)
    return _ends(_of_documents(run.documents, name, counts) - _of_documents(other.documents, name, counts))


def loss_interval(run: DriftRun, *, seed: int = 0) -> tuple[float, float]:
    """95 % interval over documents of the held-out loss at the last look."""
    counts = _resampled(run.documents, seed) * np.array(run.documents.windows)
    low, high = _ends((counts @ np.array(run.documents.losses) / counts.sum(1))[None])[0]
    return float(low), float(high)


def accuracy_interval(probed: Probed, *, seed: int = 0) -> np.ndarray:
    """95 % interval over test examples of each state's probe, (L + 1, 2)."""
    right = np.array(probed.right, float)
    n = right.shape[1]
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES)  # (resamples, n)
    return _ends(right @ counts.T / n)


def _resampled(documents: Documents, seed: int) -> np.ndarray:
    """How often each resample draws each document, (resamples, documents)."""
    n = len(documents.tokens)
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES)


def _of_documents(documents: Documents, name: str, counts: np.ndarray) -> np.ndarray:
    """A measure of each resample, (L, resamples)."""
    if name not in OF_HALVES:
        raise ValueError(f"no interval of {name!r}: choose one of {', '.join(OF_HALVES)}")
    weights = counts * np.array(documents.tokens)
    sums = {key: np.array(getattr(documents, key)) @ weights.T / weights.sum(1) for key in Halves.model_fields}
    if len(documents.tokens) < 2:
        sums = {key: np.full_like(value, np.nan) for key, value in sums.items()}
    return {
        **sums,
        "scores": 1 - sums["error2"] / sums["state2"],
        "update_scores": 1 - sums["error2"] / sums["update2"],
        "unexplained": sums["error2"] / sums["state2"],
        "size": sums["update2"] / sums["state2"],
    }[name]


def _ends(values: np.ndarray) -> np.ndarray:
    """(rows, resamples) → (rows, 2)."""
    return np.percentile(values, [2.5, 97.5], axis=1).T


def distinct(texts: Iterable[str], n: int) -> float:
    """distinct-n (Li et al. 2016): different runs of n words over all of them, in all texts together; NaN without any.

    A word is letters, digits and apostrophes, in lower case.
    """
    runs = [
        tuple(words[i : i + n])
        for words in (re.findall(r"[\w']+", text.lower()) for text in texts)
        for i in range(len(words) - n + 1)
    ]
    return len(set(runs)) / len(runs) if runs else math.nan


def distinct_of(samples: Iterable[Sample], n: int) -> tuple[float, float]:
    """distinct-n of what follows the prompts: (greedy, drawn by chance)."""
    samples = list(samples)
    drawn = [text for sample in samples for text in sample.drawn]
    return distinct([sample.greedy for sample in samples], n), distinct(drawn, n)
