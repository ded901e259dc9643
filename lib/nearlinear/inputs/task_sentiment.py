"""Sentences from film reviews, rated by people, as the source distribution of vaderSentiment ships them."""

import re
from collections import defaultdict
from collections.abc import Iterable

from .task_examples import Example, Examples
from .task_sdist import fetch_sdist, tar_member

CLEAR = 0.5
"""A mean rating, of −4 to 4, further than this from 0 says what most raters felt."""

SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"


def film_sentences() -> Examples:
    """Sentences with a clear mean rating: 1 above CLEAR, 0 below −CLEAR. Which review one is from, the file keeps
    to itself, so each is a group of its own.
    """
    sdist = fetch_sdist("vaderSentiment", "3.3.2", SHA256)
    inner = tar_member(sdist, "*/additional_resources/hutto_ICWSM_2014.tar.gz")
    table = tar_member(inner, "*/movieReviewSnippets_GroundTruth.txt").decode("utf-8")
    return tuple(once(rated(table)))


def rated(table: str) -> Iterable[Example]:
    """Of each line "number, rating, sentence", parted by tabs, that says clearly what it feels."""
    for line in table.splitlines():
        _, rating, sentence = line.split("\t", 2)
        if abs(float(rating)) > CLEAR:
            yield Example((" ".join(sentence.split()),), int(float(rating) > 0), plain(sentence))


def once(examples: Iterable[Example]) -> Iterable[Example]:
    """One example a group: the first, or none where its copies are labelled differently."""
    groups = defaultdict(list)
    for example in examples:
        groups[example.group].append(example)
    return (same[0] for same in groups.values() if len({example.label for example in same}) == 1)


def plain(sentence: str) -> str:
    """What is left when case, punctuation and spaces are taken for the same."""
    return re.sub(r"\W+", " ", sentence.lower()).strip()
