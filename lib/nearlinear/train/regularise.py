"""Terms that pull neighbouring states together (arXiv 2405.12250, section 4), added to the loss of the one loop.

A regularised loss has the value of the plain loss, and the gradient of loss + λ · term. So a curve shows what the model
has learnt at every λ, training is stopped by the loss that is learnt and not by a large term, and the term is written
down beside it. A term that is no number makes the loss none, and the loop stops there.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from nearlinear.errors import InputError
from nearlinear.measure.residual import watching
from nearlinear.results.drift import Cosine, Regulariser, Squared

from .batches import Batch
from .losses import Loss

SHORTEST = 1e-8
"""A state shorter than this counts as this long, so that its gradient stays a number."""

HALVES = (torch.float16, torch.bfloat16)
"""Types in which a squared length may overflow, or keeps three digits."""


def turned(x: Tensor, y: Tensor) -> Tensor:
    """Mean over tokens of 1 − cos(x_t, y_t), for x, y (B, T, d). A state of length zero counts as turned by 90°."""
    x, y = wide(x), wide(y)
    of_x, of_y = (torch.linalg.vector_norm(states, dim=-1).clamp_min(SHORTEST) for states in (x, y))
    return (1 - (x * y).sum(-1) / (of_x * of_y)).mean()


def moved(x: Tensor, y: Tensor) -> Tensor:
    """Mean over tokens of ‖y_t − x_t‖², for x, y (B, T, d)."""
    return (wide(y) - wide(x)).square().sum(-1).mean()


def wide(x: Tensor) -> Tensor:
    """Half-precision numbers as float32; others as they are."""
    return x.float() if x.dtype in HALVES else x


BETWEEN: dict[type, Callable[[Tensor, Tensor], Tensor]] = {Cosine: turned, Squared: moved}
"""For each regulariser, how far two neighbouring states are apart."""


class RegularisedLoss(nn.Module):
    """The plain loss; its gradient is that of the loss + λ Σ_l between(h_l, h_{l+1}), all L blocks, final norm apart.

    At λ = 0 the term is measured outside the graph, so that every number of training is the plain loop's, bit for bit.
    """

    def __init__(self, model: nn.Module, regulariser: Regulariser):
        super().__init__()
        check_strength(regulariser.strength)
        self.plain = Loss(model)
        self.strength = regulariser.strength
        self.between = BETWEEN[type(regulariser)]
        self.seen: list[Tensor] = []

    def forward(self, batch: Batch) -> Tensor:
        steps = []

        def on_block(_layer: int, x: Tensor, y: Tensor) -> None:
            with torch.set_grad_enabled(self.strength != 0 and torch.is_grad_enabled()):
                steps.append(self.between(x, y))

        with watching(self.plain.model, on_block):
            loss = self.plain(batch)
        term = torch.stack(steps).sum()
        self.seen.append(term.detach())
        if self.strength == 0:
            return loss
        pull = self.strength * term
        return loss + (pull - pull.detach())  # its value is exactly the loss

    def mean_term(self) -> float:
        """Mean of Σ_l, without λ, over all batches since it was last asked for; NaN where there were none."""
        seen, self.seen = self.seen, []
        return torch.stack(seen).double().mean().item() if seen else math.nan


def check_strength(strength: float) -> None:
    """Raises InputError for a λ below zero, which would push states apart without end, or one that is no number."""
    if not (0 <= strength < math.inf):
        raise InputError(f"a regulariser of strength {strength:g} has no least value: take zero, or a number above it")
