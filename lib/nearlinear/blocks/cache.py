"""The half-size cache: where V is the normalised input X itself, X alone is kept, and K = X W_Kᵀ is not.

A full cache holds K and V, 2d numbers a token and block. In SAS and SAS-P, V is X, and q·k = q·(W_K x) = (W_Kᵀ q)·x:
so the query goes to the states, not the states to the keys (simplified.py). Exact in real arithmetic, and with the W_V
of the first block too, for it is linear; not with RoPE, which turns each key by its own angle between W_K and the dot
product.
"""

from torch import Tensor
from transformers.cache_utils import DynamicCache


class HalfCache(DynamicCache):
    """A cache that keeps X (B, 1, T, d) as its keys, and values of width 0. It grows, reorders and crops as usual."""

    def update_states(self, x: Tensor, layer_idx: int) -> Tensor:
        """Add the states x (B, T, d) of new tokens; all states so far (B, T_k, d)."""
        return self.update(x[:, None], x[:, None, :, :0], layer_idx)[0][:, 0]
