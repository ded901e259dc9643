"""Shaped attention, A ← αI + βA − γC (arXiv 2311.01906, Eq. 5), without a T × T matrix; and the matrix, to compare.

C is what A is where all query·key logits are 0: softmax of the mask alone. Its product with the values is their mean
over the visible tokens, a running sum. So the attention of a kernel that never forms A is all that is left to compute.
(For padding, windows and packed documents the kernel wants a mask (1 or B, 1, T, T), made once for all blocks.)
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .visible import Visible

Attend = Callable[[Tensor, Tensor, Tensor, Visible], Tensor]
"""(q, k, v, visible) → A v: q (B, h, T_q, d_k), k and v (B, h, T_k, ·), the answer (B, h, T_q, d_v)."""

Gains = tuple[Tensor, Tensor, Tensor]
"""α, β, γ, one of each a head: (h,)."""


def shaped(q: Tensor, k: Tensor, v: Tensor, own: Tensor, gains: Gains, seen: Visible, attend: Attend) -> Tensor:
    """α·v + β·A v − γ·C v (B, h, T_q, d_v), Eq. 5 applied. `own`: the values of the queries themselves.

    Where nothing is visible A and C are zero, so α·v is left.
    """
    return combined(own, *attend_and_centre(q, k, v, seen, attend), gains)


def combined(own: Tensor, attn: Tensor, centre: Tensor, gains: Gains) -> Tensor:
    """α·own + β·attn − γ·centre, of I, A and C or of what they make of the values; (B, h, T_q, ·) each."""
    alpha, beta, gamma = (gain.view(-1, 1, 1).to(own.dtype) for gain in gains)
    return alpha * own + beta * attn - gamma * centre


def attend_and_centre(q: Tensor, k: Tensor, v: Tensor, seen: Visible, attend: Attend) -> tuple[Tensor, Tensor]:
    """(A v, C v). One query: the second is the attention of a query of zeros, read from the cache in the same call."""
    if q.shape[-2] == 1 and seen.window is None:
        return attend(torch.cat([q, torch.zeros_like(q)], dim=-2), k, v, seen).split(1, dim=-2)
    if seen.slopes is not None:  # the bias is in C too: no plain mean
        return attend(q, k, v, seen), attend(torch.zeros_like(q), k, v, seen)
    return attend(q, k, v, seen), visible_mean(v, seen)


def visible_mean(v: Tensor, seen: Visible) -> Tensor:
    """C v: the mean of v (B, h, T_k, d_v) over what each query sees, (B, h, T_q, d_v), summed in float32 or better.

    Zero where nothing is seen. Without ALiBi, whose C is no plain mean.
    """
    wide = torch.promote_types(v.dtype, torch.float32)
    real = v if seen.real is None else v * seen.real[:, None, :, None].to(v.dtype)
    mean = visible_sum(real, seen, wide) / n_visible(seen).clamp(min=1)
    return mean.to(v.dtype).expand(-1, -1, seen.n_queries, -1)


def n_visible(seen: Visible) -> Tensor:
    """How many keys each query sees, (1 or B, 1, T_q, 1) int64, or (1 or B, 1, 1, 1) if all see all."""
    real = torch.ones_like(seen.first[:1, :1]).expand(1, seen.n_keys) if seen.real is None else seen.real
    return visible_sum(real[:, None, :, None], seen, torch.int64)


def visible_sum(x: Tensor, seen: Visible, dtype: torch.dtype) -> Tensor:
    """The sum of x (B, h, T_k, d) over what each query sees, (B, h, T_q, d), or (B, h, 1, d) if all see all."""
    if seen.ranges == "all":
        return x.sum(-2, keepdim=True, dtype=dtype)
    upto = x.cumsum(-2, dtype=dtype)
    if seen.ranges == "causal":
        return upto
    upto = F.pad(upto, (0, 0, 1, 0))  # row j: the sum of the first j
    return _rows(upto, seen.last + 1) - _rows(upto, seen.first)


def _rows(x: Tensor, j: Tensor) -> Tensor:
    """Rows j (1 or B, T_q) of x (1 or B, h, ·, d)."""
    if len(j) == 1:
        return x.index_select(-2, j[0])
    index = j[:, None, :, None].expand(-1, x.shape[1], -1, x.shape[-1])
    return x.expand(len(j), -1, -1, -1).gather(-2, index)


def softmax_matrix(q: Tensor, k: Tensor, seen: Visible, *, d_k: int | None = None) -> Tensor:
    """A = softmax(q kᵀ / √d_k + mask) (B, h, T_q, T_k), zero in rows that see nothing. Eq. 2; forms the matrix."""
    logits = q @ k.transpose(-1, -2) * (d_k or q.shape[-1]) ** -0.5
    shown = seen.shown(logits.dtype)
    logits = logits + shown if shown.is_floating_point() else logits.masked_fill(~shown, -torch.inf)
    A = logits.softmax(-1, dtype=torch.promote_types(q.dtype, torch.float32)).to(q.dtype)
    return A if seen.real is None else A.masked_fill(n_visible(seen) == 0, 0.0)


def shaped_matrix(q: Tensor, k: Tensor, gains: Gains, seen: Visible) -> Tensor:
    """αI + βA − γC (B, h, T_q, T_k), Eq. 5 as it stands: for teaching, and to check `shaped` against."""
    A, C = softmax_matrix(q, k, seen), softmax_matrix(torch.zeros_like(q), k, seen)
    return combined(seen.own.to(q.dtype), A, C, gains)


def sdpa(q: Tensor, k: Tensor, v: Tensor, seen: Visible) -> Tensor:
    """A v by torch's fused attention. Rows that see nothing give zero."""
    if not seen.needs_mask:
        return F.scaled_dot_product_attention(q, k, v, is_causal=seen.ranges == "causal")
    mask = seen.shown(q.dtype)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(q.dtype) if mask.is_floating_point() else mask)
    return out if seen.real is None else out.masked_fill(n_visible(seen) == 0, 0.0)
