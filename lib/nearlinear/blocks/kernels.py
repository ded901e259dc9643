"""Which kernel computes A v: torch's fused one, a plain softmax, or any that transformers knows by name."""

import torch
from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from nearlinear.errors import InputError

from .attention import Attend, sdpa, softmax_matrix
from .visible import Visible


def eager(q: Tensor, k: Tensor, v: Tensor, seen: Visible) -> Tensor:
    """A v with the matrix formed."""
    return softmax_matrix(q, k, seen).to(v.dtype) @ v


OURS: dict[str | None, Attend] = {"sdpa": sdpa, "eager": eager, None: sdpa}
"""Kernels that honour everything a `Visible` says."""


def attend_with(implementation: str | None, module: nn.Module) -> Attend:
    """The kernel called "sdpa", "eager" or, for instance, "flash_attention_2". None: "sdpa"."""
    return OURS[implementation] if implementation in OURS else named(implementation, module)


def named(implementation: str, module: nn.Module) -> Attend:
    """A kernel of transformers' list. These take a padding mask (B, T_k) and the word "causal", and no more.

    Raises InputError where more is to be honoured: ALiBi, packed documents, a window, the empty end of a static cache.
    """
    kernel = ALL_ATTENTION_FUNCTIONS[implementation]

    def attend(q: Tensor, k: Tensor, v: Tensor, seen: Visible) -> Tensor:
        if beyond := beyond_padding(seen):
            raise InputError(f"{implementation} cannot honour {beyond}: choose attn_implementation='sdpa'")
        if seen.n_queries < q.shape[-2]:  # one query and one of zeros: kernels would take them for two tokens
            return torch.cat([attend(one, k, v, seen) for one in q.split(1, dim=-2)], dim=-2)
        causal = seen.causal and seen.n_queries > 1  # one query sees all that is cached
        options = {"scaling": q.shape[-1] ** -0.5, "is_causal": causal}
        out, _ = kernel(module, q, k.to(q.dtype), v.to(q.dtype), seen.real, **options)
        return out.transpose(1, 2)

    return attend


def beyond_padding(seen: Visible) -> str | None:
    """What hides keys, beside padding and the future; None: nothing does."""
    asked = {
        "ALiBi": seen.slopes is not None,
        "packed documents": seen.opens is not None,
        "a window": seen.window is not None,
        "a static cache": seen.roomy,
    }
    return next((what for what, is_so in asked.items() if is_so), None)
