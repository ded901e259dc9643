"""The parts of attention that mix tokens: softmax attention, αI + βA, and αI + βA − γC, over h heads."""

import torch
from torch import Tensor, nn

from .attention import Gains, shaped, shaped_matrix, softmax_matrix
from .config import SimplifiedConfig
from .context import Context, Rotary
from .kernels import attend_with
from .parts import Gain
from .visible import Visible


class Mixing(nn.Module):
    """Softmax attention: A v, head by head; q, k, v (B, T, d) → (B, T, d). Base of the other two.

    `matrix` gives the same as a matrix (B, h, T_q, T_k); it is applied where the caller asks for it.
    """

    def __init__(self, config: SimplifiedConfig, layer_idx: int):
        super().__init__()
        self.config, self.layer_idx = config, layer_idx
        self.n_heads, self.is_causal = config.num_attention_heads, config.causal

    def forward(self, q: Tensor, k: Tensor, v: Tensor, context: Context) -> Tensor:
        q, k, own = (self.split(x) for x in (q, k, v))
        if context.rotary is not None:
            q, k = rotate(q, context.rotary), rotate(k, context.rotary)
        k, v = context.remembered(k, own, self.layer_idx)
        return self.answer(q, k, v, own, context)

    def answer(self, q: Tensor, k: Tensor, v: Tensor, own: Tensor, context: Context) -> Tensor:
        """(B, T_q, d) from heads q (B, h, T_q, d_k), k and v (B, h, T_k, d_k); `own`: the values of the queries."""
        seen = context.seen.over(k.shape[-2])
        if context.matrices is None:
            return self.merge(self.mix(q, k, v, own, seen))
        context.matrices.append(self.matrix(q, k, seen))
        return self.merge(context.matrices[-1].to(v.dtype) @ v)

    def mix(self, q: Tensor, k: Tensor, v: Tensor, own: Tensor, seen: Visible) -> Tensor:
        """A v. `own` is for the blocks that add the values of the queries themselves."""
        return self.attend(q, k, v, seen)

    def matrix(self, q: Tensor, k: Tensor, seen: Visible) -> Tensor:
        return softmax_matrix(q, k, seen)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, seen: Visible) -> Tensor:
        return attend_with(self.config._attn_implementation, self)(q, k, v, seen)

    def split(self, x: Tensor) -> Tensor:
        """(B, T, d) → (B, h, T, d_k)."""
        return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)

    def merge(self, x: Tensor) -> Tensor:
        """(B, h, T, d_k) → (B, T, d)."""
        return x.transpose(1, 2).flatten(2)


class ValueSkip(Mixing):
    """(αI + βA) v with α = 1 and β = 0 at initialisation: V-SkipInit (Eq. 4)."""

    def __init__(self, config: SimplifiedConfig, layer_idx: int):
        super().__init__(config, layer_idx)
        self.alpha, self.beta = Gain(1.0, self.n_heads), Gain(0.0, self.n_heads)

    def mix(self, q: Tensor, k: Tensor, v: Tensor, own: Tensor, seen: Visible) -> Tensor:
        alpha, beta = a_head(self.alpha, v), a_head(self.beta, v)
        return alpha * own + beta * self.attend(q, k, v, seen)

    def matrix(self, q: Tensor, k: Tensor, seen: Visible) -> Tensor:
        eye = seen.own.to(q.dtype)
        return a_head(self.alpha, q) * eye + a_head(self.beta, q) * softmax_matrix(q, k, seen)


class Shaped(Mixing):
    """(αI + βA − γC) v (Eq. 5), α = β = γ = 1 at initialisation: the identity, as long as W_Q = 0."""

    def __init__(self, config: SimplifiedConfig, layer_idx: int):
        super().__init__(config, layer_idx)
        self.alpha, self.beta, self.gamma = (Gain(1.0, self.n_heads) for _ in range(3))

    def mix(self, q: Tensor, k: Tensor, v: Tensor, own: Tensor, seen: Visible) -> Tensor:
        return shaped(q, k, v, own, self.gains, seen, self.attend)

    def matrix(self, q: Tensor, k: Tensor, seen: Visible) -> Tensor:
        return shaped_matrix(q, k, self.gains, seen)

    @property
    def gains(self) -> Gains:
        return self.alpha.bias_free, self.beta.bias_free, self.gamma.bias_free


def a_head(gain: Gain, like: Tensor) -> Tensor:
    """One gain a head, (h, 1, 1)."""
    return gain.bias_free.to(like.dtype).view(-1, 1, 1)


def rotate(x: Tensor, rotary: Rotary) -> Tensor:
    """RoPE: pairs (j, j + d_k/2) of x (B, h, T, d_k) turned by their position's angle (Su et al., arXiv 2104.09864)."""
    cos, sin = (table[:, None].to(x.dtype) for table in rotary)
    left, right = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-right, left], dim=-1) * sin
