"""Finetunings side by side: by task, by how they began and by block; which rate is best; and which of them broke."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .finetuning import FinetuneRun, FinetuneSpec
from .finetuning_specs import SCRATCH
from .training import Block, TrainingRun
from .training_specs import SIX
from .training_views import Screened

How = Literal["pretrained", "scratch", "shuffled"]
"""After pretraining, from fresh weights, or after pretraining on labels dealt out anew."""

Finetuned = Sequence[FinetuneRun]

ByTask = Mapping[str, Mapping[How, Mapping[Block, Finetuned]]]


def how_of(spec: FinetuneSpec) -> How:
    return "shuffled" if spec.labels == "shuffled" else spec.start


def block_of(run: FinetuneRun) -> Block:
    return run.spec.model.architecture.block


def by_task(runs: Iterable[FinetuneRun]) -> ByTask:
    """Task → how it began → block → its runs, by seed. Raises ValueError where the runs cannot stand side by side."""
    runs = list(runs)
    check_alike(runs)
    found: dict[str, dict[How, dict[Block, list[FinetuneRun]]]] = {}
    for run in sorted(runs, key=lambda r: (SIX.index(block_of(r)) if block_of(r) in SIX else len(SIX), r.spec.seed)):
        blocks = found.setdefault(run.spec.task, {}).setdefault(how_of(run.spec), {})
        blocks.setdefault(block_of(run), []).append(run)
    return found


def check_alike(runs: Finetuned) -> None:
    """Raise ValueError where finetunings differ in more than model, task, start, labels, rate and seed, or are none."""
    if not runs:
        raise ValueError("there is no finetuning to show: give one run or more")
    free = {"model": True, "pretrained": True, "task": True, "labels": True, "recipe": {"lr"}, "seed": True}
    shapes = {(run.spec.model.architecture.L, run.spec.model.architecture.d) for run in runs}
    if len({run.spec.model_dump_json(exclude=free) for run in runs}) > 1 or len(shapes) > 1:
        raise ValueError("these finetunings differ in steps, batch, length of texts or size of the model")


def check_started(trained: Iterable[TrainingRun], runs: Iterable[FinetuneRun]) -> None:
    """Raise ValueError where a finetuning began with other weights than its model had at the end of its training.

    Runs from scratch, and such whose training is not here, are let pass.
    """
    ends = {run.spec.model_dump_json(): run.weights_sha256 for run in trained}
    for run in runs:
        wanted = ends.get(run.spec.model.model_dump_json())
        if run.spec.pretrained is None and wanted not in (None, run.provenance.model.sha256):
            raise ValueError(
                f"the finetuning of {block_of(run)}, seed {run.spec.seed}, began with other weights than those that "
                "its training ended with: finetune again"
            )


def screen_key(run: FinetuneRun) -> str:
    """Whose rate a run of the screen tries: a block's, or that of all that learn from scratch."""
    return SCRATCH if run.spec.start == "scratch" else block_of(run)


def screened_rates(runs: Iterable[FinetuneRun]) -> dict[str, Screened]:
    """Block, or "scratch" → its rates and, as losses, the share of wrong answers on the part for choices.

    Those from scratch are averaged over blocks. NaN where a training broke off.
    """
    tried: dict[str, dict[float, list[float]]] = {}
    for run in runs:
        tried.setdefault(screen_key(run), {}).setdefault(run.spec.recipe.lr, []).append(1 - run.chosen_accuracy)
    return {
        key: Screened(rates=tuple(sorted(each)), losses=tuple(math.fsum(each[r]) / len(each[r]) for r in sorted(each)))
        for key, each in tried.items()
    }


def best_rates(runs: Iterable[FinetuneRun]) -> dict[str, float]:
    """Block, or "scratch" → the rate that was right most often; the lowest of several that were."""
    return {key: one.rate for key, one in screened_rates(runs).items()}


@dataclass(frozen=True)
class Breaks:
    """Of `n` finetunings: how many broke off, in how many of these some text's loss was no number, and how many texts
    those were in the first such step; and how many answers to test examples are no number."""

    n: int
    stopped: int
    no_number: int
    texts: tuple[tuple[int, int], ...]
    answers: int

    @property
    def any(self) -> bool:
        return bool(self.stopped or self.no_number or self.answers)


def breaks(runs: Finetuned) -> Breaks:
    """What broke, counted. `texts` of the result: (texts, batch) of every run in which a loss was no number."""
    broken = [run.broken for run in runs if run.broken is not None]
    return Breaks(
        n=len(runs),
        stopped=sum(bool(run.stopped) for run in runs),
        no_number=len(broken),
        texts=tuple((each.texts, each.batch) for each in broken),
        answers=sum(run.test_broken for run in runs),
    )
