"""Tiny models with random weights, one a family, and a tokenizer of bytes: what tests run on, with no download."""

from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import CONFIG_MAPPING, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from nearlinear.errors import InputError

from .twin import random_model

HEADS, CONTEXT = 4, 1024

GPT2_WORDS = ("n_embd", "n_layer", "n_head", "n_positions")
LLAMA_WORDS = ("hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings")

FAMILIES = ("gpt2", "gptj", "gpt_neox", "llama", "mistral", "qwen2", "opt", "bloom", "falcon", "gemma", "phi", "bert")


def tiny_config(family: str, *, d: int = 32, L: int = 3, vocab: int = 256) -> PretrainedConfig:
    """A configuration of the family with L blocks of width d, in the words that this family uses."""
    if family not in FAMILIES:
        raise InputError(f"no tiny model of family {family!r}: choose one of {', '.join(FAMILIES)}")
    words = GPT2_WORDS if family in ("gpt2", "gptj") else LLAMA_WORDS
    return CONFIG_MAPPING[family](
        vocab_size=vocab,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
        **dict(zip(words, (d, L, HEADS, CONTEXT), strict=True)),
        **_own_words(family, d),
    )


def _own_words(family: str, d: int) -> dict[str, object]:
    """What only this family calls so: most often the width inside the feed-forward part, or of one head."""
    inner, head = 4 * d, d // HEADS
    return {
        "gpt2": {},
        "gptj": {"rotary_dim": head},
        "opt": {"ffn_dim": inner, "word_embed_proj_dim": d},
        "bloom": {},
        "falcon": {},
        "mistral": {"intermediate_size": inner, "num_key_value_heads": HEADS},
        "qwen2": {"intermediate_size": inner, "num_key_value_heads": HEADS},
        "gemma": {"intermediate_size": inner, "num_key_value_heads": HEADS, "head_dim": head},
    }.get(family, {"intermediate_size": inner})


def tiny_model(family: str, *, d: int = 32, L: int = 3, seed: int = 0, vocab: int = 256) -> PreTrainedModel:
    """L blocks of width d with fresh random weights, on the CPU, float32, ready to measure. Raises InputError."""
    return random_model(tiny_config(family, d=d, L=L, vocab=vocab), seed)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte: 256 of them, no special ones, nothing to download."""
    vocab = {symbol: i for i, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(BPE(vocab=vocab, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)
