"""What a model refuses, each in one sentence that says what to do."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from nearlinear.errors import InputError

from .cache import HalfCache
from .config import SimplifiedConfig


def check_dtype(
    dtype: torch.dtype, device: torch.device, capability: Callable[[torch.device], tuple[int, int]] | None = None
) -> None:
    """Raises InputError for bfloat16 on a GPU that only emulates it, which is slower than float32.

    `capability`: how to ask a GPU for its compute capability, unless as torch does.
    """
    if dtype is not torch.bfloat16 or device.type != "cuda":
        return
    major, minor = (capability or torch.cuda.get_device_capability)(device)
    if major < 8:
        raise InputError(
            f"a GPU of compute capability {major}.{minor} has no bfloat16, which needs 8.0: load the model with "
            "dtype=torch.float16 or torch.float32"
        )


def check_mask(mask: Tensor | None, x: Tensor, n_past: int | Tensor, *, roomy: bool) -> None:
    """Raises InputError for a mask that is not (B, T_k) of zeros and ones. `roomy`: it may speak of tokens to come."""
    if mask is None:
        return
    if mask.dim() != 2:
        raise InputError(
            f"an attention_mask of shape {tuple(mask.shape)} cannot be honoured, for C needs more than it says: give "
            "(B, T), 0 at padding, and say causal, window and segments by name"
        )
    if mask.is_floating_point():
        raise InputError(f"an attention_mask of {mask.dtype} may be one that is added: give integers or booleans")
    B, T = x.shape[:2]
    n_keys = T + n_past if isinstance(n_past, int) else mask.shape[1]
    if len(mask) != B or mask.shape[1] < n_keys or (mask.shape[1] > n_keys and not roomy):
        raise InputError(
            f"an attention_mask of shape {tuple(mask.shape)} does not fit {B} texts of {n_keys} tokens, those in the "
            f"cache included: give ({B}, {n_keys})"
        )


def check_segments(segments: Tensor | None, x: Tensor, cache: Cache | None) -> None:
    """Raises InputError for segments of another shape than the tokens, and for packed documents with a cache."""
    if segments is None:
        return
    if segments.shape != x.shape[:2]:
        raise InputError(f"segments of shape {tuple(segments.shape)} do not fit: give {tuple(x.shape[:2])}")
    if cache is not None:
        raise InputError("packed documents have no cache, for none of them goes on: give no past_key_values")


def check_gaps(mask: Tensor | None, segments: Tensor | None, config: SimplifiedConfig) -> None:
    """Raises InputError for padding that would count as text: between tokens, with ALiBi or a window, which go by the
    distance of places; and before the tokens of a packed document, whose positions count from its start.

    This reads the mask, so it is not asked where one cannot wait for the answer: while compiling, on the meta device.
    """
    if mask is None or mask.is_meta or torch.compiler.is_compiling():
        return
    begins = mask[:, 1:].bool() & ~mask[:, :-1].bool()  # a token after padding
    if segments is not None and bool((begins & (segments[:, 1:] == segments[:, :-1])).any()):
        raise InputError("a packed document begins with padding: give the padding a segment of its own")
    if config.positions != "alibi" and config.window is None:
        return
    if bool((begins.sum(-1) + mask[:, 0].bool() > 1).any()):
        raise InputError(
            "padding stands between tokens, and ALiBi and windows would count it as text: put it before or after them"
        )


def check_length(T: int, config: SimplifiedConfig, places: Tensor | None = None) -> None:
    """Raises InputError for more tokens than learned positions.

    `places`: of tokens in packed documents, which may all be short enough where the row is not. They are looked at in
    such a row alone, because a device must be waited for.
    """
    if config.positions != "learned" or config.max_position_embeddings >= T:
        return
    if places is not None and not torch.compiler.is_compiling():
        T = int(places.max()) + 1
    if config.max_position_embeddings < T:
        raise InputError(
            f"{T} tokens, and the model knows {config.max_position_embeddings} positions: cut them, or raise "
            "max_position_embeddings"
        )


def refuse_cache(cache: Cache | None, config: SimplifiedConfig) -> None:
    """Raises InputError for a cache where none can be used: in an encoder, and while blocks are computed twice."""
    if cache is not None and not config.causal:
        raise InputError("an encoder sees both sides and has no use for a cache: give no past_key_values")
    if cache is not None:
        raise InputError("gradient checkpointing would write a cache twice: call model.eval(), or give none")


def check_cache(cache: Cache | None, config: SimplifiedConfig) -> None:
    """Raises InputError for a HalfCache in a block that attends to other things than its input, or with RoPE."""
    if not isinstance(cache, HalfCache):
        return
    if not config.block.startswith("sas"):
        raise InputError(f"a HalfCache keeps inputs, and {config.block!r} attends to values: use a DynamicCache")
    if config.positions == "rope":
        raise InputError("a HalfCache keeps inputs, and rope turns keys one by one: use a DynamicCache")


def check_weights(info: dict[str, Any], config: SimplifiedConfig, saved: str | None, *, other_shapes: bool) -> None:
    """Raises InputError where a file holds the blocks of another model.

    `info`: what transformers says of the loading. `saved`: the block that the file's own configuration names; some
    blocks have weights of the same names and shapes. A new head is no fault, nor, with `other_shapes`, a larger one.
    """
    if saved not in (None, config.block):
        raise InputError(
            f"the file holds the weights of {saved!r} blocks, and {config.block!r} were asked for: load it with "
            "its own configuration"
        )
    missing, extra = of_blocks(info["missing_keys"]), of_blocks(info["unexpected_keys"])
    shapes = sorted(name for name, *_ in info["mismatched_keys"])
    shapes = of_blocks(shapes) if other_shapes else shapes
    found = {"missing": missing, "left over": extra, "of another shape": shapes}
    said = ", ".join(f"{len(names)} {how} ({names[0]})" for how, names in found.items() if names)
    if said:
        raise InputError(
            f"the file does not hold the weights of a model of {config.block!r} blocks: {said}; load it with its own "
            "configuration"
        )


def of_blocks(names: Iterable[str]) -> list[str]:
    """Names of weights that are in a block, sorted."""
    return sorted(name for name in names if "layers." in name)
