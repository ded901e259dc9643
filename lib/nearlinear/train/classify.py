"""Texts with labels as batches, the loss of a classifier, and what it answers."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from nearlinear.errors import NotEnoughTokens
from nearlinear.inputs.split import shuffled
from nearlinear.inputs.task_examples import Example

from .tokens import encoded

ANSWERED_AT_ONCE = 64
"""Texts in a batch of an evaluation."""

POOL = 32
"""Batches that share out a random part of the texts by length."""


@dataclass(frozen=True)
class LabelledTexts:
    """Token ids of each text, at most T, and its label (n,), int64; `n_cut`: texts that were longer than T."""

    ids: tuple[tuple[int, ...], ...]
    labels: Tensor
    n_cut: int

    @property
    def n_tokens(self) -> int:
        return sum(map(len, self.ids))

    @property
    def sha256(self) -> str:
        """Of the tokens and labels: what a model is given to read."""
        return hashlib.sha256(json.dumps([self.ids, self.labels.tolist()]).encode()).hexdigest()


def labelled_texts(tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], T: int) -> LabelledTexts:
    """Examples in tokens; of a text longer than T tokens the beginning is read."""
    whole = encoded(tokenizer, [example.text for example in examples])
    ids = tuple(tuple(each[:T]) for each in whole)
    labels = torch.tensor([example.label for example in examples], dtype=torch.long)
    return LabelledTexts(ids, labels, sum(len(each) > T for each in whole))


@dataclass(frozen=True)
class LabelledBatch:
    """ids (B, T), padded on the right to the longest; mask (B, T), 0 at padding; labels (B,); which step reads it."""

    ids: Tensor
    mask: Tensor
    labels: Tensor
    step: int = -1

    @classmethod
    def of(cls, texts: LabelledTexts, places: Sequence[int], step: int = -1) -> "LabelledBatch":
        chosen = [torch.tensor(texts.ids[place], dtype=torch.long) for place in places]
        ids = nn.utils.rnn.pad_sequence(chosen, batch_first=True)
        lengths = torch.tensor([len(each) for each in chosen])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        return cls(ids, mask, texts.labels[torch.tensor(places)], step)

    def rows(self, start: int, stop: int) -> "LabelledBatch":
        return LabelledBatch(self.ids[start:stop], self.mask[start:stop], self.labels[start:stop], self.step)

    def to(self, device: torch.device) -> "LabelledBatch":
        moved = (each.to(device, non_blocking=True) for each in (self.ids, self.mask, self.labels))
        return LabelledBatch(*moved, self.step)


class LabelledBatches:
    """Batches of B texts: all once, in an order drawn from `seed`, then all in another.

    Of POOL batches drawn at random, each takes texts of like length, so that little is padding.
    Raises NotEnoughTokens where there are fewer texts than a batch has.
    """

    def __init__(self, texts: LabelledTexts, B: int, *, seed: int):
        n = len(texts.labels)
        if n < B:
            raise NotEnoughTokens(f"the task has {n} examples to train on, and a batch has {B}: take a smaller batch")
        self.texts, self.B, self.seed = texts, B, seed
        self.order_of = cache(self._order)

    def _order(self, epoch: int) -> list[list[int]]:
        """The places of every batch of an epoch; texts left over are not read in it."""
        order = shuffled(range(len(self.texts.labels)), f"order {self.seed} {epoch}")
        pools = (order[start : start + POOL * self.B] for start in range(0, len(order), POOL * self.B))
        alike = (sorted(pool, key=lambda place: len(self.texts.ids[place])) for pool in pools)
        batches = [pool[i : i + self.B] for pool in alike for i in range(0, len(pool) - self.B + 1, self.B)]
        return shuffled(batches, f"batches {self.seed} {epoch}")

    def __getitem__(self, step: int) -> LabelledBatch:
        """What step `step` reads, counted from 0."""
        epoch, place = divmod(step, len(self.texts.labels) // self.B)
        return LabelledBatch.of(self.texts, self.order_of(epoch)[place], step)


class ClassifierLoss(nn.Module):
    """Mean log-loss, nats, of the right labels. `broken`: (step, how many texts had a loss that is no number)."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        self.broken: list[tuple[int, Tensor]] = []

    def forward(self, batch: LabelledBatch) -> Tensor:
        each = F.cross_entropy(logits_of(self.model, batch), batch.labels, reduction="none")
        self.broken.append((batch.step, (~each.detach().isfinite()).sum()))
        return each.mean()


def logits_of(model: nn.Module, batch: LabelledBatch) -> Tensor:
    """(B, labels); padding has no part in it."""
    return model(batch.ids, attention_mask=batch.mask, use_cache=False).logits


@torch.no_grad()
def answers(model: nn.Module, texts: LabelledTexts) -> Tensor:
    """The log-probability of every label, (n, labels) float64 on the CPU, in eval mode; NaN where the model breaks."""
    device, training = next(model.parameters()).device, model.training
    model.eval()
    found = [F.log_softmax(logits_of(model, batch.to(device)).cpu().double(), -1) for batch in _batches(texts)]
    model.train(training)
    return torch.cat(found)[_order(texts).argsort()]


def right(found: Tensor, texts: LabelledTexts) -> Tensor:
    """Whether the likeliest label is the right one, (n,); never where an answer is no number."""
    return (found.argmax(1) == texts.labels) & found.isfinite().all(1)


def _batches(texts: LabelledTexts) -> Iterator[LabelledBatch]:
    """All texts, short ones together, so that little is padding."""
    return (LabelledBatch.of(texts, places.tolist()) for places in _order(texts).split(ANSWERED_AT_ONCE))


def _order(texts: LabelledTexts) -> Tensor:
    return torch.tensor([len(each) for each in texts.ids]).argsort(stable=True)
