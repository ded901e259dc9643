"""Take a block apart: the parts that its class really has, what they weigh, and what it does before any training."""

from typing import Any, cast

import torch
from torch import Tensor, nn

from nearlinear.inputs.twin import seeded
from nearlinear.results.apart import ORDER, BlockApart, Part
from nearlinear.results.signal import Stack

from .config import SimplifiedConfig
from .mixing import Mixing
from .model import BLOCKS
from .parts import Reads
from .stacks import context_of, stack

SMALL_D, SMALL_H, TOKENS = 64, 4, 32
"""Sizes at which a block is measured while one reads."""


def apart(block: str, *, d: int = 768, h: int = 12, L: int = 18, d_ff: int | None = None, seed: int = 0) -> BlockApart:
    """The parts of one block, and their parameters, at the paper's sizes unless others are given.

    Raises InputError for a block that is not known and a width that the heads do not divide.
    """
    config = SimplifiedConfig(block, hidden_size=d, num_attention_heads=h, num_hidden_layers=L, intermediate_size=d_ff)
    with torch.device("meta"):  # shapes without numbers
        first, other = (BLOCKS[block](config, i) for i in (0, 1))
    drawn, x = stack(cast(Stack, block), L=2, d=SMALL_D, h=SMALL_H, seed=seed)[-1], states(seed)
    return BlockApart(
        block=block,
        cls=type(other).__name__,
        d=d,
        d_ff=config.intermediate_size,
        h=h,
        L=L,
        parts=[Part(name=name, parameters=n) for name, n in parts(other).items()],
        first_block=sum(parts(first).values()) - sum(parts(other).values()),
        attention_error=attention_error(drawn, x),
        without_mlp=without_mlp(drawn, x),
        small_d=SMALL_D,
    )


def ladder(**sizes: Any) -> list[BlockApart]:
    """Every block taken apart, in ORDER. `sizes` and errors as of `apart`."""
    return [apart(block, **sizes) for block in ORDER]


def parts(block: nn.Module) -> dict[str, int]:
    """Name of each part → its parameters. One wide reading matrix counts as what reads by it: "reads.q", "reads.k"."""
    found: dict[str, int] = {}
    for name, part in block.named_children():
        if isinstance(part, Reads):
            found |= {f"{name}.{read}": part.part(read).numel() for read in part.widths}
        elif not isinstance(part, nn.Identity):
            found[name] = sum(p.numel() for p in part.parameters())
    return found


def states(seed: int) -> Tensor:
    """Random states (2, T, d), float64."""
    with seeded(seed):
        return torch.randn(2, TOKENS, SMALL_D, dtype=torch.float64)


@torch.no_grad()
def attention_error(block: nn.Module, x: Tensor) -> float:
    """‖Attn(V) − V‖ / ‖V‖ of the values V that attention is given, at states x (B, T, d): 0 for the identity."""
    seen = []
    (attn,) = (part for part in block.children() if isinstance(part, Mixing))
    with attn.register_forward_hook(lambda _, given, answer: seen.append((given[2], answer))):
        block(x, context_of("causal", x.shape[1]))
    ((v, answer),) = seen
    return float((answer - v).norm() / v.norm())


@torch.no_grad()
def without_mlp(block: nn.Module, x: Tensor) -> float:
    """Mean cosine of a token before and after the block, at states x (B, T, d), when its MLP answers zero."""
    with block.mlp.register_forward_hook(lambda _, given, answer: torch.zeros_like(answer)):
        return float(torch.cosine_similarity(x, block(x, context_of("causal", x.shape[1])), dim=-1).mean())
