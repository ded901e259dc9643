"""Initialisation (section 4 and appendix C): normal weights, W_Q = 0, W_V and W_P orthogonal or the identity."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .parts import FirstValue, Gain, Reads, Reparametrised, fresh


@torch.no_grad()
def initialise(module: nn.Module, std: float) -> None:
    """One module's own tensors, as transformers walks the model; those that were read from a file stay."""
    if isinstance(module, Reads):
        module.initialise(std)
    elif isinstance(module, Gain | Reparametrised | FirstValue):
        module.initialise()
    elif isinstance(module, nn.Linear | nn.Embedding) and fresh(module.weight):
        nn.init.normal_(module.weight, std=std)
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            module.weight[module.padding_idx].zero_()
    elif isinstance(module, nn.RMSNorm | nn.LayerNorm):
        if fresh(module.weight):
            nn.init.ones_(module.weight)
        if getattr(module, "bias", None) is not None and fresh(module.bias):
            nn.init.zeros_(module.bias)


@torch.no_grad()
def tie_values(blocks: Sequence[nn.Module], how: str) -> None:
    """W_init of value and projection (Fig. 15): the identity, or tied so that a product of them is the identity.

    "tied-blocks": W_P W_V = I in every block. "tied-last": only the product over all blocks is, by the last W_P.
    """
    if how == "identity":
        for block in blocks:
            for part in (block.value, block.project):
                part.initialise(torch.eye(len(part.initial)))
    elif how == "tied-blocks":
        for block in blocks:
            block.project.initialise(block.value.initial.T)
    elif how == "tied-last" and blocks:
        blocks[-1].project.initialise(_product(blocks).T)


def _product(blocks: Sequence[nn.Module]) -> Tensor:
    """The product of all W_init but the last, in the order in which states meet them."""
    matrices = [part.initial for block in blocks for part in (block.value, block.project)][:-1]
    product = matrices[0]
    for W in matrices[1:]:
        product = W @ product
    return product
