"""Which kernel computes A v: torch's fused one, a plain softmax, or any that transformers knows by name."""

from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from nearlinear.errors import InputError

from .attention import Attend, sdpa, softmax_matrix
from .visible import Visible


def attend_with(implementation: str | None, module: nn.Module) -> Attend:
    """The kernel called "sdpa", "eager" or, for instance, "flash_attention_2"."""
    return {"sdpa": sdpa, "eager": eager, None: sdpa}.get(implementation) or named(implementation, module)


def eager(q: Tensor, k: Tensor, v: Tensor, seen: Visible) -> Tensor:
    """A v with the matrix formed."""
    return softmax_matrix(q, k, seen) @ v


def named(implementation: str, module: nn.Module) -> Attend:
    """A kernel of transformers' list, which takes a padding mask (B, T_k) and a window.

    Raises InputError where it is asked for ALiBi or packed documents.
    """
    kernel = ALL_ATTENTION_FUNCTIONS[implementation]

    def attend(q: Tensor, k: Tensor, v: Tensor, seen: Visible) -> Tensor:
        if seen.slopes is not None or seen.packed:
            what = "ALiBi" if seen.slopes is not None else "packed documents"
            raise InputError(f"{implementation} cannot honour {what}: choose attn_implementation='sdpa'")
        mask = None if seen.real is None or bool(seen.real.all()) else seen.real
        causal = seen.causal and seen.first.shape[1] > 1  # one query sees all that is cached
        out, _ = kernel(
            module, q, k, v, mask, scaling=q.shape[-1] ** -0.5, is_causal=causal, sliding_window=seen.window
        )
        return out.transpose(1, 2)

    return attend
