"""What a forward pass hands to every block, beside the states."""

from dataclasses import dataclass, replace

import torch
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

    def to(self, device: torch.device, non_blocking: bool = False) -> "Context":
        """The same on another device: accelerate asks for it where the blocks of a model are on several."""
        rotary = self.rotary and tuple(table.to(device, non_blocking=non_blocking) for table in self.rotary)
        return replace(self, seen=self.seen.to(device, non_blocking=non_blocking), rotary=rotary)

    def remembered(self, k: Tensor, v: Tensor, layer_idx: int) -> tuple[Tensor, Tensor]:
        """Keys and values (B, h, T_k, ·) of the tokens before and of these; the cache keeps both for the next call.

        The places are for the static caches of transformers 5.0; later ones count themselves.
        """
        if self.cache is None:
            return k, v
        return self.cache.update(k, v, layer_idx, {"cache_position": self.seen.places})
