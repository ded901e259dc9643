"""Labelled examples: what one is, how they are parted so that nothing is in two parts, and how classes are balanced."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from nearlinear.errors import InputError, NotEnoughTokens

from .split import nearest_share, shuffled

CHOOSE, TEST = 0.1, 0.2
"""Shares of the examples that rates are chosen on, and that results are reported on."""

Examples = tuple["Example", ...]


@dataclass(frozen=True)
class Example:
    """One text, or several that are judged together, and its label, counted from 0.

    `group`: examples of one group share words that would give answers away, so they are never parted.
    """

    texts: tuple[str, ...]
    label: int
    group: str

    @property
    def text(self) -> str:
        """As a model reads it: one text a line."""
        return "\n".join(self.texts)


def examples_sha256(*parts: Sequence[Example]) -> str:
    """Hash of texts and labels, part by part, in order."""
    told = json.dumps([[[example.texts, example.label] for example in part] for part in parts])
    return hashlib.sha256(told.encode()).hexdigest()


def parted(examples: Sequence[Example], seed: int) -> tuple[Examples, Examples, Examples]:
    """(train, choose, test): whole groups, drawn by the seed; each part with as many examples of every class.

    Raises InputError where there are too few groups.
    """
    rest, test = held_out(examples, TEST, seed)
    train, choose = held_out(rest, CHOOSE / (1 - TEST), seed)
    return tuple(balanced(part, seed) for part in (train, choose, test))


def held_out(examples: Sequence[Example], share: float, seed: int) -> tuple[Examples, Examples]:
    """(the rest, about `share` of the examples), by whole groups. Raises InputError where there is only one group."""
    names = list(dict.fromkeys(example.group for example in examples))
    sizes = Counter(example.group for example in examples)
    try:
        held = nearest_share({i: sizes[name] for i, name in enumerate(names)}, share, seed)
    except NotEnoughTokens as error:
        raise InputError("a task needs examples of two groups or more, to hold some of them out") from error
    out = {names[i] for i in held}
    return (
        tuple(example for example in examples if example.group not in out),
        tuple(example for example in examples if example.group in out),
    )


def balanced(examples: Sequence[Example], seed: int) -> Examples:
    """As many examples of every class as the rarest has; which ones stay, the seed draws. The order stays."""
    places = defaultdict(list)
    for place, example in enumerate(examples):
        places[example.label].append(place)
    n = min(map(len, places.values()), default=0)
    kept = {place for label in sorted(places) for place in shuffled(places[label], f"balanced {seed} {label}")[:n]}
    return tuple(example for place, example in enumerate(examples) if place in kept)


def with_shuffled_labels(examples: Sequence[Example], seed: int) -> Examples:
    """The same texts and the same labels, joined anew by chance: nothing is left to learn but the examples by heart."""
    labels = [example.label for example in examples]
    order = shuffled(range(len(labels)), f"shuffled labels {seed}")
    return tuple(
        Example(example.texts, labels[place], example.group) for example, place in zip(examples, order, strict=True)
    )
