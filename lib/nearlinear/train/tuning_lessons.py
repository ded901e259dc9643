"""What is learnt in a finetuning: the batches, the loss, and how answers are judged. One class a thing to learn."""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, Protocol, TypeVar

import torch.nn.functional as F
from torch import nn

from nearlinear.inputs.split import shuffled
from nearlinear.inputs.task_examples import Examples, with_shuffled_labels
from nearlinear.inputs.tasks import Task, check_classes, load_task
from nearlinear.results.provenance import CorpusSource
from nearlinear.results.tuning import Labels, Sentences, TuneSpec

from .batches import Batch, Batches
from .classify import ClassifierLoss, LabelledBatch, LabelledBatches, LabelledTexts, answers, labelled_texts
from .losses import Loss
from .tuning_models import Learner, Subject

Judged = Literal["choose", "test"]


@dataclass(frozen=True)
class Marks:
    """Which examples were answered right, in groups of these sizes, and the mean loss, nats an example."""

    right: tuple[bool, ...] = ()
    groups: tuple[int, ...] = ()
    loss: float = math.nan

    @property
    def accuracy(self) -> float:
        return sum(self.right) / len(self.right) if self.right else math.nan


class Lesson:
    """Something to learn for a model: `n_out` outputs of a head, `source`, and how many examples there are.

    `n_cut`: training texts longer than T. `majority`: what the commonest answer gets right.
    """

    n_out: int = 0
    n_cut: int = 0
    majority: float = math.nan
    source: CorpusSource
    n_train: int

    def __init__(self, spec: TuneSpec, subject: Subject):
        self.spec, self.subject = spec, subject

    def batches(self) -> Batches | LabelledBatches:
        """What each step reads. Raises NotEnoughTokens where there is less than a batch."""
        raise NotImplementedError

    def loss(self, learner: Learner) -> nn.Module:
        """The module that makes a loss of a batch."""
        raise NotImplementedError

    def marks(self, learner: Learner, part: Judged) -> Marks:
        """How the learner answers a part that it is not taught; nothing where there is nothing to answer."""
        return Marks()

    def n_read(self) -> int:
        """Tokens that all steps read, padding left out."""
        batches = self.batches()
        return sum(n_tokens(batches[step]) for step in range(self.spec.recipe.steps))


def n_tokens(batch: Batch | LabelledBatch) -> int:
    return int(batch.mask.sum()) if isinstance(batch, LabelledBatch) else batch.ids.numel()


class TaskLesson(Lesson):
    """What reads the texts of a task's training part. Raises InputError where a part has no example of a class."""

    def __init__(self, spec: TuneSpec, subject: Subject, task: Task | None = None):
        super().__init__(spec, subject)
        learns: Labels | Sentences = spec.learns
        self.task = task or remembered(learns.task, learns.task_seed)
        check_classes(self.task)
        self.source = self.task.source

    def read(self, examples: Examples) -> LabelledTexts:
        return labelled_texts(self.subject.loaded.tokenizer, examples, self.spec.T)

    @cached_property
    def train(self) -> LabelledTexts:
        return self.read(self.task.train)

    @property
    def n_train(self) -> int:
        return len(self.task.train)

    @property
    def n_cut(self) -> int:
        return self.train.n_cut

    def batches(self) -> LabelledBatches:
        return LabelledBatches(self.train, self.spec.recipe.batch, seed=self.spec.seed)


class LabelLesson(TaskLesson):
    """The labels of a task, or labels dealt out anew."""

    @property
    def n_out(self) -> int:
        return len(self.task.card.labels)

    @property
    def majority(self) -> float:
        return self.task.majority

    @cached_property
    def train(self) -> LabelledTexts:
        learnt = self.task.train
        if self.spec.learns.labels == "shuffled":
            learnt = with_shuffled_labels(learnt, self.spec.seed)
        return self.read(learnt)

    def loss(self, learner: Learner) -> nn.Module:
        return ClassifierLoss(learner)

    def marks(self, learner: Learner, part: Judged) -> Marks:
        examples = judged(self.spec, part, getattr(self.task, part))
        texts = self.read(examples)
        found = answers(learner, texts)
        right = (found.argmax(1) == texts.labels) & found.isfinite().all(1)
        loss = -found.gather(1, texts.labels[:, None]).mean().item()
        return Marks(tuple(right.tolist()), group_sizes(examples), loss)


class SentenceLesson(TaskLesson):
    """The next tokens of the texts that `LabelLesson` reads, in the same batches."""

    def loss(self, learner: Learner) -> nn.Module:
        return NextTokenLoss(learner.body)


class NextTokenLoss(nn.Module):
    """Mean log-loss, nats, of each next token of a batch of texts; padding is not asked for."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, batch: LabelledBatch):
        states = self.model.base_model(batch.ids, attention_mask=batch.mask, use_cache=False).last_hidden_state
        logits = self.model.get_output_embeddings()(states[:, :-1])
        answers = batch.ids[:, 1:].masked_fill(batch.mask[:, 1:] == 0, -100)
        return F.cross_entropy(logits.flatten(0, 1), answers.flatten(), ignore_index=-100)


class TextLesson(Lesson):
    """The next tokens of text like the measured one, none of which is measured."""

    def __init__(self, spec: TuneSpec, subject: Subject):
        super().__init__(spec, subject)
        self.windows = subject.more_windows(spec.T)
        digest = hashlib.sha256(f"{tuple(self.windows.shape)}".encode() + self.windows.numpy().tobytes())
        note = "windows of its text that are not measured"
        words = {"sha256": digest.hexdigest(), "n_documents": len(self.windows), "note": note}
        self.source = subject.text.source.model_copy(update=words)

    @property
    def n_train(self) -> int:
        return len(self.windows)

    def batches(self) -> Batches:
        return Batches(self.windows, self.spec.recipe.batch, seed=self.spec.seed)

    def loss(self, learner: Learner) -> nn.Module:
        return Loss(learner.body)


class InGroup(Protocol):
    group: str


E = TypeVar("E", bound=InGroup)


def judged(spec: TuneSpec, part: Judged, examples: Sequence[E]) -> tuple[E, ...]:
    """The examples of a part that are answered, group by group."""
    n = spec.n_choose if part == "choose" else spec.n_test
    some = [examples[place] for place in shuffled(range(len(examples)), f"judged {part}")[:n]]
    first = {example.group: place for place, example in reversed(list(enumerate(some)))}
    return tuple(sorted(some, key=lambda example: first[example.group]))


def group_sizes(examples: Sequence[InGroup]) -> tuple[int, ...]:
    return tuple(Counter(example.group for example in examples).values())


@lru_cache(maxsize=2)
def remembered(name: str, seed: int) -> Task:
    """The last tasks are remembered: the runs of a study share them."""
    return load_task(name, seed)
