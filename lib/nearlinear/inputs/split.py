"""Which parts of a text are held out: whole documents, or stretches of the one document there is."""

import random
from collections.abc import Mapping, Sequence

from nearlinear.errors import NotEnoughTokens

BLOCKS = 12
"""A text that is one document is cut into this many stretches (fewer where it is short), to hold some of them out."""


def nearest_share(sizes: Mapping[int, int], fraction: float, seed: int) -> frozenset[int]:
    """Keys whose sizes add up to `fraction` of all, as near as a shuffled order gives; at least one in and one out.

    Raises NotEnoughTokens where there is only one key.
    """
    _need_two(len(sizes))
    order = shuffled(sizes, f"held out {seed}")
    target, total = fraction * sum(sizes.values()), 0
    chosen: set[int] = set()
    for key in order:
        if len(chosen) < len(sizes) - 1 and abs(total + sizes[key] - target) < abs(total - target):
            chosen.add(key)
            total += sizes[key]
    return frozenset(chosen or {min(order, key=sizes.__getitem__)})


def evenly_spread(n: int, fraction: float) -> frozenset[int]:
    """About `fraction` of the numbers 0 ... n - 1, evenly spread; at least one in, one out. Raises NotEnoughTokens."""
    _need_two(n)
    count = min(max(round(fraction * n), 1), n - 1)
    return frozenset((2 * i + 1) * n // (2 * count) for i in range(count))


def shuffled(keys: Sequence[int] | Mapping[int, int], seed: str) -> list[int]:
    """The keys in an order that the seed alone decides, on every machine."""
    order = list(keys)
    random.Random(seed).shuffle(order)
    return order


def _need_two(n: int) -> None:
    if n < 2:
        raise NotEnoughTokens("the text is too short to hold a part of it out: take a longer one, or hold out nothing")
