"""The only place that knows where an architecture keeps its blocks.

transformers gives every causal model a `base_model` (the backbone: everything but the head); the blocks are a
ModuleList somewhere inside it, under a name that differs from family to family.
"""

from collections.abc import Iterator
from typing import Any, cast

from torch import nn

from nearlinear.errors import UnsupportedModel

BLOCKS = ("layers", "h", "decoder.layers", "encoder.layer", "language_model.layers", "transformer.layer", "blocks")
"""Where blocks are looked for first, from the backbone: Llama and its many relatives, GPT-2, OPT, BERT, ..."""

FINAL_NORMS = ("norm", "ln_f", "final_layer_norm", "final_layernorm", "norm_f", "final_norm", "layer_norm", "ln_out")
"""Where a norm after the last block is looked for, beside the list of blocks."""


def backbone(model: nn.Module) -> nn.Module:
    """The model without its head; its forward takes input_ids and attention_mask, both (B, T)."""
    return getattr(model, "base_model", model)


def unembed(model: nn.Module) -> nn.Module | None:
    """The head that turns the last state into logits; None for an encoder, which has none."""
    find = getattr(model, "get_output_embeddings", None)
    return find() if find else None


def blocks(model: nn.Module) -> nn.ModuleList:
    """The L blocks of the residual stream, in order. Raises UnsupportedModel, naming what was looked for."""
    return cast("nn.ModuleList", model.get_submodule(blocks_path(model)))


def blocks_path(model: nn.Module) -> str:
    """Where the blocks are, from the model: "model.layers" for Llama. Raises UnsupportedModel."""
    body = backbone(model)
    known = [path for path in BLOCKS if isinstance(_at(body, path), nn.ModuleList)]
    found = known[:1] or list(_lists_of_length(body, n_blocks(model)))
    if len(found) != 1:
        raise UnsupportedModel(
            f"{type(model).__name__} has no list of blocks that we can find: looked for {', '.join(BLOCKS)} in its "
            f"{type(body).__name__}, then for the one ModuleList of {n_blocks(model)} modules (there are {len(found)})"
        )
    return _path_of(body, model) + found[0]


def final_norm(model: nn.Module) -> str | None:
    """Where the norm after the last block is, from the model; None where there is none (Post-LN, such as BERT)."""
    path = blocks_path(model)
    beside = path.rpartition(".")[0]
    names = [f"{beside}.{name}" if beside else name for name in FINAL_NORMS]
    return next((name for name in names if isinstance(_at(model, name), nn.Module)), None)


def n_blocks(model: nn.Module) -> int | None:
    """How many blocks the configuration speaks of; None where it does not say."""
    config: Any = getattr(model, "config", None)
    config = config.get_text_config() if hasattr(config, "get_text_config") else config
    return getattr(config, "num_hidden_layers", None)


def _at(module: nn.Module, path: str) -> object:
    found: object = module
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


def _lists_of_length(body: nn.Module, length: int | None) -> Iterator[str]:
    return (name for name, part in body.named_modules() if isinstance(part, nn.ModuleList) and len(part) == length)


def _path_of(part: nn.Module, model: nn.Module) -> str:
    """The path of `part` with a dot after it, or nothing where it is the model itself."""
    name = next(name for name, module in model.named_modules() if module is part)
    return f"{name}." if name else ""
