"""Where a model attends, by the softmax matrix and by the matrix that acts on its values; and its longest states."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from nearlinear.blocks.attention import softmax_matrix
from nearlinear.blocks.mixing import Mixing, rotate
from nearlinear.errors import UnsupportedModel
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.models import blocks
from nearlinear.inputs.windows import Window, batches
from nearlinear.measure.residual import residual_stream
from nearlinear.results.meeting import Attention

OnAttention = Callable[[int, Tensor, Tensor, Tensor], None]
"""Called as on_attention(l, A, M, v): both matrices (B, h, T, T) and the values (B, h, T, d_k) of block l."""


def attention_of(loaded: LoadedModel, windows: Sequence[Window], *, batch_tokens: int = 2048) -> Attention:
    """Every measure of Attention, of windows of at least two tokens.

    Raises UnsupportedModel for a model whose blocks are not those of `nearlinear.blocks`.
    """
    found: dict[tuple[str, int], list[Tensor]] = defaultdict(list)

    def on_attention(layer: int, A: Tensor, M: Tensor, v: Tensor) -> None:
        for name, values in of_matrices(A, M, v).items():
            found[name, layer].append(values)

    def on_block(layer: int, _x: Tensor, y: Tensor) -> None:
        for name, values in of_states(y).items():
            found[name, layer].append(values)

    device = next(loaded.model.parameters()).device
    with watching_attention(loaded.model, on_attention):
        for batch in batches(windows, batch_tokens=batch_tokens, device=device):
            residual_stream(loaded.model, batch, on_block)
    means = {key: torch.cat(values).mean(0) for key, values in found.items()}  # () or (h,)
    return Attention(**_by_block(means, len(blocks(loaded.model))))


def _by_block(means: dict[tuple[str, int], Tensor], L: int) -> dict[str, tuple[float, ...]]:
    """From means over windows, one a head where it has heads, to one number a block."""
    names = dict.fromkeys(name for name, _ in means)
    found = {name: tuple(float(means[name, layer].mean()) for layer in range(L)) for name in names}
    return found | {"top_first_mass": tuple(float(means["first_mass", layer].max()) for layer in range(L))}


def of_matrices(A: Tensor, M: Tensor, v: Tensor) -> dict[str, Tensor]:
    """Measures of A and M (B, h, T, T) and values v (B, h, T, d_k), one a window and head: (B, h) float64."""
    half = A.shape[-1] // 2
    weight, length = M.double().abs(), torch.linalg.vector_norm(v.double(), dim=-1)
    share = weight / weight.sum(-1, keepdim=True)
    mass = A.double()[..., half:, :half].mean(-2)  # (B, h, half): on each earlier token
    return {
        "first_mass": mass[..., 0],
        "sink_mass": mass.amax(-1),
        "sink_first": (mass[..., 0] > mass[..., 1:].amax(-1)).double(),
        "sink_place": mass.argmax(-1).double(),
        "first_share": share[..., half:, 0].mean(-1),
        "own_share": share.diagonal(dim1=-2, dim2=-1)[..., half:].mean(-1),
        "first_value": length[..., 0] / length.median(-1).values,
    }


def of_states(y: Tensor) -> dict[str, Tensor]:
    """Measures of the states y (B, T, d) after a block, one a window: (B,) float64."""
    y = y.double()
    length, sizes = torch.linalg.vector_norm(y, dim=-1), y.abs()
    largest = sizes.amax(-1)  # (B, T): of each token
    return {
        "first_length": length[:, 0] / length.median(-1).values,
        "first_longest": (length.argmax(-1) == 0).double(),
        "peak": largest.amax(-1) / sizes.flatten(1).median(-1).values,
        "peak_first": (largest.argmax(-1) == 0).double(),
    }


@contextmanager
def watching_attention(model: nn.Module, on_attention: OnAttention) -> Iterator[None]:
    """Call `on_attention` for each block of every forward pass inside the `with`; no hook is left behind."""
    with ExitStack() as stack:
        for layer, block in enumerate(blocks(model)):
            attn = getattr(block, "attn", None)
            if not isinstance(attn, Mixing):
                raise UnsupportedModel(
                    f"block {layer} of {type(model).__name__} does not say how it attends: give a model of the blocks "
                    "of nearlinear.blocks"
                )
            stack.enter_context(attn.register_forward_pre_hook(partial(_tell, layer, on_attention)))
        yield


def _tell(layer: int, on_attention: OnAttention, attn: Mixing, given: tuple) -> None:
    """Form the matrices from what a block gives its attention: (q, k, v or y, context, …)."""
    q, k, v, context = given[:4]
    v = attn.value(v) if hasattr(attn, "value") else v
    q, k, v = (attn.split(x) for x in (q, k, v))
    if context.rotary is not None:
        q, k = rotate(q, context.rotary), rotate(k, context.rotary)
    seen = context.seen.over(k.shape[-2])
    on_attention(layer, softmax_matrix(q, k, seen), attn.matrix(q, k, seen), v)
