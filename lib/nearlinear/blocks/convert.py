"""Another block in a model of a known family: GPT-2, BERT or Llama, in shape and in how it is called, freshly drawn.

Weights are not carried over. A block without skips computes something else, so a trained W_Q means nothing in it; the
paper trains every block from the start, and so must whoever compares them.
"""

from collections.abc import Callable
from typing import Any

from transformers import PretrainedConfig, PreTrainedModel

from nearlinear.errors import InputError
from nearlinear.inputs.twin import seeded

from .config import SimplifiedConfig
from .model import (
    SimplifiedForCausalLM,
    SimplifiedForMaskedLM,
    SimplifiedForSequenceClassification,
    SimplifiedModel,
    SimplifiedPreTrained,
)

ACTIVATIONS = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu_new": "gelu",
    "gelu_fast": "gelu",
    "gelu_pytorch_tanh": "gelu",
    "silu": "silu",
    "swish": "silu",
}
"""Their word → ours. The approximations of GELU by tanh differ from it by less than 0.001."""

SHARED = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "max_position_embeddings",
    "initializer_range",
    "use_cache",
    "tie_word_embeddings",
    "pad_token_id",
    "bos_token_id",
    "eos_token_id",
    "id2label",
    "label2id",
    "problem_type",
)
"""What all of them call alike; GPT-2 answers to these names too."""

TASKS = {
    SimplifiedForCausalLM: ("GPT2LMHeadModel", "BertLMHeadModel", "LlamaForCausalLM"),
    SimplifiedForMaskedLM: ("BertForMaskedLM",),
    SimplifiedForSequenceClassification: (
        "GPT2ForSequenceClassification",
        "BertForSequenceClassification",
        "LlamaForSequenceClassification",
    ),
    SimplifiedModel: ("GPT2Model", "BertModel", "LlamaModel"),
}
"""Our class → theirs for the same task, by name: so that none of them is loaded to be compared with."""


def convert(
    given: PretrainedConfig | PreTrainedModel, block: str, *, seed: int = 0, **changes: Any
) -> SimplifiedPreTrained:
    """A model of the same shape made of `block`, with fresh weights, to be used in the same place.

    given: a configuration of GPT-2, BERT or Llama, which gives a language model, masked for an encoder; or a model,
    which gives one for the same task on the same device in the same dtype, and is not touched.
    changes: words of SimplifiedConfig that differ, such as positions="alibi" or vp_init="identity".
    Raises InputError as `converted_config` does, and for a task that has no model of ours.
    """
    model = given if isinstance(given, PreTrainedModel) else None
    config = converted_config(given if model is None else model.config, block, **changes)
    with seeded(seed):
        fresh = _class_for(model, config)(config)
    return fresh if model is None else fresh.to(device=model.device, dtype=model.dtype)


def converted_config(config: PretrainedConfig, block: str, **changes: Any) -> SimplifiedConfig:
    """Vocabulary, width, depth, heads, MLP, activation, norm, positions, tying, special tokens and labels as there.

    Left out, as in the paper's blocks: dropout, biases of matrices, and BERT's token types, pooler and the transform
    before its head. Raises InputError for a family that is none of the three, and for what no block of ours has:
    grouped heads, heads of another width, other activations, scaled RoPE, cross-attention.
    """
    if config.model_type not in FAMILIES:
        raise InputError(
            f"a {config.model_type!r} configuration cannot be converted: give one of {', '.join(FAMILIES)}, or write a "
            "SimplifiedConfig yourself"
        )
    own = FAMILIES[config.model_type](config)
    if getattr(config, "add_cross_attention", False):
        raise InputError("no block of ours attends to a second text: set add_cross_attention=False")
    words = {name: getattr(config, name) for name in SHARED}
    return SimplifiedConfig(block=block, **{**words, **own, **changes})


def _gpt2(config: PretrainedConfig) -> dict[str, object]:
    if config.scale_attn_by_inverse_layer_idx or not config.scale_attn_weights:
        raise InputError(
            "every block of ours divides logits by √d_k alone: set scale_attn_weights=True and "
            "scale_attn_by_inverse_layer_idx=False"
        )
    return {
        "intermediate_size": config.n_inner,
        "hidden_act": _activation("activation_function", config.activation_function),
        "norm": "layer",
        "norm_eps": config.layer_norm_epsilon,
    }


def _bert(config: PretrainedConfig) -> dict[str, object]:
    return {
        "causal": config.is_decoder,
        "intermediate_size": config.intermediate_size,
        "hidden_act": _activation("hidden_act", config.hidden_act),
        "norm": "layer",
        "norm_eps": config.layer_norm_eps,
    }


def _llama(config: PretrainedConfig) -> dict[str, object]:
    """Its gated MLP reads 2 × intermediate_size numbers, which is the width that ours is named by."""
    h = config.num_attention_heads
    if config.num_key_value_heads != h:
        raise InputError(
            f"{config.num_key_value_heads} key-value heads serve {h} heads, and blocks of ours give each head its own: "
            f"set num_key_value_heads={h}"
        )
    if config.head_dim * h != config.hidden_size:
        raise InputError(
            f"{h} heads of {config.head_dim} do not make up the width {config.hidden_size}: set head_dim=None"
        )
    return {
        "intermediate_size": 2 * config.intermediate_size,
        "mlp": "gated",
        "hidden_act": _activation("hidden_act", config.hidden_act),
        "norm": "rms",
        "norm_eps": config.rms_norm_eps,
        "positions": "rope",
        "rope_theta": _theta(config.rope_parameters),
    }


FAMILIES: dict[str, Callable[[PretrainedConfig], dict[str, object]]] = {"gpt2": _gpt2, "bert": _bert, "llama": _llama}
"""transformers' model_type → what its configuration says in words of its own."""


def _activation(name: str, theirs: str) -> str:
    if theirs not in ACTIVATIONS:
        raise InputError(f"{name}={theirs!r} is no activation of ours: set it to one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[theirs]


def _theta(rope: dict[str, Any]) -> float:
    if rope["rope_type"] != "default" or rope.get("partial_rotary_factor", 1.0) != 1.0:
        raise InputError(
            f"rope of type {rope['rope_type']!r} is scaled, and that of our blocks is not: set "
            'rope_parameters={"rope_type": "default", "rope_theta": …}'
        )
    return float(rope["rope_theta"])


def _class_for(model: PreTrainedModel | None, config: SimplifiedConfig) -> type[SimplifiedPreTrained]:
    """Ours for the task of theirs; the language model of the configuration where there is no model."""
    if model is None:
        return SimplifiedForCausalLM if config.causal else SimplifiedForMaskedLM
    names = {parent.__name__ for parent in type(model).__mro__}
    found = [ours for ours, theirs in TASKS.items() if names & set(theirs)]
    if not found:
        raise InputError(
            f"there is no simplified model for the task of {type(model).__name__}: give its config for a language model"
        )
    return found[0]
