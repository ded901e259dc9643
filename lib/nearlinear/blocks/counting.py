"""Counting real modules, on the meta device: shapes without numbers, so that a model of any size costs nothing."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from nearlinear.results.counting import MADE
from nearlinear.results.sizes import Sizes

from .config import SimplifiedConfig
from .model import SimplifiedForCausalLM, SimplifiedForMaskedLM


def config_of(block: str, sizes: Sizes) -> SimplifiedConfig:
    """The configuration of a model of these sizes. Raises InputError for an unknown block."""
    return SimplifiedConfig(
        block=block,
        vocab_size=sizes.V,
        hidden_size=sizes.d,
        intermediate_size=sizes.f,
        num_hidden_layers=sizes.L,
        num_attention_heads=sizes.h,
        max_position_embeddings=sizes.P,
        causal=sizes.causal,
        norm=sizes.norm,
        mlp=sizes.mlp,
        positions=sizes.positions,
        attention_shape=sizes.attention_shape,
        vp_train_gains=sizes.vp_train_gains,
        sparse_prediction=sizes.share < 1,
        tie_word_embeddings=sizes.tied,
    )


def sizes_of(config: SimplifiedConfig, *, share: float = 1.0) -> Sizes:
    """The sizes of a configured model. `share`: part of the tokens with logits, which no configuration knows."""
    words: Any = config  # strings that were checked when it was made
    return Sizes(
        L=config.num_hidden_layers,
        d=config.hidden_size,
        h=config.num_attention_heads,
        V=config.vocab_size,
        f=config.intermediate_size,
        P=config.max_position_embeddings,
        positions=words.positions,
        mlp=words.mlp,
        norm=words.norm,
        tied=config.tie_word_embeddings,
        causal=config.causal,
        share=share,
        attention_shape=words.attention_shape,
        vp_train_gains=config.vp_train_gains,
    )


def on_meta(config: SimplifiedConfig) -> nn.Module:
    """The model with its head, as shapes alone. Tied here, because transformers 5.0 does not tie on this device."""
    with torch.device("meta"):
        model = (SimplifiedForCausalLM if config.causal else SimplifiedForMaskedLM)(config)
    model.tie_weights()
    return model


def count(config: SimplifiedConfig) -> int:
    """Parameters of the real modules, tied ones once."""
    return sum(parameter.numel() for parameter in on_meta(config).parameters())


def counted(models: Mapping[str, Sizes]) -> dict[str, dict[str, int]]:
    """Model → block → parameters, each counted on its modules."""
    return {name: {block: count(config_of(block, sizes)) for block in MADE} for name, sizes in models.items()}
