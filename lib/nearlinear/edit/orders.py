"""In which order to change the blocks of a model, and by what: nothing here runs a model.

A measure gives one number a block, and the block with the least goes first. Equal blocks go from the shallowest on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nearlinear.errors import InputError
from nearlinear.results.types import HeldOutScores, LinearityProfile

Measure = Callable[[LinearityProfile], np.ndarray]
"""One number a block, (L,): the block with the least is changed first. NaN where it cannot be told."""

ORDERS = {
    "score": "the most linear block first, by the score of arXiv 2405.12250",
    "heldout": "the most linear update first, on held-out text without massive tokens (ours)",
    "energy": "the least unexplained update first, as a share of the state, held out without massive tokens (ours)",
    "bi": "the least block influence first: 1 - cos of the states before and after (ShortGPT, arXiv 2403.03853)",
    "angular": "the run of blocks across which the state turns least (arXiv 2403.17887, section 3.2)",
    "greedy": "at each step the block whose change costs the least calibration loss (SLEB, arXiv 2402.09025)",
    "last": "the deepest block first, the very last one kept (arXiv 2403.17887, section 4.4)",
    "random": "blocks drawn at random, by a seed",
}
"""Every order by its name: what it is, and whose."""


@dataclass(frozen=True)
class Plan:
    """Which blocks are changed when 1, 2, … are: `steps[k - 1]` has k of them, sorted.

    In most orders a step is the one before and a block more. Runs ("angular") need not be: the best run of five blocks
    may lie elsewhere than the best of four.
    """

    name: str
    steps: tuple[tuple[int, ...], ...]


def nested(name: str, order: Sequence[int]) -> Plan:
    """The plan that changes the blocks of `order` one after another."""
    return Plan(name, tuple(tuple(sorted(order[:k])) for k in range(1, len(order) + 1)))


def unscored(profile: LinearityProfile) -> np.ndarray:
    """1 - score, in sample and of all tokens: the paper's measure (section 5; of its two scores we take the first).

    By the identity (1 - score) ‖Y‖² = ‖E‖² this is the unexplained update energy ‖E‖² / ‖Y‖². So the paper's order is
    that of `unexplained_energy`, but for the text that is held out there and the massive tokens that are left out.
    """
    return 1 - np.array(profile.scores)


def unexplained_update(profile: LinearityProfile) -> np.ndarray:
    """1 - s_Δ, held out, without massive tokens: the share of the update that no affine map explains."""
    return 1 - np.array(_held_out(profile).update_scores)


def unexplained_energy(profile: LinearityProfile) -> np.ndarray:
    """‖E‖² / ‖Y‖² = 1 - score, held out, without massive tokens: what a map leaves unexplained, next to the state.

    A small update that is not linear at all may count for less than a large one that nearly is.
    """
    return 1 - np.array(_held_out(profile).scores)


def influence(profile: LinearityProfile) -> np.ndarray:
    """Block influence: 1 - mean over tokens of cos(x_t, y_t) (ShortGPT). No map comes into it."""
    return 1 - np.array(profile.cosine)


MEASURES: dict[str, Measure] = {
    "score": unscored,
    "heldout": unexplained_update,
    "energy": unexplained_energy,
    "bi": influence,
}
"""The orders that go by one number a block."""


def by_score(profile: LinearityProfile, k: int) -> Plan:
    """The paper's order: the highest score first, the residual in. Raises InputError as `least_first` does."""
    return by_measure("score", profile, k)


def by_held_out_update(profile: LinearityProfile, k: int) -> Plan:
    """By `unexplained_update`. Raises InputError as `least_first` does, and where no text was held out."""
    return by_measure("heldout", profile, k)


def by_update_energy(profile: LinearityProfile, k: int) -> Plan:
    """By `unexplained_energy`. Raises InputError as `least_first` does, and where no text was held out."""
    return by_measure("energy", profile, k)


def by_influence(profile: LinearityProfile, k: int) -> Plan:
    """ShortGPT's order: the block that turns the state least first. Raises InputError as `least_first` does."""
    return by_measure("bi", profile, k)


def by_measure(name: str, profile: LinearityProfile, k: int) -> Plan:
    """The plan of k steps by one of MEASURES."""
    return nested(name, least_first(MEASURES[name](profile), k))


def least_first(values: np.ndarray, k: int) -> list[int]:
    """The k blocks with the least of `values` (L,), in order. Raises InputError for a NaN, and for k not in 1 … L-1."""
    check_count(k, len(values))
    if len(unknown := np.flatnonzero(np.isnan(values))):
        raise InputError(f"block {unknown[0]} has no score to order it by: measure the model on more text")
    return np.argsort(values, kind="stable")[:k].tolist()


def last_first(L: int, k: int) -> Plan:
    """L-2, L-3, … : the deepest first, and the last never ("A simpler pruning strategy", arXiv 2403.17887, 4.4).

    Runs that end with the last block turn the state about as far as any, so the authors keep it.
    """
    check_count(k, L)
    return nested("last", range(L - 2, L - 2 - k, -1))


def random_order(L: int, k: int, seed: int) -> Plan:
    """k of L blocks in a random order; the first steps of a seed do not depend on k."""
    check_count(k, L)
    return nested(f"random-{seed}", np.random.default_rng(seed).permutation(L)[:k].tolist())


def by_angle(distances: Mapping[range, float], k: int) -> Plan:
    """Of all runs of 1, 2, … k blocks the one across which the state turns least (arXiv 2403.17887, section 3.2).

    `distances`: from `angles.angular_distances`. Raises InputError where runs of some length are missing or NaN.
    """
    check_count(k, max((run.stop for run in distances), default=0))
    return Plan("angular", tuple(tuple(_straightest(distances, length)) for length in range(1, k + 1)))


def _straightest(distances: Mapping[range, float], length: int) -> range:
    runs = [run for run in distances if len(run) == length]
    if not runs or any(np.isnan(distances[run]) for run in runs):
        raise InputError(f"runs of {length} blocks have no angular distance: measure runs of up to {length} blocks")
    return min(runs, key=lambda run: (distances[run], run.start))


def plan(name: str, profile: LinearityProfile, k: int, *, distances: Mapping[range, float] | None = None) -> Plan:
    """k steps of an order of ORDERS; "random-3" is "random" with the seed 3. `distances` are for "angular" alone.

    Raises InputError for an unknown name, for "greedy" (`greedy.greedy` runs the model for it), and as the orders do.
    """
    kind, _, seed = name.partition("-")
    if name in MEASURES:
        return by_measure(name, profile, k)
    if name == "angular":
        if not distances:
            raise InputError("the order angular needs the distances of `angular_distances`: a profile has none")
        return by_angle(distances, k)
    if name == "last":
        return last_first(profile.L, k)
    if kind == "random" and (seed or "0").isdecimal():
        return random_order(profile.L, k, int(seed or 0))
    if name == "greedy":
        raise InputError("the order greedy needs the model and a text to choose on: a profile alone does not give it")
    raise InputError(f"no order {name!r}: choose one of {', '.join(ORDERS)}")


def check_count(k: int, L: int) -> None:
    """Raises InputError unless at least one block is changed and one is left."""
    if not 0 < k < L:
        raise InputError(f"{k} of {L} blocks cannot be changed: choose from 1 to {L - 1}")


def _held_out(profile: LinearityProfile) -> HeldOutScores:
    if profile.held_out is None:
        raise InputError("this order goes by held-out text, and none was held out: measure the model with some")
    return profile.held_out.no_massive_token
