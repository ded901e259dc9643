"""Small models for the tests: freshly drawn, or as if they had been trained; seeds explicit."""

import torch
from torch import Tensor

from nearlinear.blocks.config import SimplifiedConfig
from nearlinear.blocks.model import SimplifiedForCausalLM, SimplifiedPreTrained
from nearlinear.inputs.twin import seeded

SHAPED = ("sas", "sas-p", "sas-p-no-norm")
"""The blocks without W_V and W_P."""

SHAPED_AT_FIRST = ("v-skipinit", *SHAPED)
"""The blocks that start with W_Q = 0."""

POSITIONS = ("learned", "sinusoidal", "rope", "alibi", "none")
V, D, H, L = 48, 32, 4, 3
PAD = 0


def config(block: str, **how) -> SimplifiedConfig:
    small = {
        "vocab_size": V,
        "hidden_size": D,
        "num_hidden_layers": L,
        "num_attention_heads": H,
        "max_position_embeddings": 64,
        "pad_token_id": PAD,
    }
    return SimplifiedConfig(block, **{**small, **how})


def fresh(block: str, cls: type = SimplifiedForCausalLM, *, seed: int = 0, **how) -> SimplifiedPreTrained:
    """A model as it is drawn."""
    with seeded(seed):
        return cls(config(block, **how)).eval()


def moved(block: str, cls: type = SimplifiedForCausalLM, *, seed: int = 0, **how) -> SimplifiedPreTrained:
    """One whose every parameter has been moved, so that W_Q is not 0 and no two gains are alike."""
    model = fresh(block, cls, seed=seed, **how)
    g = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.15 * torch.randn(p.shape, generator=g, dtype=p.dtype)
    return model


def ids(B: int = 2, T: int = 10, *, seed: int = 0) -> Tensor:
    """Tokens (B, T), none of which is padding."""
    return torch.randint(1, V, (B, T), generator=torch.Generator().manual_seed(seed))


def padded(tokens: Tensor, left: int, right: int = 0) -> tuple[Tensor, Tensor]:
    """Tokens with padding around them, and the mask."""
    wide = torch.nn.functional.pad(tokens, (left, right), value=PAD)
    return wide, (wide != PAD).long()


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
