"""What a model costs to keep and to run: parameters, and floating-point operations a token."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from nearlinear.errors import InputError


@dataclass(frozen=True)
class Cost:
    """`parameters`: numbers to keep, tied ones once. `flops`: of the products in one forward pass, a token.

    A multiplication and an addition are two operations. Everything but matrix products and attention is left out: it is
    a few per cent.
    """

    parameters: int
    flops: float
    context: int


def cost(model: nn.Module, *, context: int = 512) -> Cost:
    """Of the model as it stands, so inside `removed` or `replaced` that of what is left of it.

    The operations are counted by torch while `context` tokens run through. Raises InputError for a context below 1.
    """
    if context < 1:
        raise InputError(f"a context of {context} tokens is none: give at least 1")
    ids = torch.zeros(1, context, dtype=torch.long, device=next(model.parameters()).device)
    plain_attention = sdpa_kernel(SDPBackend.MATH)  # torch cannot count inside the fused kernels of a CPU
    with torch.no_grad(), plain_attention, FlopCounterMode(display=False) as counter:
        model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Cost(parameters, counter.get_total_flops() / context, context)
