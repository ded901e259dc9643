"""Models of other families, small and from fresh weights, beside our own blocks: the same loop trains them all."""

from collections.abc import Callable

from torch import nn
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM

from nearlinear import SimplifiedForCausalLM
from nearlinear.blocks.config import BLOCK_NAMES
from nearlinear.errors import InputError
from nearlinear.inputs.twin import seeded
from nearlinear.results.drift import DriftSpec, FamilyArchitecture
from nearlinear.results.training import Architecture

from .models import PAPERS_STD, PAPERS_WIDTH, config_of


def llama(of: FamilyArchitecture, vocabulary: int) -> nn.Module:
    """Pre-LN with RMSNorm, a gated MLP of width 8/3 d, no biases. The width is rounded up to a multiple of eight."""
    return LlamaForCausalLM(LlamaConfig(**words(of, vocabulary), intermediate_size=of.d_ff or -(-of.d // 3) * 8))


def gpt_neox(of: FamilyArchitecture, vocabulary: int) -> nn.Module:
    """Pythia's: attention and MLP side by side, LayerNorm, biases, a quarter of each head turned by position."""
    return GPTNeoXForCausalLM(GPTNeoXConfig(**words(of, vocabulary), intermediate_size=of.d_ff or 4 * of.d))


def words(of: FamilyArchitecture, vocabulary: int) -> dict[str, object]:
    """What both configurations call the same. No token ends a text: documents are cut, not closed."""
    return {
        "vocab_size": vocabulary,
        "hidden_size": of.d,
        "num_hidden_layers": of.L,
        "num_attention_heads": of.h,
        "max_position_embeddings": of.T,
        "initializer_range": of.std or PAPERS_STD * (PAPERS_WIDTH / of.d) ** 0.5,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }


def ours(of: FamilyArchitecture, vocabulary: int) -> nn.Module:
    """A model of our own blocks, with the others' positions (RoPE)."""
    shape = {name: getattr(of, name) for name in ("L", "d", "h", "T", "d_ff", "std")}
    architecture = Architecture(block=of.family, options=(("positions", "rope"),), **shape)
    return SimplifiedForCausalLM(config_of(architecture, vocabulary))


FAMILIES: dict[str, Callable[[FamilyArchitecture, int], nn.Module]] = {
    "llama": llama,
    "gpt-neox": gpt_neox,
    **dict.fromkeys(BLOCK_NAMES, ours),
}
"""Every family by name, as a function (architecture, vocabulary) → model."""


def family_model(spec: DriftSpec, vocabulary: int) -> nn.Module:
    """The model before its first step, float32, on the CPU: a function of the specification alone.

    Raises InputError as `check_family` does.
    """
    check_family(spec)
    with seeded(spec.seed):
        return FAMILIES[spec.architecture.family](spec.architecture, vocabulary)


def check_family(spec: DriftSpec) -> None:
    """Raises InputError for an unknown family, for heads that do not fit, and for what only our own training does."""
    of = spec.architecture
    if of.family not in FAMILIES:
        raise InputError(f"no family {of.family!r}: choose one of {', '.join(FAMILIES)}")
    if of.d % (2 * of.h):
        raise InputError(f"{of.h} heads do not cut a width of {of.d} into even parts: choose numbers that do")
    if spec.reading.task != "causal":
        raise InputError("these families predict the next token alone: take the task causal")
    if spec.recipe.value_rate != 1:
        raise InputError("these families give values and projections no rate of their own: leave value_rate at 1")
