"""Models that differ from those of the eight blocks in one thing, for ablations (arXiv 2311.01906, Figs. 22 to 25)."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from nearlinear.blocks.blocks import SAS, PreLN
from nearlinear.blocks.config import SimplifiedConfig
from nearlinear.blocks.context import Context
from nearlinear.blocks.initial import initialise, tie_values
from nearlinear.blocks.parts import Reads, Reparametrised
from nearlinear.results.training import TrainSpec

from .models import simplified_model


class PreLNValues(PreLN):
    """Pre-LN whose W_V and W_P are α·W_init + β·ΔW (Eq. 6), with its attention skip: Figs. 22 and 23."""

    def __init__(self, config: SimplifiedConfig, layer_idx: int):
        super().__init__(config, layer_idx)
        d = config.hidden_size
        self.reads = Reads(d, {"q": d, "k": d})
        gains = {"alpha": config.vp_alpha, "beta": config.vp_beta, "train_gains": config.vp_train_gains}
        self.value, self.project = Reparametrised(d, **gains), Reparametrised(d, **gains)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        y = self.attn_norm(x)
        q, k = self.reads.parts(y)
        x = x + self.project(self.attn(q, k, self.value(y), context))
        return x + self.mlp(self.up(self.mlp_norm(x)))


class PreLNIdentity(PreLN):
    """Pre-LN with W_V = W_P = I and its attention skip: x̂ = x + A Norm x (Fig. 23)."""

    def __init__(self, config: SimplifiedConfig, layer_idx: int):
        super().__init__(config, layer_idx)
        d = config.hidden_size
        self.reads = Reads(d, {"q": d, "k": d})
        self.project = nn.Identity()

    def forward(self, x: Tensor, context: Context) -> Tensor:
        y = self.attn_norm(x)
        q, k = self.reads.parts(y)
        x = x + self.attn(q, k, y, context)
        return x + self.mlp(self.up(self.mlp_norm(x)))


class SASNoFirstValue(SAS):
    """SAS that keeps no W_V, not even in its first block (Fig. 24)."""

    def __init__(self, config: SimplifiedConfig, layer_idx: int):
        super().__init__(config, layer_idx)
        self.attn.value = nn.Identity()


class SASNoMLPSkip(SAS):
    """SAS without the skip around its MLP, one after the other: β_FF MLP(Norm x̂) (Fig. 25)."""

    def forward(self, x: Tensor, context: Context) -> Tensor:
        y = self.attn_norm(x)
        q, k = self.reads.parts(y)
        x = self.attn(q, k, y, context, self.reads)
        return self.beta_ff(self.mlp(self.up(self.mlp_norm(x))))


def with_blocks(spec: TrainSpec, vocabulary: int, *, block: type[nn.Module]) -> nn.Module:
    """The model of `spec` with every block of another class, freshly drawn."""
    model = simplified_model(spec, vocabulary)
    layers = nn.ModuleList(block(model.config, i) for i in range(model.config.num_hidden_layers))
    layers.apply(partial(initialise, std=model.config.initializer_range))
    if block is PreLNValues:
        tie_values(layers, model.config.vp_init)
    model.base_model.layers = layers
    return model


VARIANTS: dict[str, Callable[[TrainSpec, int], nn.Module]] = {
    "pre-ln-values": partial(with_blocks, block=PreLNValues),
    "pre-ln-identity": partial(with_blocks, block=PreLNIdentity),
    "sas-no-first-value": partial(with_blocks, block=SASNoFirstValue),
    "sas-no-mlp-skip": partial(with_blocks, block=SASNoMLPSkip),
}
"""Every variant by name, as a function (specification, vocabulary) → model."""
