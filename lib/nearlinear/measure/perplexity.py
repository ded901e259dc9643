"""Perplexity of a language model on windows of text, summed while the model runs for other reasons."""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


class NextTokenLoss:
    """Mean negative log-likelihood of each next token inside its window; no window sees another's text."""

    def __init__(self, device: torch.device | str):
        self.n = 0
        self.nats = torch.zeros((), dtype=torch.float64, device=device)

    def add(self, logits: Tensor, input_ids: Tensor, attention_mask: Tensor) -> None:
        """logits (B, T, V), input_ids (B, T), right-padded attention_mask (B, T) on the CPU."""
        targets = input_ids[:, 1:].masked_fill(attention_mask[:, 1:].to(input_ids.device) == 0, -100)
        losses = cross_entropy(
            logits[:, :-1].flatten(0, 1).float(), targets.flatten(), reduction="sum", ignore_index=-100
        )
        self.nats += losses.double()
        self.n += int(attention_mask[:, 1:].sum())

    @property
    def perplexity(self) -> float:
        """exp of the mean; NaN where nothing was predicted."""
        return math.exp(float(self.nats) / self.n) if self.n and math.isfinite(float(self.nats)) else math.nan
