"""Trainings at two depths side by side: what more blocks change, for whom they change it more, and what they cost."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from .counting import training
from .sizes import Sizes
from .training import Block, TrainingRun
from .training_views import (
    N_RESAMPLES,
    Difference,
    Runs,
    by_block,
    check_alike,
    difference,
    document_differences,
    loss_after,
    losses,
    paired,
)

Blocks = dict[Block, list[TrainingRun]]
"""Block → its runs, by seed."""


@dataclass(frozen=True)
class Deepened:
    """The same blocks trained shallow and deep, with the same seeds on the same windows (Fig. 6 of arXiv 2311.01906).

    A change is the loss of the deep model minus that of the shallow one with the same seed, nats a token: below zero
    where depth helps.
    """

    shallow: Blocks
    deep: Blocks

    @property
    def depths(self) -> tuple[int, int]:
        """Blocks of the shallow models and of the deep ones."""
        return tuple(_one(each).spec.architecture.L for each in (self.shallow, self.deep))

    @property
    def runs(self) -> list[TrainingRun]:
        """Every run: the shallow ones first, by block and seed."""
        return [run for blocks in (self.shallow, self.deep) for each in blocks.values() for run in each]

    def change(self, block: Block) -> Difference:
        """What depth does to the loss of a block, seed by seed and file by file."""
        return difference(self.deep[block], self.shallow[block])

    def beside(self, block: Block, base: Block) -> Difference:
        """The change of a block minus that of another: below zero where depth helps it more. An interaction.

        `low`, `high`: 95 % percentile interval of 2,000 resamples of documents, of means over seeds; NaN where there
        are fewer than two documents or a training broke off.
        """
        of, other = ((self.deep[b], self.shallow[b]) for b in (block, base))
        seeds = paired(*of) - paired(*other)
        each = document_differences(*of) - document_differences(*other)
        return Difference(tuple(seeds.tolist()), *over_files(each, seeds, _one(self.deep).document_tokens))


def _one(blocks: Mapping[Block, Runs]) -> TrainingRun:
    return next(iter(blocks.values()))[0]


def over_files(each: np.ndarray, seeds: np.ndarray, tokens: Iterable[int], *, seed: int = 0) -> tuple[float, float]:
    """The interval of a mean over documents, (documents,), that weigh as many `tokens`; as `difference` has it."""
    weights = np.array(tokens)
    n = len(weights)
    if n < 2 or not np.isfinite(each).all() or not np.isfinite(seeds).all():
        return math.nan, math.nan
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES) * weights
    low, high = np.percentile((counts @ each) / counts.sum(1), [2.5, 97.5])
    return float(low), float(high)


def deepened(runs: Iterable[TrainingRun]) -> Deepened:
    """Runs of two depths, set side by side.

    Raises ValueError where they differ in more than block, depth, rate and seed; where there are not two depths; and
    where a block lacks a depth or a seed.
    """
    runs = list(runs)
    check_depths(runs)
    depths = sorted({run.spec.architecture.L for run in runs})
    if len(depths) != 2:
        told = ", ".join(map(str, depths))
        raise ValueError(f"depth is judged by two depths, and here is {told}: give shallow and deep models")
    shallow, deep = (by_block(run for run in runs if run.spec.architecture.L == L) for L in depths)
    seeds = {tuple(run.spec.seed for run in each) for blocks in (shallow, deep) for each in blocks.values()}
    if shallow.keys() != deep.keys() or len(seeds) > 1:
        raise ValueError("a block lacks a depth or a seed here: give every block with the same seeds at both depths")
    return Deepened(shallow, deep)


def check_depths(runs: Runs) -> None:
    """Raise ValueError where runs differ in more than block, depth, rate and seed."""
    if not runs:
        check_alike(runs)
    free = {"architecture": {"block", "L"}, "recipe": {"lr"}, "seed": True, "order_seed": True}
    if len({run.spec.model_dump_json(exclude=free) for run in runs}) > 1:
        raise ValueError("these trainings differ in width, text or steps: only block, depth, rate and seed may differ")
    if len({run.provenance.windows_sha256 for run in runs}) > 1:
        raise ValueError("these trainings read other windows of text: they cannot be compared")


def step_operations(run: TrainingRun) -> float:
    """Operations of one training step in matrix products, by `counting.training`: norms and the optimiser left out."""
    shape = run.spec.architecture
    sizes = Sizes(L=shape.L, d=shape.d, h=shape.h, V=run.vocabulary, f=shape.d_ff, P=shape.T)
    return training(shape.block, sizes, shape.T) * run.spec.recipe.batch * shape.T


def total_operations(run: TrainingRun) -> float:
    """Operations of a whole training, had it not broken off."""
    return run.spec.recipe.steps * step_operations(run)


def equal_operations(pair: Deepened) -> dict[Block, tuple[float, np.ndarray]]:
    """Block → (steps, change of each seed) where a deep model has had as many operations as its shallow one in all.

    The deep model is caught there long before its rate is down to nothing, which makes it look worse.
    """
    found = {}
    for block, deep in pair.deep.items():
        steps = total_operations(pair.shallow[block][0]) / step_operations(deep[0])
        found[block] = steps, np.array([loss_after(run, steps) for run in deep]) - losses(pair.shallow[block])
    return found


def short_and_deep(screen: Iterable[TrainingRun], pair: Deepened) -> dict[Block, tuple[float, float]]:
    """Block → (operations as a share of the shallow model's, change) of a short deep training with its own schedule.

    It is that of the screen at the rate of the long deep runs, held-out loss minus the mean of the shallow models.
    Blocks that were not tried at this rate are left out.
    """
    found = {}
    for run in screen:
        block = run.spec.architecture.block
        if block in pair.deep and run.spec.recipe.lr == pair.deep[block][0].spec.recipe.lr:
            share = total_operations(run) / total_operations(pair.shallow[block][0])
            found[block] = share, run.loss - float(losses(pair.shallow[block]).mean())
    return found


def tried_losses(screen: Iterable[TrainingRun]) -> dict[Block, dict[float, float]]:
    """Block → rate → loss on the text for choices: NaN where training broke off."""
    return {
        block: {run.spec.recipe.lr: math.nan if run.stopped else run.chosen_loss for run in each}
        for block, each in by_block(screen).items()
    }


def changes_at_rates(shallow: Iterable[TrainingRun], deep: Iterable[TrainingRun]) -> dict[Block, dict[float, float]]:
    """Block → rate → loss of the deep model minus that of the shallow one at this rate, from screens of both depths.

    Rates that were tried at one depth alone are left out. Raises ValueError as `check_depths` does.
    """
    shallow, deep = list(shallow), list(deep)
    check_depths([*shallow, *deep])
    other = tried_losses(shallow)
    return {
        block: {rate: loss - other[block][rate] for rate, loss in each.items() if rate in other.get(block, {})}
        for block, each in tried_losses(deep).items()
    }
