"""Where a token stands: numbers added to its embedding, angles for RoPE, slopes for ALiBi; all from positions alone."""

import torch
from torch import Tensor, nn

from .config import SimplifiedConfig
from .visible import Visible


class Positions(nn.Module):
    """Adds to the embeddings x (B, T, d) of tokens what says where they stand, places (1 or B, T); same shape.

    Learned numbers, or sinusoids, or nothing: RoPE and ALiBi work inside attention. Sinusoids have size 1, so beside
    them the embeddings are scaled by √d, as in Vaswani et al. (arXiv 1706.03762).
    """

    def __init__(self, config: SimplifiedConfig):
        super().__init__()
        self.kind = config.positions
        if self.kind == "learned":
            self.learned = nn.Embedding(config.max_position_embeddings, config.hidden_size)

    def forward(self, x: Tensor, places: Tensor) -> Tensor:
        if self.kind == "learned":
            return x + self.learned(places)
        if self.kind == "sinusoidal":
            d = x.shape[-1]
            return d**0.5 * x + sinusoids(places, d).to(x.dtype)
        return x


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


def places_of(seen: Visible) -> Tensor:
    """Positions (1 or B, T): counted from the first token that is not padding, or from the start of each document."""
    places = seen.places[None]
    if seen.opens is not None:
        return places - seen.opens
    if seen.real is None:
        return places
    counted = (seen.real.cumsum(-1) - 1).clamp(min=0)
    return counted.gather(1, places.expand(len(counted), -1))
