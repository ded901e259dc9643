"""Shaped attention, A ← αI + βA − γC (arXiv 2311.01906, Eq. 5), without a T × T matrix; and the matrix, to compare.

C is what A is where all query·key logits are 0: softmax of the mask alone. Its product with the values is their mean
over the visible tokens, a running sum. So the attention of a kernel that never forms A is all that is left to compute.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .visible import Visible

Attend = Callable[[Tensor, Tensor, Tensor, Visible], Tensor]
"""(q, k, v, visible) → A v: q (B, h, T_q, d_k), k and v (B, h, T_k, ·), the answer (B, h, T_q, d_v)."""


def shaped(
    q: Tensor, k: Tensor, v: Tensor, own: Tensor, gains: tuple[Tensor, Tensor, Tensor], seen: Visible, attend: Attend
) -> Tensor:
    """α·v + β·A v − γ·C v (B, h, T_q, d_v). `own`: the values of the queries themselves; gains (h,) each.

    Where nothing is visible A and C are zero, so α·v is left.
    """
    alpha, beta, gamma = (g.view(-1, 1, 1).to(v.dtype) for g in gains)
    attn, centre = attend_and_centre(q, k, v, seen, attend)
    return alpha * own + beta * attn - gamma * centre


def attend_and_centre(q: Tensor, k: Tensor, v: Tensor, seen: Visible, attend: Attend) -> tuple[Tensor, Tensor]:
    """(A v, C v). One query: the second is the attention of a query of zeros, read from the cache in the same call."""
    if q.shape[-2] == 1 and seen.n_keys > 1:
        both = attend(torch.cat([q, torch.zeros_like(q)], dim=-2), k, v, seen)
        return both[..., :1, :], both[..., 1:, :]
    if seen.slopes is not None:  # the bias is in C too: no plain mean
        return attend(q, k, v, seen), attend(torch.zeros_like(q), k, v, seen)
    return attend(q, k, v, seen), visible_mean(v, seen)


def visible_mean(v: Tensor, seen: Visible) -> Tensor:
    """C v: the mean of v (B, h, T_k, d_v) over what each query sees, (B, h, T_q, d_v), summed in float32 or better."""
    wide = torch.promote_types(v.dtype, torch.float32)
    if seen.all_or_causal == "all":
        return v.mean(-2, keepdim=True, dtype=wide).to(v.dtype).expand_as(v)
    if seen.all_or_causal == "causal":
        counts = torch.arange(1, v.shape[-2] + 1, device=v.device, dtype=wide)[:, None]
        return (v.cumsum(-2, dtype=wide) / counts).to(v.dtype)
    real = torch.ones(1, seen.n_keys, dtype=wide, device=v.device) if seen.real is None else seen.real.to(wide)
    real = real[:, None, :, None]
    sums = _between(F.pad((v * real.to(v.dtype)).cumsum(-2, dtype=wide), (0, 0, 1, 0)), seen)
    counts = _between(F.pad(real.cumsum(-2), (0, 0, 1, 0)), seen)
    return (sums / counts.clamp(min=1)).to(v.dtype)


def _between(upto: Tensor, seen: Visible) -> Tensor:
    """Sums from `first` to `last`, from running sums (B, h, T_k + 1, d) whose entry j is the sum of the first j."""
    return _at(upto, seen.last + 1) - _at(upto, seen.first)


def _at(upto: Tensor, j: Tensor) -> Tensor:
    """Rows j (1 or B, T_q) of `upto` (B, h, T_k + 1, d)."""
    B = max(upto.shape[0], j.shape[0])
    j = j[:, None, :, None].expand(B, upto.shape[1], j.shape[1], upto.shape[-1])
    return upto.expand(B, -1, -1, -1).gather(-2, j)


def softmax_matrix(q: Tensor, k: Tensor, seen: Visible, *, d_k: int | None = None) -> Tensor:
    """A = softmax(q kᵀ / √d_k + mask) (B, h, T_q, T_k), zero in rows that see nothing. Eq. 2; forms the matrix."""
    logits = q @ k.transpose(-1, -2) * (d_k or q.shape[-1]) ** -0.5
    if seen.slopes is not None:
        logits = logits + seen.bias().to(logits.dtype)
    mask = seen.mask
    A = logits.masked_fill(~mask, -torch.inf).softmax(-1)
    return A.masked_fill(~mask.any(-1, keepdim=True), 0.0)


def shaped_matrix(q: Tensor, k: Tensor, gains: tuple[Tensor, Tensor, Tensor], seen: Visible) -> Tensor:
    """αI + βA − γC (B, h, T_q, T_k), Eq. 5 as it stands: for teaching, and to check `shaped` against."""
    alpha, beta, gamma = (g.view(-1, 1, 1).to(q.dtype) for g in gains)
    A, C = softmax_matrix(q, k, seen), softmax_matrix(torch.zeros_like(q), k, seen)
    return alpha * own_places(seen).to(q.dtype) + beta * A - gamma * C


def own_places(seen: Visible) -> Tensor:
    """I (T_q, T_k): 1 where key j is query i itself."""
    i = torch.arange(seen.first.shape[1], device=seen.first.device) + seen.start
    return (i[:, None] == torch.arange(seen.n_keys, device=i.device)).float()


def sdpa(q: Tensor, k: Tensor, v: Tensor, seen: Visible) -> Tensor:
    """A v by torch's fused attention. Rows that see nothing give zero."""
    if seen.slopes is None and seen.all_or_causal == "all":
        return F.scaled_dot_product_attention(q, k, v)
    if seen.slopes is None and seen.all_or_causal == "causal":
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    mask, blind = kernel_mask(seen, q)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return out if blind is None else out.masked_fill(blind, 0.0)


def kernel_mask(seen: Visible, q: Tensor) -> tuple[Tensor, Tensor | None]:
    """A mask for kernels, and the rows (B, 1, T_q, 1) that see nothing: a kernel must be shown something for them."""
    mask, blind = seen.mask, None
    if seen.real is not None:
        blind = ~mask.any(-1, keepdim=True)
        mask = mask | blind
    if seen.slopes is not None:
        mask = seen.bias().to(q.dtype).masked_fill(~mask, -torch.inf)
    return mask, blind
