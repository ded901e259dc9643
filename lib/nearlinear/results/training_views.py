"""Trainings side by side: by block and seed, at equal steps and in equal time, and which rate of a screen is best."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .training import Block, TrainingRun
from .training_specs import SIX

Runs = Sequence[TrainingRun]

N_RESAMPLES = 2000


def by_block(runs: Iterable[TrainingRun]) -> dict[Block, list[TrainingRun]]:
    """Block → its runs, by seed and rate. Raises ValueError where the runs cannot stand side by side, or are none."""
    runs = list(runs)
    check_alike(runs)
    found: dict[Block, list[TrainingRun]] = {}
    for run in sorted(runs, key=lambda r: (_place(r), r.spec.seed, r.spec.recipe.lr)):
        found.setdefault(run.spec.architecture.block, []).append(run)
    return found


def _place(run: TrainingRun) -> int:
    block = run.spec.architecture.block
    return SIX.index(block) if block in SIX else len(SIX)


def check_alike(runs: Runs) -> None:
    """Raise ValueError where runs differ in more than block, rate, seed and the width of their MLP."""
    if not runs:
        raise ValueError("there is no training to show: give one run or more")
    if len({_shared(run) for run in runs}) > 1:
        raise ValueError("these trainings differ in size, text or steps: only block, rate and seed may differ")
    if len({run.provenance.windows_sha256 for run in runs}) > 1:
        raise ValueError("these trainings read other windows of text: they cannot be compared")


def _shared(run: TrainingRun) -> str:
    spec = run.spec
    free: dict[str, Any] = {"architecture": {"block", "d_ff"}, "recipe": {"lr"}, "seed": True, "order_seed": True}
    return spec.model_dump_json(exclude=free)


def losses(runs: Runs) -> np.ndarray:
    """Held-out loss at the end of each run, (seeds,); NaN where training broke off."""
    return np.array([run.loss for run in runs])


def paired(runs: Runs, others: Runs) -> np.ndarray:
    """Loss of each run minus that of the other with the same seed, (seeds,). Raises ValueError for other seeds."""
    if [run.spec.seed for run in runs] != [run.spec.seed for run in others]:
        raise ValueError("these trainings have different seeds: pair each with one of its own seed")
    return losses(runs) - losses(others)


@dataclass(frozen=True)
class Difference:
    """Of two blocks, in nats a token: `seeds`, one number each; `low`, `high`: 95 % interval over documents.

    The seeds say how much another draw of weights and order changes it; the interval, how much other files would.
    """

    seeds: tuple[float, ...]
    low: float
    high: float

    @property
    def mean(self) -> float:
        return float(np.mean(self.seeds))

    @property
    def worse(self) -> bool:
        """Whether the loss is higher with every seed, and the interval lies above zero."""
        return min(self.seeds) > 0 and self.low > 0

    @property
    def better(self) -> bool:
        return max(self.seeds) < 0 and self.high < 0


def difference(runs: Runs, others: Runs, *, seed: int = 0) -> Difference:
    """How much higher the loss of `runs` is than that of `others`, paired by seed and by document.

    The interval is the percentile interval of 2,000 resamples of documents, of differences averaged over seeds; NaN
    where there are fewer than two documents or a training broke off. Raises ValueError as `paired` does.
    """
    seeds = tuple(paired(runs, others).tolist())
    each, weights = document_differences(runs, others), np.array(runs[0].document_tokens)
    n = len(weights)
    if n < 2 or not np.isfinite(each).all() or not np.isfinite(seeds).all():
        return Difference(seeds, math.nan, math.nan)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES) * weights
    low, high = np.percentile((counts @ each) / counts.sum(1), [2.5, 97.5])
    return Difference(seeds, float(low), float(high))


def document_differences(runs: Runs, others: Runs) -> np.ndarray:
    """The same document by document, mean over seeds, (documents,)."""
    return np.mean([np.subtract(a.document_losses, b.document_losses) for a, b in zip(runs, others, strict=True)], 0)


def held_out_curves(runs: Runs) -> tuple[np.ndarray, np.ndarray]:
    """(steps (looks,), losses (runs, looks)): NaN after a training broke off."""
    steps = runs[0].spec.looks
    found = [dict(zip(*run.held_out, strict=True)) for run in runs]
    return np.array(steps), np.array([[one.get(step, math.nan) for step in steps] for one in found])


def training_curves(runs: Runs, span: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(steps (k,), losses (runs, k)): mean training loss over the last `span` steps, which are even places.

    `span`: a multiple of the specification's `every`, that by default. NaN after a training broke off.
    """
    spec = runs[0].spec
    span = span or spec.every
    steps = np.array([step for step in spec.stops if step % span == 0 or step == spec.recipe.steps])
    return steps, np.array([_averaged(run, steps) for run in runs])


def _averaged(run: TrainingRun, steps: np.ndarray) -> np.ndarray:
    """Mean training loss between `steps`; a run's own means are over uneven stretches, each counts by its length."""
    total = np.cumsum(np.array(run.losses) * np.diff(run.steps, prepend=0))
    known = dict(zip((0, *run.steps), (0.0, *total), strict=True))
    sums = np.array([0.0, *(known.get(step, math.nan) for step in steps)])
    return np.diff(sums) / np.diff(steps, prepend=0)


def loss_after(run: TrainingRun, step: float) -> float:
    """Held-out loss after so many steps, in a straight line between looks; NaN beyond the end."""
    steps, values = run.held_out
    return float(np.interp(step, steps, values, right=math.nan)) if steps else math.nan


def step_reaching(run: TrainingRun, loss: float) -> float:
    """After how many steps the held-out loss is first as low as `loss`, between looks; NaN where it never is."""
    steps, values = run.held_out
    for k, value in enumerate(values):
        if value <= loss:
            before, at = steps[max(k - 1, 0)], steps[k]
            share = (values[k - 1] - loss) / (values[k - 1] - value) if k else 1.0
            return before + share * (at - before)
    return math.nan


def equal_time(blocks: Mapping[Block, Runs], seconds: Mapping[Block, float]) -> dict[Block, tuple[float, np.ndarray]]:
    """Block → (steps, loss of each run) in the time in which the quickest block ends its last step.

    `seconds`: of a step, by block. A slower block is caught before its rate is down to nothing, which
    makes it look worse.
    """
    known = {block: runs for block, runs in blocks.items() if block in seconds}
    limit = min(seconds[block] * runs[0].spec.recipe.steps for block, runs in known.items())
    steps = {block: limit / seconds[block] for block in known}
    return {
        block: (steps[block], np.array([loss_after(run, steps[block]) for run in runs]))
        for block, runs in known.items()
    }


@dataclass(frozen=True)
class Screened:
    """One block's rates, from low to high, and its losses on the text for choices: NaN where training broke off."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def best(self) -> int:
        """The place of the best rate. Raises ValueError where every training broke off."""
        return int(np.nanargmin(self.losses))

    @property
    def rate(self) -> float:
        return self.rates[self.best]

    @property
    def edge(self) -> str:
        """Where the best rate is the "lowest" or "highest" tried, so that a better one may lie beyond; else empty."""
        return {0: "lowest", len(self.rates) - 1: "highest"}.get(self.best, "")


def screened(runs: Iterable[TrainingRun]) -> dict[Block, Screened]:
    """Block → what its rates gave."""
    return {
        block: Screened(
            rates=tuple(run.spec.recipe.lr for run in of_block),
            losses=tuple(math.nan if run.stopped else run.chosen_loss for run in of_block),
        )
        for block, of_block in by_block(runs).items()
    }
