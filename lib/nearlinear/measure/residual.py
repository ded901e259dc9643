"""The residual stream of a model, block by block: the only file that hooks into a forward pass.

Block outputs are taken by hooks and not from `output_hidden_states`, whose last entry is usually *after* the
final norm and so is not a state of the stream at all.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from nearlinear.inputs.models import backbone, blocks

OnBlock = Callable[[int, Tensor, Tensor], None]
"""Called as on_block(l, x, y) with the states before and after block l, each (B, T, d)."""


def _first_tensor(value) -> Tensor:
    return value if isinstance(value, Tensor) else value[0]


def _input_of(args: tuple, kwargs: dict) -> Tensor:
    return args[0] if args else kwargs["hidden_states"]


@contextmanager
def watching(model: nn.Module, on_block: OnBlock) -> Iterator[None]:
    """Call `on_block` for each block of every forward pass inside the `with`; no hook is left behind."""

    def hook_for(layer: int):
        def hook(_module, args, kwargs, output):
            on_block(layer, _input_of(args, kwargs), _first_tensor(output))

        return hook

    handles = [
        block.register_forward_hook(hook_for(layer), with_kwargs=True) for layer, block in enumerate(blocks(model))
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.inference_mode()
def residual_stream(model: nn.Module, batch, on_block: OnBlock, *, head: bool = False):
    """Run one batch through the model, handing each block's states to `on_block` as they pass.

    With `head=False` only the backbone runs and its output comes back; with `head=True` the whole model, with logits.
    Raises UnsupportedModel for a model without a list of blocks.
    """
    runner = model if head else backbone(model)
    with watching(model, on_block):
        return runner(input_ids=batch.input_ids, attention_mask=batch.attention_mask)
