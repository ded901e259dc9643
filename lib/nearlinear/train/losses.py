"""The loss that training lowers, and the same on text that it never sees."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nearlinear.results.training import Reading

from .batches import Batch, asked_next, hidden
from .texts import Part

EVALUATED_AT_ONCE = 4096
"""Tokens in a batch of an evaluation."""


class Loss(nn.Module):
    """Mean log-loss, nats, of the tokens that a batch asks for: logits are computed at their places alone."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Tensor:
        return F.cross_entropy(self.logits(batch).flatten(0, 1), batch.answers.flatten())

    def logits(self, batch: Batch) -> Tensor:
        """(B, n, V)"""
        states = self.model.base_model(batch.ids, use_cache=False).last_hidden_state  # (B, T, d)
        asked = states.gather(1, batch.places[..., None].expand(-1, -1, states.shape[-1]))
        return self.model.get_output_embeddings()(asked)


@torch.no_grad()
def window_losses(model: nn.Module, part: Part, reading: Reading) -> np.ndarray:
    """Mean loss of each window of a part, (n,) float64. What is hidden is the same at every call."""
    loss, device, training = Loss(model), next(model.parameters()).device, model.training
    model.eval()
    found = []
    for batch in _batches(part.windows, reading, model.config.vocab_size):
        batch = batch.to(device)
        each = F.cross_entropy(loss.logits(batch).flatten(0, 1), batch.answers.flatten(), reduction="none")
        found.append(each.view(batch.answers.shape).double().mean(1))
    model.train(training)
    return torch.cat(found).cpu().numpy()


def _batches(windows: Tensor, reading: Reading, vocabulary: int) -> Iterator[Batch]:
    for k, ids in enumerate(windows.split(max(1, EVALUATED_AT_ONCE // windows.shape[1]))):
        if reading.task == "masked":
            yield hidden(ids.long(), vocabulary - 1, reading.mask_share, seed=k)
        else:
            yield asked_next(ids.long())
