"""Stacks of freshly drawn blocks, from softmax attention alone to SAS-P without norm."""

from dataclasses import dataclass, field
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nearlinear.errors import InputError
from nearlinear.inputs.twin import seeded
from nearlinear.results.signal import Mask, Stack

from .blocks import BLOCKS, Skipless, VSkipInit
from .config import SimplifiedConfig
from .context import Context
from .initial import initialise
from .positions import sinusoids
from .visible import visible

N_TOKENS = 256
"""Different tokens there are: one a byte."""

EMBEDDINGS, TOKENS = 1_000_000, 2_000_000
"""Added to the seed of the weights, so that embeddings and random tokens are drawn apart from them."""


class Attention(Skipless):
    """MHA(Norm x), and nothing else. Without the norm it is the network of Dong et al. (arXiv 2103.03404)."""

    def forward(self, x: Tensor, context: Context) -> Tensor:
        q, k, v = self.reads.parts(self.attn_norm(x))
        return self.project(self.attn(q, k, v, context))


class AttentionSkip(Attention):
    """x + MHA(Norm x): Pre-LN without its MLP."""

    def forward(self, x: Tensor, context: Context) -> Tensor:
        return x + super().forward(x, context)


@dataclass(frozen=True)
class Recipe:
    """The class of a stack's blocks, and what its configuration says beside their number and size."""

    block: type[nn.Module]
    options: dict[str, str] = field(default_factory=dict)


RECIPES: dict[Stack, Recipe] = {
    "attention": Recipe(Attention, {"norm": "none"}),
    "attention-norm": Recipe(Attention),
    "attention-skip": Recipe(AttentionSkip),
    "v-skipinit-value-skip": Recipe(VSkipInit, {"attention_shape": "value-skip"}),
    **{name: Recipe(block) for name, block in BLOCKS.items()},
}
"""Every stack by name; the eight blocks of the models are among them."""


def stack(name: Stack, *, L: int, d: int, h: int, seed: int) -> nn.ModuleList:
    """L blocks with weights of standard deviation 1/√d, with which a square matrix keeps the size of a state; float64.

    What is zero, the identity or orthogonal by design stays so. Raises InputError for a name that is not known.
    """
    if name not in RECIPES:
        raise InputError(f"no stack {name!r}: choose one of {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    config = SimplifiedConfig(
        hidden_size=d, num_hidden_layers=L, num_attention_heads=h, vocab_size=N_TOKENS, **recipe.options
    )
    with torch.device("meta"):  # shapes first, so that no number is drawn twice
        blocks = nn.ModuleList(recipe.block(config, layer) for layer in range(L))
    with seeded(seed):
        blocks.to_empty(device="cpu").apply(partial(initialise, std=d**-0.5))
    return blocks.double().requires_grad_(False)


def query_key_value(block: nn.Module) -> list[nn.Parameter]:
    """The matrix that W_Q and W_K are parts of; then W_V, where it is neither part of it nor left out."""
    holder = getattr(block, "value", getattr(block.attn, "value", None))
    own = getattr(holder, "delta", None)
    return [block.reads.weight] if own is None else [block.reads.weight, own.weight]


def embeddings(d: int, seed: int) -> Tensor:
    """A normal vector for each token, (256, d) float64."""
    with seeded(EMBEDDINGS + seed):
        return torch.randn(N_TOKENS, d).double()


def states_of(ids: Tensor, table: Tensor) -> Tensor:
    """Embeddings of ids (T,) with sinusoids added, of root mean square 1: (1, T, d)."""
    d = table.shape[1]
    places = torch.arange(len(ids), device=table.device)[None]
    return F.rms_norm(table[ids] + sinusoids(places, d).to(table.dtype), (d,))


def context_of(mask: Mask, T: int, *, device: torch.device | str = "cpu") -> Context:
    """What T tokens see of each other. Attention is computed by the equation as it stands, and its matrices kept."""
    return Context(visible(T, causal=mask == "causal", device=device), matrices=[])
