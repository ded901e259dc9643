"""Healing: a pruned model trained a little on text, by low-rank adapters that are merged into its weights at the end.

So "The Unreasonable Ineffectiveness of the Deeper Layers" (arXiv 2403.17887) repairs what removal broke. Unlike
distillation it needs no dense model beside the pruned one: the text itself is the target.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from nearlinear.errors import InputError, UnsupportedModel
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.models import unembed
from nearlinear.inputs.twin import seeded, state_sha256
from nearlinear.inputs.windows import Batch, Window

from .checkpoint import Checkpoint
from .distil import TrainedModel, float32_copy, trained_from
from .training import Mixed, OnStep, Recipe, frozen, mixed_for, settings_of, train

Edit = Callable[[nn.Module], AbstractContextManager]
"""What prunes a model inside a `with`, such as `lambda model: removed(model, (7, 12))`."""


def heal(
    loaded: LoadedModel,
    edit: Edit,
    windows: Sequence[Window],
    *,
    steps: int,
    tokens_per_step: int = 1024,
    lr: float = 2e-4,
    rank: int = 8,
    seed: int = 0,
    mixed: Mixed | None = None,
    checkpoint: Path | None = None,
    on_step: OnStep | None = None,
) -> TrainedModel:
    """A copy of the model, its next-token loss lowered with the edit on; the model itself is not touched.

    Adapters of this rank sit beside every linear layer of the blocks that are left. They are merged at the end, so the
    copy is as large as before. Precision and checkpoints are as in `distil_linear`.
    Raises InputError where the package peft is missing, UnsupportedModel for a model without a head.
    """
    peft, recipe = _peft(), Recipe(steps, tokens_per_step, lr, seed, mixed or mixed_for(loaded.model))
    if unembed(loaded.model) is None:
        raise UnsupportedModel(
            f"{type(loaded.model).__name__} has no head that predicts text: there is nothing to heal"
        )
    student = float32_copy(loaded.model)
    with frozen(student), edit(student):
        settings = settings_of(recipe, windows, state_sha256(student)) | {"rank": rank} if checkpoint else {}
        with seeded(seed):
            adapted = peft.LoraModel(student, _adapters(peft, rank), "default")
        weights = {name: weight for name, weight in adapted.named_parameters() if weight.requires_grad}
        file = Checkpoint(checkpoint, settings) if checkpoint else None
        losses = train(
            weights, partial(next_token_loss, student), windows, recipe, what="heal", checkpoint=file, on_step=on_step
        )
        adapted.merge_and_unload()
    note = f"healed by adapters of rank {rank}: {steps} steps of {tokens_per_step} tokens"
    return TrainedModel(trained_from(loaded, student, note), losses)


def _peft():
    try:
        import peft
    except ImportError as error:
        raise InputError("healing needs the package peft, which is not there: pip install peft") from error
    return peft


def _adapters(peft: Any, rank: int) -> Any:
    """Rank r, scaled by 2, as is usual; nothing is dropped out, so a run is a function of its seed."""
    return peft.LoraConfig(
        r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )


def next_token_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Mean negative log-likelihood of each next token of a right-padded batch; a scalar with a gradient."""
    mask = batch.attention_mask
    logits = model(input_ids=batch.input_ids, attention_mask=mask, use_cache=False).logits[:, :-1]
    targets = batch.input_ids[:, 1:].masked_fill(mask[:, 1:] == 0, -100)
    return cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=-100)
