"""A reward model: pairs of texts as batches, the pair loss, and which of two texts it puts first."""

from collections.abc import Sequence
from functools import cached_property, lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from nearlinear.errors import NotEnoughTokens
from nearlinear.evaluate.preferences import Pair, PreferenceSet, load_preferences
from nearlinear.inputs.split import shuffled
from nearlinear.results.tuning import TuneSpec

from .classify import LabelledBatch, LabelledBatches, LabelledTexts, logits_of
from .tokens import encoded
from .tuning_lessons import Judged, Lesson, Marks, group_sizes, judged
from .tuning_models import Learner, Subject

PAIRS_AT_ONCE = 32
"""Pairs in a batch of an evaluation."""


def pair_texts(tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Pair], T: int) -> LabelledTexts:
    """Tokens of 2n texts: chosen, rejected, chosen, … Of a text longer than T tokens the end is read: there they
    differ. Labels mean nothing.
    """
    whole = encoded(tokenizer, [text for pair in pairs for text in (pair.chosen, pair.rejected)])
    ids = tuple(tuple(each[-T:]) for each in whole)
    return LabelledTexts(ids, torch.zeros(len(ids), dtype=torch.long), sum(len(each) > T for each in whole))


class PairBatches:
    """Batches of B pairs, as rows chosen, rejected, chosen, …: all once, in an order drawn from `seed`, then again.

    Raises NotEnoughTokens where there are fewer pairs than a batch has.
    """

    def __init__(self, texts: LabelledTexts, B: int, *, seed: int):
        self.texts, self.n = texts, len(texts.ids) // 2
        if self.n < B:
            raise NotEnoughTokens(f"there are {self.n} pairs to train on, and a batch has {B}: take a smaller batch")
        self.B, self.chosen = B, LabelledBatches(LabelledTexts(texts.ids[::2], texts.labels[::2], 0), B, seed=seed)

    def __getitem__(self, step: int) -> LabelledBatch:
        """What step `step` reads, counted from 0: 2B rows."""
        epoch, place = divmod(step, self.n // self.B)
        return LabelledBatch.of(self.texts, _rows(self.chosen.order_of(epoch)[place]), step)


def _rows(pairs: Sequence[int]) -> list[int]:
    return [row for pair in pairs for row in (2 * pair, 2 * pair + 1)]


class PairLoss(nn.Module):
    """Mean −log σ(r_c − r_r), nats, over the pairs of a batch."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, batch: LabelledBatch) -> Tensor:
        return pair_losses(rewards_of(self.model, batch)).mean()


def pair_losses(rewards: Tensor) -> Tensor:
    """−log σ(r_c − r_r) of rewards (n, 2), as (n,)."""
    return F.softplus(rewards[:, 1] - rewards[:, 0])


def rewards_of(model: nn.Module, batch: LabelledBatch) -> Tensor:
    """(pairs, 2): of the chosen text, and of the rejected."""
    return logits_of(model, batch)[:, 0].view(-1, 2)


@torch.no_grad()
def rewards(model: nn.Module, texts: LabelledTexts) -> Tensor:
    """Of all pairs, (n, 2) float64 on the CPU. Short pairs are read together, so that little is padding."""
    device = next(model.parameters()).device
    order = torch.tensor([len(ids) for ids in texts.ids[::2]]).argsort(stable=True)
    batches = (LabelledBatch.of(texts, _rows(pairs.tolist())).to(device) for pairs in order.split(PAIRS_AT_ONCE))
    return torch.cat([rewards_of(model, batch).double().cpu() for batch in batches])[order.argsort()]


class PairLesson(Lesson):
    """Which of two texts is preferred, or what a coin says of it."""

    n_out = 1
    majority = 0.5

    def __init__(self, spec: TuneSpec, subject: Subject, pairs: PreferenceSet | None = None):
        super().__init__(spec, subject)
        self.pairs = pairs or remembered(spec.learns.pairs, spec.learns.pairs_seed)
        self.source = self.pairs.source

    @cached_property
    def train(self) -> LabelledTexts:
        pairs = self.pairs.train
        return self.read(turned(pairs, self.spec.seed) if self.spec.learns.labels == "shuffled" else pairs)

    def read(self, pairs: Sequence[Pair]) -> LabelledTexts:
        return pair_texts(self.subject.loaded.tokenizer, pairs, self.spec.T)

    @property
    def n_train(self) -> int:
        return len(self.pairs.train)

    @property
    def n_cut(self) -> int:
        return self.train.n_cut

    def batches(self) -> PairBatches:
        return PairBatches(self.train, self.spec.recipe.batch, seed=self.spec.seed)

    def loss(self, learner: Learner) -> nn.Module:
        return PairLoss(learner)

    def marks(self, learner: Learner, part: Judged) -> Marks:
        """A pair is right where the chosen text has more reward than the other."""
        pairs = judged(self.spec, part, getattr(self.pairs, part))
        found = rewards(learner, self.read(pairs))
        return Marks(tuple((found[:, 0] > found[:, 1]).tolist()), group_sizes(pairs), pair_losses(found).mean().item())


def turned(pairs: Sequence[Pair], seed: int) -> tuple[Pair, ...]:
    """The same pairs; half of them, drawn by the seed, the other way round, so that no text is the better one."""
    other = set(shuffled(range(len(pairs)), f"turned {seed}")[: len(pairs) // 2])
    return tuple(pair.turned if place in other else pair for place, pair in enumerate(pairs))


@lru_cache(maxsize=1)
def remembered(name: str, seed: int) -> PreferenceSet:
    """The last set is remembered: the runs of a study share it."""
    return load_preferences(name, seed)
