"""Finetunings side by side: how much a score has risen, by block and seed, and how much more than in the controls."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .drift_looks import Halves
from .drift_views import OF_HALVES, Split, split
from .training_views import N_RESAMPLES
from .tuning import ByName, TuneSpec, TuningRun
from .tuning_looks import DocumentSums, TuningLook
from .tuning_specs import LESSONS

STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
"""Degrees of freedom → the 97.5 % point of Student's t."""

Runs = Sequence[TuningRun]


def lesson_of(spec: TuneSpec) -> str:
    """What is learnt, by its name in LESSONS; "film-adapters" and the like where adapters learn it.

    Raises ValueError for what has no name there.
    """
    for name, learns in LESSONS.items():
        if learns == spec.learns:
            return name if spec.rank is None else f"{name}-adapters"
    raise ValueError(f"the lesson {spec.learns!r} has no name: it is none of {', '.join(LESSONS)}")


def model_of(spec: TuneSpec) -> str:
    """The model's name, or the family of one that was trained here."""
    return spec.model.name if isinstance(spec.model, ByName) else spec.model.spec.architecture.family


def by_model(runs: Iterable[TuningRun]) -> dict[str, list[TuningRun]]:
    """Model → its runs, in their order."""
    found: dict[str, list[TuningRun]] = {}
    for run in runs:
        found.setdefault(model_of(run.spec), []).append(run)
    return found


def by_lesson(runs: Iterable[TuningRun]) -> dict[str, list[TuningRun]]:
    """Lesson → its runs, by seed, in the order of LESSONS. Raises ValueError for such as cannot stand together."""
    runs = list(runs)
    check_alike(runs)
    names = [name + end for end in ("", "-adapters") for name in LESSONS]
    found: dict[str, list[TuningRun]] = {}
    for run in sorted(runs, key=lambda run: (names.index(lesson_of(run.spec)), run.spec.seed)):
        found.setdefault(lesson_of(run.spec), []).append(run)
    return found


def check_alike(runs: Runs) -> None:
    """Raise ValueError where runs are of different models, steps or measured text, or there are none."""
    if not runs:
        raise ValueError("there is no finetuning to show: give one run or more")
    if len({(model_of(run.spec), run.spec.recipe.steps, run.provenance.windows_sha256) for run in runs}) > 1:
        raise ValueError("these finetunings are of different models, steps or measured text: compare those of one")


def measure(look: TuningLook, name: str, *, first_tokens: bool = False) -> np.ndarray:
    """A measure of one look by name, (L,); () of the loss and the accuracy.

    "in_sample_scores" and "in_sample_update_scores": as the paper has them. `first_tokens`: with each window's first
    token, of those that are known both ways (OF_HALVES, and norm_ratio).
    """
    if name in OF_HALVES:
        return np.asarray(getattr(look.every_token if first_tokens else look.no_first_token, name))
    if name.startswith("in_sample_"):
        return np.asarray(getattr(look.in_sample, name.removeprefix("in_sample_")))
    if name == "norm_ratio" and not first_tokens:
        name = "norm_ratio_no_first"
    return np.asarray(getattr(look, name))


def through(runs: Runs, name: str, *, first_tokens: bool = False) -> tuple[tuple[int, ...], np.ndarray]:
    """(steps, values (runs, looks, …)) of a measure; NaN after a finetuning broke off.

    Raises ValueError where there are no runs, or they are looked at after different steps.
    """
    if len({run.spec.looks for run in runs}) != 1:
        raise ValueError("give one run or more, all looked at after the same steps")
    steps = runs[0].spec.looks
    values = [[measure(look, name, first_tokens=first_tokens) for look in run.looks] for run in runs]
    blank = np.full_like(values[0][0], np.nan, dtype=float)
    return steps, np.array([[*rows, *[blank] * (len(steps) - len(rows))] for rows in values])


def risen(run: TuningRun, name: str = "update_scores", *, first_tokens: bool = False) -> np.ndarray:
    """By how much a measure is higher after than before, (L,); NaN where the finetuning broke off."""
    before, after = (measure(look, name, first_tokens=first_tokens) for look in (run.before, run.after))
    return np.full_like(before, np.nan, dtype=float) if run.stopped else after - before


@dataclass(frozen=True)
class OverSeeds:
    """A number, or one a block, of every seed (seeds, …), their mean, and what Student's t makes of them.

    `low`, `high`: 95 % interval for the mean of all seeds that there could be; NaN for one seed. With few seeds it is
    wide, and that is what few seeds say.
    """

    values: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        return self.values.mean(0)

    @property
    def over_blocks(self) -> "OverSeeds":
        """The mean over blocks of each seed, (seeds,): Table 1 prints one number a model."""
        return OverSeeds(self.values.mean(1))

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation over seeds: what Table 1 prints behind ±."""
        return np.full_like(self.mean, np.nan) if len(self.values) < 2 else self.values.std(0, ddof=1)

    @property
    def low(self) -> np.ndarray:
        return self.mean - self._half

    @property
    def high(self) -> np.ndarray:
        return self.mean + self._half

    @property
    def _half(self) -> np.ndarray:
        n = len(self.values)
        return STUDENT.get(n - 1, 1.96 + 2.7 / max(n - 1, 1)) * self.spread / n**0.5

    @property
    def above(self) -> np.ndarray:
        """Whether every seed, and the interval, lie above 0."""
        return (self.values > 0).all(0) & (self.low > 0)

    @property
    def below(self) -> np.ndarray:
        """Whether every seed, and the interval, lie below 0."""
        return (self.values < 0).all(0) & (self.high < 0)


def rise(runs: Runs, name: str = "update_scores", *, first_tokens: bool = False) -> OverSeeds:
    """How much a measure has risen in every block, (seeds, L). Runs that broke off are left out.

    Raises ValueError where none is left.
    """
    return OverSeeds(np.stack([risen(run, name, first_tokens=first_tokens) for run in _ended(runs)]))


def _ended(runs: Runs) -> Runs:
    ended = [run for run in runs if not run.stopped]
    if not ended:
        raise ValueError("none of these finetunings came to its end: take a lower rate")
    return ended


def against(runs: Runs, controls: Runs, name: str = "update_scores", *, first_tokens: bool = False) -> OverSeeds:
    """How much more a measure has risen than in the control of the same seed, (seeds, L).

    Pairs of which one broke off are left out. Raises ValueError where seeds or models differ.
    """
    if [run.spec.seed for run in runs] != [run.spec.seed for run in controls]:
        raise ValueError("these finetunings have different seeds: pair each with one of its own seed")
    pairs = [pair for pair in zip(runs, controls, strict=True) if not any(run.stopped for run in pair)]
    if any(run.provenance.model.sha256 != other.provenance.model.sha256 for run, other in pairs):
        raise ValueError("these finetunings began with different models: pair each with one of its own")
    _ended([run for run, _ in pairs])
    return OverSeeds(
        np.stack([np.subtract(*(risen(run, name, first_tokens=first_tokens) for run in pair)) for pair in pairs])
    )


def why(run: TuningRun) -> Split:
    """What the rise is made of, block by block: less that no map explains, or larger updates. First tokens left out."""
    return split(run.before.no_first_token, run.after.no_first_token)


def over_documents(run: TuningRun, name: str = "update_scores", *, seed: int = 0) -> np.ndarray:
    """95 % interval of the rise of one of OF_HALVES, over documents drawn together before and after, (L + 1, 2).

    Of each block, and of their mean. NaN where there are fewer than two documents. First tokens are left out.
    """
    before, after = (look.documents for look in (run.before, run.after))
    n = len(before.tokens)
    if n < 2:
        return np.full((len(before.error2) + 1, 2), np.nan)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES)  # (resamples, documents)
    found = _of_documents(after, name, counts) - _of_documents(before, name, counts)  # (L, resamples)
    return np.percentile(np.vstack([found, found.mean(0)]), [2.5, 97.5], axis=1).T


def _of_documents(documents: DocumentSums, name: str, counts: np.ndarray) -> np.ndarray:
    """A measure of each resample, (L, resamples)."""
    if name not in OF_HALVES:
        raise ValueError(f"no interval of {name!r}: choose one of {', '.join(OF_HALVES)}")
    weights = counts * np.array(documents.tokens)
    sums = {key: np.array(getattr(documents, key)) @ weights.T / weights.sum(1) for key in Halves.model_fields}
    return getattr(Halves.model_construct(**sums), name)


def accuracies(runs: Runs) -> OverSeeds:
    """How often each seed is right on the test, (seeds,). Raises ValueError where there is nothing to answer."""
    found = [run.accuracy for run in _ended(runs) if run.right]
    if not found:
        raise ValueError("these finetunings answer nothing: take some that learn labels or preferences")
    return OverSeeds(np.array(found))


def accuracy_interval(run: TuningRun, *, seed: int = 0) -> tuple[float, float]:
    """95 % interval over groups of test examples; NaN where there is nothing to answer."""
    if not run.right:
        return (float("nan"),) * 2
    starts, n = np.cumsum([0, *run.groups[:-1]]), len(run.groups)
    sums = np.add.reduceat(np.array(run.right, float), starts)  # (groups,)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES)  # (resamples, groups)
    low, high = np.percentile(counts @ sums / (counts @ np.array(run.groups)), [2.5, 97.5])
    return float(low), float(high)
