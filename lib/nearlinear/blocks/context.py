"""What a forward pass hands to every block, beside the states."""

from dataclasses import dataclass

from torch import Tensor
from transformers.cache_utils import Cache

from .visible import Visible

Rotary = tuple[Tensor, Tensor]
"""cos and sin, (1 or B, T, d_k) each."""


@dataclass(frozen=True)
class Context:
    """`seen`: which keys each query sees. `rotary`: for RoPE. `cache`: keys and values of earlier tokens.

    `matrices`: a list that every attention adds its matrix (B, h, T_q, T_k) to, then computed densely; else None.
    """

    seen: Visible
    rotary: Rotary | None = None
    cache: Cache | None = None
    matrices: list[Tensor] | None = None
