"""What each token may see: a run of neighbouring keys, from `first` to `last`, less the padding.

Causal, bidirectional, padded, packed and sliding-window attention are all of this form, so one description serves them,
and the mean over what is visible is a difference of two running sums: no T × T matrix is needed for the centring C.
"""

from dataclasses import dataclass, fields
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from nearlinear.errors import InputError

UNKNOWN = -1
"""Keys of a cache that counts its tokens on the device; `over` says how many there are."""


@dataclass(frozen=True)
class Visible:
    """`first`, `last`: (1 or B, T_q) int64, the outermost keys that a query sees. `real`: (B, T_k) bool, or None: all.

    `ranges`: set where they are so plain that no kernel needs them: every query sees every key, or query i of T sees
    keys 0 … i. `slopes`: (h,), ALiBi's, whose bias −slope · |i − j| is added to the logits; else None.
    `start`: place of query 0 among the keys. `opens`: (B, T_q), the first token of each query's packed document, if
    there are any. `roomy`: there is room among the keys for tokens yet to come. `causal`, `window`: how the ranges came
    about, for kernels that want to know. `made`: what `shown` gives, made once for all blocks.
    """

    first: Tensor
    last: Tensor
    n_keys: int
    start: int | Tensor = 0
    real: Tensor | None = None
    ranges: Literal["all", "causal"] | None = None
    slopes: Tensor | None = None
    causal: bool = True
    window: int | None = None
    opens: Tensor | None = None
    roomy: bool = False
    made: Tensor | None = None

    def but(self, **changes) -> "Visible":
        """The same with other words; torch 2.6 cannot compile `dataclasses.replace`."""
        return Visible(**{**{name: getattr(self, name) for name in WORDS}, **changes})

    def to(self, device: torch.device, non_blocking: bool = False) -> "Visible":
        """The same on another device."""
        tensors = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        moved = {name: tensor.to(device, non_blocking=non_blocking) for name, tensor in tensors.items()}
        return self.but(**moved)

    @property
    def n_queries(self) -> int:
        return self.first.shape[1]

    @property
    def needs_mask(self) -> bool:
        """Whether a kernel must be told more than "all" or "causal"."""
        return self.ranges is None or self.real is not None or self.slopes is not None

    def over(self, n_keys: int) -> "Visible":
        """The same among `n_keys` keys: a static cache has room for more than there are yet.

        Raises InputError for a cache that has let go of some.
        """
        if n_keys == self.n_keys:
            return self
        if n_keys < self.n_keys:
            raise InputError(f"the cache has {n_keys} of {self.n_keys} tokens: give one that forgets none")
        real = None if self.real is None else F.pad(self.real, (0, n_keys - self.real.shape[1]))
        return self.but(n_keys=n_keys, real=real, ranges=None, roomy=True, made=None)

    @property
    def mask(self) -> Tensor:
        """S (1 or B, 1, T_q, T_k) bool: True where query i sees key j."""
        seen = (self._keys >= self.first[..., None]) & (self._keys <= self.last[..., None])
        if self.real is not None:
            seen = seen & self.real[:, None, :]
        return seen[:, None]

    def shown(self, dtype: torch.dtype) -> Tensor:
        """A mask for kernels: S, or with ALiBi its bias where S is true and −∞ elsewhere, (1 or B, 1 or h, T_q, T_k).

        A kernel makes NaN of rows that see nothing, so these are shown everything: zero their answers.
        """
        if self.made is not None:
            return self.made
        mask = self.mask
        if self.real is not None:
            mask = mask | ~mask.any(-1, keepdim=True)
        return mask if self.slopes is None else self.bias().to(dtype).masked_fill(~mask, -torch.inf)

    def prepared(self, dtype: torch.dtype) -> "Visible":
        """The same with its mask made, where one is needed. Not for a cache with room: its keys are counted later."""
        return self.but(made=self.shown(dtype)) if self.needs_mask else self

    def bias(self) -> Tensor:
        """ALiBi's bias (1, h, T_q, T_k), float32. Arithmetic of Press et al., arXiv 2108.12409, section 3."""
        return -self.slopes[:, None, None] * (self.places[:, None] - self._keys).abs()[None, None]

    @property
    def own(self) -> Tensor:
        """I (T_q, T_k) bool: True where key j is query i itself."""
        return self.places[:, None] == self._keys

    @property
    def places(self) -> Tensor:
        """Where the queries stand among the keys, (T_q,)."""
        return torch.arange(self.n_queries, device=self.first.device) + self.start

    @property
    def _keys(self) -> Tensor:
        return torch.arange(self.n_keys, device=self.first.device)

    def with_slopes(self, slopes: Tensor) -> "Visible":
        return self.but(slopes=slopes)


WORDS = tuple(field.name for field in fields(Visible))


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
    `segments`: (B, T), a number for each packed document, not the one before it; not with a cache.
    """
    i = torch.arange(n_queries, device=device)[None] + n_past
    first, last = torch.zeros_like(i), i if causal else i[:, -1:].expand_as(i)
    if window is not None:
        first = torch.clamp(i - (window - 1), min=0)
        last = last if causal else torch.minimum(last, i + (window - 1))
    opens = None
    if segments is not None:
        opens, closes = segment_ends(segments)
        first, last = torch.maximum(first, opens), torch.minimum(last, closes)
    counted = isinstance(n_past, int)
    plain = counted and window is None and segments is None
    return Visible(
        first,
        last,
        n_keys=n_past + n_queries if counted else UNKNOWN,
        start=n_past,
        real=None if attention_mask is None else attention_mask.to(device).bool(),
        ranges=_plain(n_queries, n_past, causal) if plain else None,
        causal=causal,
        window=window,
        opens=opens,
    )


def _plain(n_queries: int, n_past: int, causal: bool) -> Literal["all", "causal"] | None:
    """How queries see keys where nothing is hidden but the future."""
    if not causal or n_queries == 1:
        return "all"
    return "causal" if n_past == 0 else None


def segment_ends(segments: Tensor) -> tuple[Tensor, Tensor]:
    """First and last token (B, T) of the packed document that each token is in."""
    opens = F.pad(segments[:, 1:] != segments[:, :-1], (1, 0))
    document = opens.cumsum(-1)
    return torch.searchsorted(document, document), torch.searchsorted(document, document, right=True) - 1
