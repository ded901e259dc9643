"""What has no code of its own here: a map over a chosen run (ours), and ReplaceMe's rule written down from the paper.

Both look at whole matrices of states, which fit in memory at the size of this comparison.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nearlinear.edit.edits import removed
from nearlinear.edit.fitting import affine, choose_ridge
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.models import blocks
from nearlinear.inputs.windows import Batch, Window
from nearlinear.measure.linearity import AffineMap
from nearlinear.measure.moments import of_matrices
from nearlinear.measure.profile import Runner
from nearlinear.measure.stream_sums import Rows


@dataclass(frozen=True)
class States:
    """Of all tokens (n, d) each: `at[l]`, the states before block l; `mlp[l]`, what block l's MLP adds."""

    at: dict[int, Tensor]
    mlp: dict[int, Tensor]


def states(loaded: LoadedModel, windows: Sequence[Window], at: Iterable[int], mlp: Iterable[int] = ()) -> States:
    """One pass of the backbone; place L is behind the last block."""
    parts: dict[tuple[str, int], list[Tensor]] = {}
    at, mlp, mask = set(at), set(mlp), []

    def keep(kind: str, place: int, values: Tensor) -> None:
        parts.setdefault((kind, place), []).append(values[mask[0]].float().clone())

    def on_block(layer: int, x: Tensor, y: Tensor) -> None:
        for place, values in ((layer, x), (layer + 1, y)):
            if place in at and (place > layer or layer == 0):
                keep("at", place, values)

    def on_batch(batch: Batch, _rows: Rows) -> None:
        mask[:] = [batch.attention_mask.bool()]

    with watched_mlps(loaded.model, mlp, lambda layer, values: keep("mlp", layer, values)):
        Runner(loaded, None, None, 2048).run(windows, on_batch, on_block, "states")
    found = {key: torch.cat(values) for key, values in parts.items()}
    return States(*({place: found[kind, place] for place in wanted} for kind, wanted in (("at", at), ("mlp", mlp))))


@contextmanager
def watched_mlps(model: nn.Module, layers: Iterable[int], seen) -> Iterator[None]:
    """Call `seen(l, output)` for the MLP of each of these blocks."""
    handles = [
        blocks(model)[layer].mlp.register_forward_hook(lambda _m, _args, output, layer=layer: seen(layer, output))
        for layer in layers
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def one_map(fit: States, choose: States, run: range) -> AffineMap:
    """Ours for a run: least squares with an intercept, and with the ridge that errs least on another text."""
    moments, other = (of_matrices(s.at[run.start], s.at[run.stop]) for s in (fit, choose))
    return affine(moments, ridge=choose_ridge(moments, other))


def least_squares(fit: States, run: range) -> Tensor:
    """ReplaceMe's T (d, d) for a run (arXiv 2505.02819): M T ≈ Y - X + M, the minimum over all tokens.

    M is what the MLP before the run adds to the states, X and Y the states before and after the run. No mean is taken
    out, there is no intercept and no ridge: T = I + (MᵀM)⁻¹ Mᵀ(Y - X).
    """
    M, update = fit.mlp[run.start - 1].double(), fit.at[run.stop].double() - fit.at[run.start].double()
    return torch.eye(M.shape[1], dtype=M.dtype) + torch.linalg.solve(M.T @ M, M.T @ update)


@contextmanager
def folded(model: nn.Module, run: range, T: Tensor) -> Iterator[nn.Module]:
    """The model without the run, with T behind the last layer of the MLP before it; put back as it was."""
    weight = blocks(model)[run.start - 1].mlp.down_proj.weight
    before = weight.detach().clone()
    try:
        with torch.no_grad():
            weight.copy_(T.T @ before.double())
        with removed(model, run):
            yield model
    finally:
        with torch.no_grad():
            weight.copy_(before)
