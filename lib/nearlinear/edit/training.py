"""A small training loop for pruned models: batches by a seeded order, checkpoints that resume to the same numbers.

The batches of a run are a function of its text and its seed, and nothing else is drawn at random, so there is no state
of a generator to save: weights, optimiser and the number of steps done are all that a run is.
"""

import hashlib
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from itertools import chain, count, islice
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from nearlinear.errors import InputError, NearlinearError
from nearlinear.inputs.windows import Batch, Window, batches
from nearlinear.progress import track

from .checkpoint import Checkpoint

WARM_UP = 0.1
"""Share of the steps over which the learning rate rises; then it falls in a straight line, to nothing."""

BATCH_TOKENS = 2048
"""Tokens run at once. A longer step is cut in such batches, whose gradients are summed, so that memory is bounded."""

Mixed = Literal["bfloat16", "none"]
"""Whether the products inside a step are taken in bfloat16. Weights and optimiser are float32 either way."""

OnStep = Callable[[int, float], None]
"""Called as on_step(k, loss) when k steps are done."""


class Diverged(NearlinearError):
    """Training has broken: the loss is no longer a number."""


@dataclass(frozen=True)
class Recipe:
    """How long to train, on how much text at a time, how boldly, in which order and in which precision.

    Raises InputError on nonsense.
    """

    steps: int
    tokens_per_step: int
    lr: float
    seed: int
    mixed: Mixed = "none"

    def __post_init__(self):
        if self.mixed not in get_args(Mixed):
            raise InputError(f"no mixed precision {self.mixed!r}: choose bfloat16 or none")
        if self.steps < 1 or self.tokens_per_step < 1 or not self.lr > 0:
            raise InputError(
                f"{self.steps} steps of {self.tokens_per_step} tokens at learning rate {self.lr:g} train nothing: "
                "give numbers above zero"
            )

    def lr_at(self, step: int) -> float:
        warm = max(1, round(WARM_UP * self.steps))
        return self.lr * min((step + 1) / warm, (self.steps - step) / (self.steps - warm + 1))


def step_windows(windows: Sequence[Window], recipe: Recipe) -> Iterator[list[Window]]:
    """For each step its windows: `tokens_per_step` tokens or, where windows do not divide it, just above.

    All windows come once, in an order drawn from the seed, then all again in another. Raises InputError without text.
    """
    if not windows:
        raise InputError("there is no text to train on: give at least one window")
    stream = chain.from_iterable(_shuffled(windows, recipe.seed, epoch) for epoch in count())
    for _ in range(recipe.steps):
        group, tokens = [], 0
        while tokens < recipe.tokens_per_step:
            group.append(next(stream))
            tokens += len(group[-1].input_ids)
        yield group


def _shuffled(windows: Sequence[Window], seed: int, epoch: int) -> list[Window]:
    return random.Random(f"order {seed} {epoch}").sample(windows, len(windows))


def train(
    parameters: Mapping[str, nn.Parameter],
    loss_of: Callable[[Batch], Tensor],
    windows: Sequence[Window],
    recipe: Recipe,
    *,
    what: str,
    checkpoint: Checkpoint | None = None,
    on_step: OnStep | None = None,
) -> tuple[float, ...]:
    """Train the parameters in place by AdamW, without weight decay, and answer with the loss of each step.

    loss_of: the mean loss over the tokens of one batch, which lies on the parameters' device.
    Raises Diverged, in one sentence, where the loss is no longer a number.
    """
    optimiser = torch.optim.AdamW(parameters.values(), lr=recipe.lr, weight_decay=0.0)
    losses = checkpoint.resume(parameters, optimiser) if checkpoint else []
    groups = islice(step_windows(windows, recipe), len(losses), None)
    for group in track(groups, what, recipe.steps - len(losses), unit=" steps"):
        losses.append(_gradients(loss_of, group, recipe.mixed, next(iter(parameters.values())).device))
        _check(losses, recipe.lr)
        _update(optimiser, recipe.lr_at(len(losses) - 1))
        if checkpoint:
            checkpoint.save(parameters, optimiser, losses, at_once=len(losses) == recipe.steps)
        if on_step:
            on_step(len(losses), losses[-1])
    return tuple(losses)


def _gradients(
    loss_of: Callable[[Batch], Tensor], group: Sequence[Window], mixed: Mixed, device: torch.device
) -> float:
    """Add the gradients of the mean loss over all tokens of the step; the device is waited for once."""
    n = sum(len(window.input_ids) for window in group)
    total = torch.zeros((), device=device)
    for batch in batches(group, batch_tokens=BATCH_TOKENS, device=device):
        with mixed_precision(mixed, device):
            loss = loss_of(batch) * (batch.attention_mask.sum() / n)
        loss.backward()
        total += loss.detach()
    return float(total)


def _update(optimiser: torch.optim.Optimizer, lr: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = lr
    optimiser.step()
    optimiser.zero_grad()


def _check(losses: Sequence[float], lr: float) -> None:
    if not math.isfinite(losses[-1]):
        raise Diverged(
            f"the loss is no longer a number at step {len(losses)}: take a learning rate below {lr:g}, "
            "and look whether the model itself gives NaN on this text"
        )


def mixed_precision(mixed: Mixed, device: torch.device) -> AbstractContextManager:
    """Inside, products are taken as `mixed` says, on whichever device."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=mixed == "bfloat16")


def mixed_for(model: nn.Module) -> Mixed:
    """What is taken where nobody says: bfloat16 on CUDA, none elsewhere, since not every CPU is the faster for it."""
    return "bfloat16" if next(model.parameters()).device.type == "cuda" else "none"


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Inside, no weight of the model asks for a gradient; afterwards each asks as before."""
    before = [(weight, weight.requires_grad) for weight in model.parameters()]
    model.requires_grad_(False)
    try:
        yield
    finally:
        for weight, wanted in before:
            weight.requires_grad_(wanted)


def settings_of(recipe: Recipe, windows: Sequence[Window], start_sha256: str) -> dict[str, object]:
    """What must be the same for a checkpoint to be gone on with: recipe, text, and the weights at the start."""
    digest = hashlib.sha256()
    for window in windows:
        digest.update(np.array([len(window.input_ids), *window.input_ids], dtype=np.int64).tobytes())
    return asdict(recipe) | {"windows": digest.hexdigest(), "start": start_sha256}
