"""When a device runs out of memory: the same work again with half the batch, and one sentence where that is no help."""

import gc
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from nearlinear.errors import OutOfMemory
from nearlinear.inputs.windows import Window

T = TypeVar("T")

BATCH_TOKENS = 2048
"""What one batch holds, where memory allows it."""

SAID = ("out of memory", "can't allocate memory")
"""How devices say so that have no error of their own for it."""


def halving(work: Callable[[int], T], windows: Sequence[Window], *, batch_tokens: int = BATCH_TOKENS) -> T:
    """work(batch_tokens); where memory runs out, from its beginning with half as many, until each window is alone.

    From its beginning, because sums have taken in a part of the batch that broke. How windows are put together changes
    a result by rounding alone. Raises OutOfMemory where a single window does not fit.
    """
    longest = max((len(window.input_ids) for window in windows), default=0)
    while True:
        try:
            return work(batch_tokens)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            said = str(error).partition("\n")[0]
        if batch_tokens <= longest:
            raise OutOfMemory(
                f"memory does not hold this model with one window of {longest} tokens: take --dtype bfloat16, a "
                f"smaller --context, --device cpu or a smaller model ({said})"
            )
        batch_tokens //= 2
        print(f"nearlinear: memory ran out, so again with batches of {batch_tokens} tokens …", file=sys.stderr)
        if torch.cuda.is_available():
            gc.collect()
            torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device has run out of memory: CUDA has an error for it, others a sentence."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in SAID)
