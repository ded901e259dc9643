"""One plain training loop: forward, backward, clip, AdamW; events out, checkpoints that resume to the same numbers."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from itertools import pairwise

import torch
from torch import Tensor, nn

from nearlinear.edit.checkpoint import Checkpoint
from nearlinear.errors import InputError, NearlinearError
from nearlinear.progress import track
from nearlinear.results.training import Recipe

from .batches import Batch, Batches
from .losses import Loss
from .models import adamw
from .parallel import Processes

MIXED = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""Precisions in which the products are taken; weights and optimiser stay in float32."""

HOPELESS = 1.5
"""A training loss this many times that of guessing blindly, ln V, will not come back."""


class Diverged(NearlinearError):
    """Training has broken: the loss is no longer a number, or far above where it began."""


@dataclass(frozen=True)
class Event:
    """What is written down after `step` steps: means since the event before, and what the caller saw in the model.

    `loss`: nats a token; `grad_norm`: before clipping; `seconds`: of training alone, since the first step.
    """

    step: int
    loss: float
    grad_norm: float
    seconds: float
    scaler: Mapping[str, float] = field(default_factory=dict)
    seen: Mapping[str, object] = field(default_factory=dict)


Look = Callable[[int], Mapping[str, object]]
"""Called after each stop as look(step); what it answers (JSON) is part of the event, and of the checkpoint."""


def train(
    model: nn.Module,
    batches: Batches,
    recipe: Recipe,
    stops: Sequence[int],
    *,
    loss_of: Callable[[nn.Module], nn.Module] = Loss,
    look: Look = lambda _step: {},
    checkpoint: Checkpoint | None = None,
    processes: Processes | None = None,
    what: str = "train",
) -> Iterator[Event]:
    """Train the model in place, and yield an event after each of the steps named in `stops`, the last step among them.

    `loss_of` gives the module that makes a loss of a batch. A run that kept a `checkpoint` goes on from there to the
    same numbers; its earlier events are yielded again. With several `processes` each reads its part of every batch.
    Raises Diverged, and InputError for a batch that cannot be cut so.
    """
    processes = processes or Processes()
    _check(recipe, processes)
    weights, optimiser = dict(model.named_parameters()), adamw(model, recipe)
    scaler = torch.amp.GradScaler(next(model.parameters()).device.type, enabled=recipe.precision == "fp16")
    events = [Event(**event) for event in checkpoint.resume(weights, optimiser)] if checkpoint else []
    if events and scaler.is_enabled():
        scaler.load_state_dict(events[-1].scaler)
    yield from events

    work = Work(processes.wrap(loss_of(model.train())), batches, recipe, optimiser, scaler, processes)
    done = [event.step for event in events][-1:] or [0]
    spans = list(pairwise([*done, *(stop for stop in stops if stop > done[0])]))
    seconds = events[-1].seconds if events else 0.0
    for start, stop in track(spans, what, recipe.steps - done[0], size=lambda span: span[1] - span[0], unit=" steps"):
        began = time.perf_counter()
        losses, norms = work.steps(start, stop)
        seconds += time.perf_counter() - began
        check_losses(losses, start, recipe, model.config.vocab_size)
        mean, norm = losses.mean().item(), norms.mean().item()
        events.append(Event(stop, mean, norm, seconds, scaler.state_dict(), look(stop)))
        if checkpoint and processes.first:
            history = [asdict(event) for event in events]
            checkpoint.save(weights, optimiser, history, at_once=stop == recipe.steps)
        yield events[-1]


@dataclass
class Work:
    """Everything that a step touches."""

    loss: nn.Module
    batches: Batches
    recipe: Recipe
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    processes: Processes

    @property
    def parameters(self) -> list[nn.Parameter]:
        return [weight for group in self.optimiser.param_groups for weight in group["params"]]

    def steps(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Steps `start` to `stop` - 1: the loss and the gradient's norm of each, float64, waited for once."""
        pairs = [self.step(k) for k in range(start, stop)]
        losses = self.processes.mean(torch.stack([loss for loss, _ in pairs]))
        return losses.double().cpu(), torch.stack([norm for _, norm in pairs]).double().cpu()

    def step(self, k: int) -> tuple[Tensor, Tensor]:
        """One step, on this process's part of the batch."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(self.recipe, k) * group["rate"]
        loss = self.gradients(self.processes.part_of(self.batches[k]))
        self.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.recipe.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad()
        return loss, norm.detach()

    def gradients(self, batch: Batch) -> Tensor:
        """Add the gradients of the mean loss of a batch, part by part; answer with that loss."""
        n, total = self.recipe.parts, 0.0
        size = len(batch.ids) // n
        for i in range(n):
            part = batch.rows(i * size, (i + 1) * size).to(self.parameters[0].device)
            with self.processes.together(self.loss, last=i == n - 1), self.mixed():
                loss = self.loss(part) / n
                self.scaler.scale(loss).backward()
            total = total + loss.detach()
        return total

    def mixed(self):
        dtype = MIXED.get(self.recipe.precision)
        return torch.autocast(self.parameters[0].device.type, dtype=dtype) if dtype else nullcontext()


def rate_at(recipe: Recipe, step: int) -> float:
    """The learning rate of step `step`, counted from 0: up in a straight line, then down to nothing."""
    warm = max(1, round(recipe.warm_up * recipe.steps))
    if step < warm:
        return recipe.lr * (step + 1) / warm
    left = (recipe.steps - step) / (recipe.steps - warm + 1)
    return recipe.lr * (left if recipe.schedule == "linear" else 0.5 * (1 - math.cos(math.pi * left)))


def check_losses(losses: Tensor, start: int, recipe: Recipe, vocabulary: int) -> None:
    """Raises Diverged, naming the step, where a loss is no number or hopeless. losses: of the steps from `start` on."""
    broken = (~(losses < HOPELESS * math.log(vocabulary))).nonzero()
    if len(broken):
        k = int(broken[0])
        what = f"is {losses[k]:.3g}, far above blind guessing," if losses[k].isfinite() else "is no longer a number"
        raise Diverged(f"the loss {what} at step {start + k + 1}: take a learning rate below {recipe.lr:g}")


def _check(recipe: Recipe, processes: Processes) -> None:
    if recipe.batch % (recipe.parts * processes.n):
        raise InputError(
            f"a batch of {recipe.batch} windows cannot be cut into {recipe.parts} parts on each of {processes.n} "
            "processes: choose numbers that divide it"
        )
