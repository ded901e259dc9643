"""Initialisation (section 4): normal weights, W_Q = 0, W_V and W_P orthogonal or the identity."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .parts import Delta, Gain, Reads, Reparametrised, fresh


@torch.no_grad()
def initialise(module: nn.Module, std: float) -> None:
    """One module's own tensors, as transformers walks the model; those that were read from a file stay.

    It passes over modules without tensors of their own, so nothing is left to these.
    """
    if isinstance(module, Reads):
        module.initialise(std)
    elif isinstance(module, Gain | Reparametrised | Delta):
        module.initialise()
    elif isinstance(module, nn.Linear | nn.Embedding) and fresh(module.weight):
        nn.init.normal_(module.weight, std=std)
    elif isinstance(module, nn.RMSNorm | nn.LayerNorm):
        if fresh(module.weight):
            nn.init.ones_(module.weight)
        if getattr(module, "bias", None) is not None and fresh(module.bias):
            nn.init.zeros_(module.bias)


@torch.no_grad()
def tie_values(blocks: Sequence[nn.Module], how: str) -> None:
    """W_init of value and projection (Fig. 15): the identity, or tied so that a product of them is the identity.

    "tied-blocks": W_P W_V = I in every block. "tied-last": only the product over all blocks is, by the last W_P.
    "orthogonal" ties nothing.
    """
    if how == "identity":
        for block in blocks:
            for part in (block.value, block.project):
                part.start_from(torch.eye(len(part.initial)))
    elif how == "tied-blocks":
        for block in blocks:
            block.project.start_from(block.value.initial.T)
    elif how == "tied-last" and blocks:
        blocks[-1].project.start_from(_product(blocks).T)


def _product(blocks: Sequence[nn.Module]) -> Tensor:
    """The product of all W_init but the last, in the order in which states meet them; float32 or better."""
    matrices = [part.initial for block in blocks for part in (block.value, block.project)][:-1]
    product = matrices[0].to(torch.promote_types(matrices[0].dtype, torch.float32))
    for W in matrices[1:]:
        product = W.to(product) @ product
    return product
