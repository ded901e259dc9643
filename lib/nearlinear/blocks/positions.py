"""Where a token stands: numbers added to its embedding, angles for RoPE, slopes for ALiBi; all from positions alone."""

import torch
from torch import Tensor, nn

from nearlinear.errors import InputError

from .config import SimplifiedConfig


class Embedding(nn.Module):
    """Token embeddings plus positions: ids (B, T) and positions (1 or B, T) → states (B, T, d).

    Sinusoids have size 1, so the embeddings are scaled by √d beside them, as in Vaswani et al. (arXiv 1706.03762).
    """

    def __init__(self, config: SimplifiedConfig):
        super().__init__()
        d = config.hidden_size
        self.positions, self.longest, self.scale = config.positions, config.max_position_embeddings, 1.0
        self.tokens = nn.Embedding(config.vocab_size, d, padding_idx=config.pad_token_id)
        if config.positions == "learned":
            self.places = nn.Embedding(config.max_position_embeddings, d)
        if config.positions == "sinusoidal":
            self.scale = d**0.5

    def forward(self, states: Tensor, places: Tensor) -> Tensor:
        """`states`: embeddings of the tokens (B, T, d)."""
        if self.positions == "learned":
            return states + self.places(places)
        if self.positions == "sinusoidal":
            return self.scale * states + sinusoids(places, states.shape[-1]).to(states.dtype)
        return states

    def check_length(self, T: int) -> None:
        """Raises InputError for more tokens than learned positions."""
        if self.positions == "learned" and self.longest < T:
            raise InputError(
                f"{T} tokens, and the model knows {self.longest} positions: cut them, or raise max_position_embeddings"
            )


def frequencies(n: int, theta: float, device: torch.device) -> Tensor:
    """θ^(−j/n) for j = 0 … n − 1, float32."""
    return theta ** -(torch.arange(n, device=device, dtype=torch.float32) / n)


def sinusoids(places: Tensor, d: int) -> Tensor:
    """Sines, then cosines, of places (B, T) at d/2 frequencies: (B, T, d) float32."""
    angles = places[..., None] * frequencies((d + 1) // 2, 10_000.0, places.device)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)[..., :d]


def rotary(places: Tensor, d_k: int, theta: float) -> tuple[Tensor, Tensor]:
    """cos and sin (B, T, d_k) of the angles by which RoPE turns pairs (arXiv 2104.09864)."""
    angles = places[..., None] * frequencies(d_k // 2, theta, places.device)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def alibi_slopes(h: int, device: torch.device) -> Tensor:
    """ALiBi's slopes (h,): 2^(−8(j+1)/h) for a power of two, else filled up from the next one (arXiv 2108.12409)."""
    power = 2 ** (h - 1).bit_length() if h & (h - 1) else h
    slopes = 2.0 ** (-8.0 * torch.arange(1, power + 1, device=device) / power)
    if power == h:
        return slopes
    half = power // 2
    return torch.cat([2.0 ** (-8.0 * torch.arange(1, half + 1, device=device) / half), slopes[::2]])[:h]


def places_of(T: int, *, n_past: int | Tensor, attention_mask: Tensor | None, first: Tensor | None, device) -> Tensor:
    """Positions (1 or B, T): counted from the first token that is not padding, or from the start of each document."""
    i = torch.arange(T, device=device)[None] + n_past
    if attention_mask is not None:
        counted = attention_mask.long().cumsum(-1) - 1
        return (
            counted.clamp(min=0)[:, -T:]
            if counted.shape[1] == T
            else counted.clamp(min=0).gather(1, i.expand(len(counted), T))
        )
    return i if first is None else i - first
