"""The attention of SAS and SAS-P: shaped, and without W_V and W_P."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import combined, softmax_matrix
from .cache import HalfCache
from .config import SimplifiedConfig
from .context import Context
from .mixing import Shaped
from .parts import FirstValue, Reads
from .visible import Visible


class SimplifiedAttention(Shaped):
    """(αI + βA − γC) y with W_V = W_P = I: the normalised input y (B, T, d) is its own value (Eq. 12 and 13).

    The first block of a model keeps a W_V, which starts as the identity: it alone is seen to move in Fig. 4.
    """

    def __init__(self, config: SimplifiedConfig, layer_idx: int):
        super().__init__(config, layer_idx)
        self.value = FirstValue(config.hidden_size) if layer_idx == 0 else nn.Identity()

    def forward(self, q: Tensor, k: Tensor, y: Tensor, context: Context, reads: Reads) -> Tensor:
        """`reads`: where W_K is, for a HalfCache, which keeps y's and no keys."""
        if isinstance(context.cache, HalfCache):
            return self.from_states(q, y, reads.part("k"), context)
        return super().forward(q, k, self.value(y), context)

    def from_states(self, q: Tensor, y: Tensor, W_K: Tensor, context: Context) -> Tensor:
        """The same with a HalfCache. One query goes to the states; for many, keys are the cheaper way round."""
        X = context.cache.update_states(y, self.layer_idx)
        q, own = self.split(q), self.split(self.value(y))
        if q.shape[-2] == 1 and context.matrices is None:
            return self.merge(self.absorbed(q, X, own, W_K, context.seen.over(X.shape[1])))
        k, v = self.split(F.linear(X, W_K)), self.split(self.value(X))
        return self.answer(q, k, v, own, context)

    def absorbed(self, q: Tensor, X: Tensor, own: Tensor, W_K: Tensor, seen: Visible) -> Tensor:
        """Shaped attention (B, h, 1, d_k) of one query q (B, h, 1, d_k) to states X (B, T_k, d), without their keys."""
        to_states = q @ W_K.unflatten(0, (self.n_heads, -1))  # W_Kᵀ q: (B, h, 1, d)
        both = torch.cat([to_states, torch.zeros_like(to_states)], dim=-2)  # logits of 0 give C
        rows = softmax_matrix(both, X[:, None], seen, d_k=q.shape[-1])
        return combined(own, *self.values_under(rows, X).split(1, dim=-2), self.gains)

    def values_under(self, rows: Tensor, X: Tensor) -> Tensor:
        """Rows (B, h, 2, T_k) times the values (B, h, T_k, d_k). Where there is a W_V, means go through it."""
        if isinstance(self.value, nn.Identity):
            return rows @ self.split(X)
        return rows @ X[:, None] @ self.value.weight().unflatten(0, (self.n_heads, -1)).mT
