"""What each token may see: a run of neighbouring keys, from `first` to `last`, less the padding.

Causal, bidirectional, padded, packed and sliding-window attention are all of this form, so one description serves them,
and the mean over what is visible is a difference of two running sums: no T × T matrix is needed for the centring C.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

UNKNOWN = -1
"""Keys of a cache that counts its tokens on the device; `over` says how many there are."""


@dataclass(frozen=True)
class Visible:
    """`first`, `last`: (1 or B, T_q) int64, the outermost keys that a query sees. `real`: (B, T_k) bool, or None: all.

    `all_or_causal`: set where the ranges are so plain that kernels need no mask: every query sees every key, or query i
    of T sees keys 0 … i. `slopes`: (h,), ALiBi's, whose bias −slope · |i − j| is added to the logits; else None.
    `start`: place of query 0 among the keys. `causal`, `window`, `packed`: how the ranges came about, for kernels that
    want to know.
    """

    first: Tensor
    last: Tensor
    n_keys: int
    start: int | Tensor = 0
    real: Tensor | None = None
    all_or_causal: Literal["all", "causal"] | None = None
    slopes: Tensor | None = None
    causal: bool = True
    window: int | None = None
    packed: bool = False

    def over(self, n_keys: int) -> "Visible":
        """The same among `n_keys` keys: a static cache has room for more than there are yet."""
        if n_keys == self.n_keys:
            return self
        real = None if self.real is None else F.pad(self.real, (0, n_keys - self.real.shape[1]))
        return replace(self, n_keys=n_keys, real=real, all_or_causal=None)

    @cached_property
    def mask(self) -> Tensor:
        """S (1 or B, 1, T_q, T_k) bool: True where query i sees key j."""
        j = torch.arange(self.n_keys, device=self.first.device)
        seen = (j >= self.first[..., None]) & (j <= self.last[..., None])
        if self.real is not None:
            seen = seen & self.real[:, None, :]
        return seen[:, None]

    def bias(self) -> Tensor:
        """ALiBi's bias (1, h, T_q, T_k), float32. Arithmetic of Press et al., arXiv 2108.12409, section 3."""
        j = torch.arange(self.n_keys, device=self.first.device)
        i = torch.arange(self.first.shape[1], device=self.first.device) + self.start
        return -self.slopes[:, None, None] * (i[:, None] - j).abs()[None, None]

    def with_slopes(self, slopes: Tensor) -> "Visible":
        return replace(self, slopes=slopes)


def visible(
    n_queries: int,
    *,
    causal: bool,
    n_past: int | Tensor = 0,
    window: int | None = None,
    attention_mask: Tensor | None = None,
    segments: Tensor | None = None,
    device: torch.device | str = "cpu",
) -> Visible:
    """Ranges for `n_queries` tokens that follow `n_past` cached ones.

    `window`: see at most this many tokens on each side, oneself included. `attention_mask`: (B, T_k), 0 at padding.
    `segments`: (B, T), numbers that are equal within a packed document and rise from one to the next; not with a cache.
    """
    i = torch.arange(n_queries, device=device)[None] + n_past
    first, last = torch.zeros_like(i), i if causal else torch.zeros_like(i) + (n_past + n_queries - 1)
    if window is not None:
        first = torch.clamp(i - (window - 1), min=0)
        last = last if causal else torch.minimum(last, i + (window - 1))
    if segments is not None:
        opens, closes = segment_ends(segments)
        first, last = torch.maximum(first, opens), torch.minimum(last, closes)
    counted = isinstance(n_past, int)
    plain = counted and window is None and segments is None and attention_mask is None
    return Visible(
        first,
        last,
        n_keys=n_past + n_queries if counted else UNKNOWN,
        start=n_past,
        real=None if attention_mask is None else attention_mask.to(device).bool(),
        all_or_causal=_kind(n_queries, n_past, causal) if plain else None,
        causal=causal,
        window=window,
        packed=segments is not None,
    )


def _kind(n_queries: int, n_past: int, causal: bool) -> Literal["all", "causal"] | None:
    """How queries see keys where nothing is hidden but the future."""
    if not causal or n_queries == 1:
        return "all"
    return "causal" if n_past == 0 else None


def segment_ends(segments: Tensor) -> tuple[Tensor, Tensor]:
    """First and last token (B, T) of the packed document that each token is in."""
    segments = segments.contiguous()
    first = torch.searchsorted(segments, segments, side="left")
    last = torch.searchsorted(segments, segments, side="right") - 1
    return first, last
