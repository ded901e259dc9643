"""Random weights: the same architecture as a trained model, freshly initialised, to see what training adds."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoModel,
    AutoModelForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
)


def auto_class(config: PretrainedConfig) -> Any:
    """AutoModelForCausalLM for decoders, AutoModel for encoders.

    Encoders such as BERT can be given a causal head too, so a family that is made for masked words counts as encoder.
    """
    masked = type(config) in MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_decoder", False)
    own_code = getattr(config, "auto_map", None) or {}
    causal = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING or "AutoModelForCausalLM" in own_code
    return AutoModelForCausalLM if causal and not masked else AutoModel


def random_model(
    config: PretrainedConfig, seed: int, *, dtype: torch.dtype = torch.float32, trust_remote_code: bool = False
) -> PreTrainedModel:
    """The architecture with weights drawn as before training. The global generators stay as they were."""
    with seeded(seed):
        model = auto_class(config).from_config(config, dtype=dtype, trust_remote_code=trust_remote_code)
    return model.eval()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, torch's generator on the CPU starts from `seed`; afterwards it is where it was before."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def state_sha256(model: torch.nn.Module) -> str:
    """A hash of every weight with its name, type and shape: the identity of weights that no file holds.

    Tied weights count once. Buffers are left out: they are constants, and which ones are kept differs by version.
    """
    digest = hashlib.sha256()
    for name, weight in sorted(model.named_parameters()):
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        digest.update(weight.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
