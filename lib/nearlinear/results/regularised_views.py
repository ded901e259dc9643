"""Trainings with a term beside those without: by term and λ, seed against seed, at equal loss and at equal update size.

Everything is paired by seed: two runs of one seed begin with the same weights and read the same text in the same order,
so that λ alone differs.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from .drift import DriftRun
from .drift_groups import Change, over_blocks
from .drift_views import by_term, through
from .training_views import N_RESAMPLES

Setting = tuple[str, float]
"""(term, λ)"""

Runs = Sequence[DriftRun]
Grid = Mapping[Setting, Runs]

NONE: Setting = ("none", 0.0)
PAPERS: Setting = ("cosine", 0.5)
"""What section 4 of arXiv 2405.12250 found best."""


def grid_of(runs: Iterable[DriftRun]) -> dict[Setting, list[DriftRun]]:
    """Setting → its runs by seed: without a term first, then cosine and squared, each from its weakest λ.

    Raises ValueError where there is no run without a term, where a setting lacks a seed, and where runs differ in more
    than their term and their seeds.
    """
    found = by_term(runs)
    if NONE not in found:
        raise ValueError("there is no training without a term to compare with: give the runs of λ = 0 as well")
    if len({_shared(run) for each in found.values() for run in each}) > 1:
        raise ValueError("these trainings differ in more than their term and their seeds: show one family at a time")
    seeds = seeds_of(found[NONE])
    for (term, strength), each in found.items():
        if seeds_of(each) != seeds:
            raise ValueError(f"the {term} term at λ = {strength:g} has other seeds than no term: give the same of both")
    return {NONE: found.pop(NONE), **dict(sorted(found.items()))}


def _shared(run: DriftRun) -> str:
    return run.spec.model_dump_json(exclude={"seed", "order_seed", "regulariser"})


def seeds_of(runs: Runs) -> list[int]:
    return [run.spec.seed for run in runs]


def terms_of(grid: Grid) -> list[str]:
    """The terms that are there, no term left out."""
    return list(dict.fromkeys(term for term, _ in grid if term != "none"))


def at_end(runs: Runs, name: str, *, first_tokens: bool = False) -> np.ndarray:
    """A measure at the last look, (seeds, …); NaN where training broke off."""
    values = through(runs, name, first_tokens=first_tokens)[1][:, -1].copy()
    values[[bool(run.stopped) for run in runs]] = np.nan
    return values


def gaps(runs: Runs, plain: Runs, name: str, *, first_tokens: bool = False) -> np.ndarray:
    """How much higher a measure is at the end than without a term, seed by seed, (seeds, …)."""
    if seeds_of(runs) != seeds_of(plain):
        raise ValueError("these trainings have different seeds: pair each with one of its own seed")
    ours, theirs = (at_end(each, name, first_tokens=first_tokens) for each in (runs, plain))
    return ours - theirs


def gap(runs: Runs, plain: Runs, name: str, *, first_tokens: bool = False) -> Change:
    """The same of the mean over blocks, with its interval over seeds."""
    values = gaps(runs, plain, name, first_tokens=first_tokens)
    return Change(tuple(values.reshape(len(values), -1).mean(1).tolist()))


def account(runs: Runs, plain: Runs) -> np.ndarray:
    """Why s_Δ is another than without a term: (2, seeds, L), the changes of log(‖E‖²/‖Y‖²) and of log(‖Δ‖²/‖Y‖²).

    log(1 − s_Δ) changes by the first less the second (the identity (1 − s_Δ) ‖Δ‖² = (1 − s) ‖Y‖²): more is unexplained,
    or the update is smaller. First tokens left out.
    """
    return np.stack([np.log(at_end(runs, name)) - np.log(at_end(plain, name)) for name in ("unexplained", "size")])


def parts(runs: Runs, plain: Runs) -> tuple[Change, Change]:
    """Both parts, means over blocks: the unexplained share, and the size with its sign turned. They add up."""
    unexplained, size = account(runs, plain).mean(2)
    return Change(tuple(unexplained.tolist())), Change(tuple((-size).tolist()))


def crossing(x: Sequence[float], y: Sequence[float], at: float) -> float:
    """y where the path (x, y) first reaches x = `at`, on the straight line between two of its points; NaN if never."""
    for (x0, y0), (x1, y1) in zip(zip(x, y, strict=True), zip(x[1:], y[1:], strict=True), strict=False):
        if min(x0, x1) <= at <= max(x0, x1):
            return float(y0 if x1 == x0 else y0 + (y1 - y0) * (at - x0) / (x1 - x0))
    return float("nan")


def common_loss(grid: Grid) -> float:
    """The lowest held-out loss that every training comes down to; those that broke off are left out."""
    return max(min(look.loss for look in run.looks) for each in grid.values() for run in each if not run.stopped)


def at_loss(runs: Runs, name: str, loss: float) -> np.ndarray:
    """Mean over blocks of a measure where a training first has this held-out loss, (seeds,); NaN where it never has."""
    return np.array(
        [
            crossing([look.loss for look in run.looks], over_blocks([run], name)[1][0][: len(run.looks)], loss)
            for run in runs
        ]
    )


def sizes_and(grid: Grid, term: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """log of the mean ‖Δ‖²/‖Y‖² and the mean of a measure at the end, from λ = 0 upwards: (settings, seeds) each."""
    at = [grid[setting] for setting in grid if setting == NONE or setting[0] == term]
    return tuple(
        np.stack([of(at_end(each, what).mean(1)) for each in at]) for what, of in (("size", np.log), (name, np.asarray))
    )


def at_equal_size(grid: Grid, name: str, setting: Setting = PAPERS, other: str = "squared") -> Change:
    """How much higher a measure is under `setting` than under the `other` term at the same update size, by seed.

    The other term's measure is read between its λ, on a straight line over log size; NaN where it has no such size.
    """
    sizes, values = sizes_and(grid, other, name)
    mine, size = (at_end(grid[setting], what).mean(1) for what in (name, "size"))
    there = [crossing(sizes[:, k], values[:, k], np.log(size[k])) for k in range(len(mine))]
    return Change(tuple((mine - there).tolist()))


def answered(runs: Runs, kind: str) -> dict[int, np.ndarray]:
    """Seed → whether each question of a kind was answered right, (n,); those that answered none are left out."""
    return {run.spec.seed: np.array(one.right, float) for run in runs for one in run.asked if one.kind == kind}


def kinds_of(grid: Grid) -> list[str]:
    """The kinds of questions that were asked."""
    return list(dict.fromkeys(one.kind for each in grid.values() for run in each for one in run.asked))


def read_out(runs: Runs, at: int = -1) -> dict[int, np.ndarray]:
    """Seed → whether each test example is read out of each state, (L + 1, n); `at`: which of the probed looks."""
    return {run.spec.seed: np.array(run.probed[at].right, float) for run in runs if run.probed and not run.stopped}


def gained(ours: Mapping[int, np.ndarray], plain: Mapping[int, np.ndarray]) -> np.ndarray:
    """Right answers more or fewer than without a term, item by item: (seeds, …, n), of the seeds that both have.

    Raises ValueError where the items are not as many.
    """
    both = sorted(ours.keys() & plain.keys())
    if len({each[seed].shape for each in (ours, plain) for seed in both}) > 1:
        raise ValueError("these answers are to different items: compare runs that were asked the same")
    return np.array([ours[seed] - plain[seed] for seed in both])


def over_items(values: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """95 % percentile interval of the mean over seeds and items, (seeds, …, n) → (…, 2).

    Items are drawn anew, seeds stay as they are. NaN where there are no seeds, or one item.
    """
    if len(values) == 0 or values.shape[-1] < 2:
        return np.full((*values.shape[1:-1], 2), np.nan)
    n = values.shape[-1]
    return np.moveaxis(np.percentile(values.mean(0) @ _resampled(n, seed).T / n, [2.5, 97.5], axis=-1), 0, -1)


@lru_cache(maxsize=4)
def _resampled(n: int, seed: int) -> np.ndarray:
    """How often each resample draws each item, (resamples, n): a page asks hundreds of times."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES).astype(float)
