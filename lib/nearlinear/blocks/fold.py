"""A trained W = α·W_init + β·ΔW as one plain matrix, and as nothing where it is nearly a multiple of the identity.

Fig. 4 of arXiv 2311.01906: trained from the identity, nearly all W_V and W_P stay there. Where all of them are left
out of a V-SkipInit model, SAS is what remains.
"""

import copy
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from nearlinear.errors import InputError
from nearlinear.inputs.models import blocks

from .config import SimplifiedConfig
from .parts import FirstValue, Gain, Reparametrised

Form = Literal["plain", "identity", "kept"]


@dataclass(frozen=True)
class FoldedPart:
    """What became of one matrix W: `name` in block `layer`, such as "value" or "project".

    `scale`: c, the multiple of the identity that is nearest to W. `distance`: ‖W − cI‖ / ‖W‖ (Frobenius).
    """

    layer: int
    name: str
    scale: float
    distance: float
    form: Form


class Folded(NamedTuple):
    """A model that answers as the one that was given, and what was done to each of its matrices."""

    model: PreTrainedModel
    parts: tuple[FoldedPart, ...]


@torch.no_grad()
def fold(model: PreTrainedModel, *, tolerance: float = 0.0) -> Folded:
    """A copy in which each α·W_init + β·ΔW is one matrix, or left out where its distance is at most `tolerance`.

    A matrix cI that is left out leaves its c in the gains α, β, γ of its block: attention is linear in its values. So
    the answers are the same, but for what `tolerance` allows: take 0.05 and measure both models on the same text
    (`nearlinear.evaluate.perplexity.compare`). The W_V of a first block of SAS is left out or kept, never folded: it
    is a single product as it is. Raises InputError for a model that has none of these matrices.
    """
    folded = copy.deepcopy(model)
    found = [(layer, name, part) for layer, block in enumerate(blocks(folded)) for name, part in _foldable(block)]
    if not found:
        raise InputError(
            f"block {model.config.block!r} of this model has no α·W_init + β·ΔW: fold a v-skipinit or sas model, once"
        )
    parts = tuple(_judged(layer, name, part, tolerance) for layer, name, part in found)
    folded.config.vp_layers = [{} for _ in blocks(folded)]
    for part in parts:
        _change(blocks(folded)[part.layer], part)
        if part.form != "kept":
            folded.config.vp_layers[part.layer][part.name] = part.form
    return Folded(folded, parts)


def place_folded(slots: nn.ModuleList, config: SimplifiedConfig) -> None:
    """Give new blocks the parts of a folded model, which is about to be loaded."""
    d = config.hidden_size
    for layer, forms in enumerate(config.vp_layers or []):
        for name, form in forms.items():
            slots[layer].set_submodule(name, nn.Identity() if form == "identity" else nn.Linear(d, d, bias=False))


def nearest_identity(W: Tensor) -> tuple[float, float]:
    """c = tr W / d, which makes ‖W − cI‖ smallest, and that distance over ‖W‖, for W (d, d), in float64."""
    W = W.double()
    scale = W.trace() / len(W)
    off = W - scale * torch.eye(len(W), dtype=W.dtype, device=W.device)
    return float(scale), float(off.norm() / W.norm())


def _foldable(block: nn.Module) -> list[tuple[str, Reparametrised | FirstValue]]:
    return [(name, part) for name, part in block.named_modules() if isinstance(part, Reparametrised | FirstValue)]


def _judged(layer: int, name: str, part: Reparametrised | FirstValue, tolerance: float) -> FoldedPart:
    scale, distance = nearest_identity(part.weight())
    whole: Form = "plain" if isinstance(part, Reparametrised) else "kept"
    return FoldedPart(layer, name, scale, distance, "identity" if distance <= tolerance else whole)


def _change(block: nn.Module, part: FoldedPart) -> None:
    """Put a plain matrix or nothing in place of one part."""
    if part.form == "plain":
        W = block.get_submodule(part.name).weight()
        linear = nn.Linear(*W.shape, bias=False, device="meta")
        linear.weight = nn.Parameter(W)
        block.set_submodule(part.name, linear)
    if part.form == "identity":
        block.set_submodule(part.name, nn.Identity())
        for gain in block.attn.children():
            if isinstance(gain, Gain):
                gain.bias_free *= part.scale
