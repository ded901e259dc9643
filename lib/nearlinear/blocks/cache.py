"""The half-size cache: where V is the normalised input X itself, X alone is kept, and K = X W_Kᵀ is not.

A full cache holds K and V, 2d numbers a token and block. In SAS and SAS-P, V is X, and q·k = q·(W_K x) = (W_Kᵀ q)·x:
so the query goes to the states, not the states to the keys. Exact in real arithmetic; not with RoPE, which turns each
key by its own angle between W_K and the dot product.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.cache_utils import DynamicCache

from .attention import softmax_matrix
from .context import Context
from .mixing import Shaped


class HalfCache(DynamicCache):
    """A cache that keeps X (B, 1, T, d) as its keys, and values of width 0. It grows, reorders and crops as usual."""

    def update_states(self, x: Tensor, layer_idx: int) -> Tensor:
        """Add the states x (B, T, d) of new tokens; all states so far (B, T_k, d)."""
        return self.update(x[:, None], x[:, None, :, :0], layer_idx)[0][:, 0]


def shaped_from_states(attn: Shaped, q: Tensor, y: Tensor, W_K: Tensor, value: nn.Module, context: Context) -> Tensor:
    """Shaped attention (B, T_q, d) of queries q (B, T_q, d) whose normalised input is y, with a HalfCache."""
    X = context.cache.update_states(y, attn.layer_idx)
    q, own, seen = attn.split(q), attn.split(value(y)), context.seen.over(X.shape[1])
    if q.shape[-2] > 1:  # many queries: keys are cheaper once than queries many times
        k, v = attn.split(F.linear(X, W_K)), attn.split(value(X))
        return attn.merge(attn.mix(q, k, v, own, seen))
    towards = q @ W_K.unflatten(0, (attn.n_heads, -1))  # (B, h, 1, d): W_Kᵀ q, head by head
    both = torch.cat([towards, torch.zeros_like(towards)], dim=-2)
    rows = softmax_matrix(both, X[:, None], seen, d_k=q.shape[-1])
    return attn.merge(_combine(attn, own, _values(rows, X, value, attn)))


def _combine(attn: Shaped, own: Tensor, attn_and_centre: Tensor) -> Tensor:
    alpha, beta, gamma = (g.to(own.dtype).view(-1, 1, 1) for g in attn.gains)
    return alpha * own + beta * attn_and_centre[..., :1, :] - gamma * attn_and_centre[..., 1:, :]


def _values(rows: Tensor, X: Tensor, value: nn.Module, attn: Shaped) -> Tensor:
    """Rows (B, h, 2, T_k) of A and C times the values. Where there is a W_V, means go through it, not each state."""
    weight: Callable[[], Tensor] | None = getattr(value, "weight", None)
    if weight is None:
        return rows @ attn.split(X)
    return rows @ X[:, None] @ weight().unflatten(0, (attn.n_heads, -1)).transpose(-1, -2)
