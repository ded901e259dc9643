"""Models of simplified blocks at the sizes of the benchmarks, their blocks compiled once, and a training step.

Only torch and transformers are needed, because machines with a GPU often have little else.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from nearlinear import SimplifiedConfig, SimplifiedForCausalLM, SimplifiedForMaskedLM

BASE = "pre-ln"
NAMES = {
    "pre-ln": "Pre-LN",
    "parallel": "parallel",
    "v-skipinit": "V-SkipInit",
    "sas": "SAS",
    "sas-p": "SAS-P",
    "sas-p-no-norm": "SAS-P, no norm",
}
SIZES: dict[str, dict] = {
    "18x256": {"hidden_size": 256, "num_attention_heads": 4, "vocab_size": 8192},
    "18x768": {},
    "BERT": {
        "num_hidden_layers": 16,
        "intermediate_size": 3072,
        "mlp": "gated",
        "hidden_act": "gelu",
        "vocab_size": 32768,
        "norm": "layer",
        "norm_eps": 1e-12,
        "beta_ff": 0.05,
        "causal": False,
    },
}
"""What differs from the defaults, which are CodeParrot's; BERT is Crammed BERT (appendix of arXiv 2311.01906)."""

SPARSE = {"BERT": 4}
"""One token in so many is asked for, and the head is applied to these alone."""

REHEARSED = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 64}


def config_of(block: str, size: str, T: int, *, rehearsed: bool = False) -> SimplifiedConfig:
    smaller = {**REHEARSED, "intermediate_size": 64} if rehearsed else {}
    return SimplifiedConfig(block=block, max_position_embeddings=T, **{**SIZES[size], **smaller})


def build(config: SimplifiedConfig, device: torch.device, dtype: torch.dtype) -> torch.nn.Module:
    """A fresh model made on the device. W_Q is drawn too: a product with zeros can be faster than one with numbers."""
    kind = SimplifiedForCausalLM if config.causal else SimplifiedForMaskedLM
    with torch.device(device):
        torch.manual_seed(0)
        model = kind._from_config(config, dtype=dtype)
    for block in model.model.layers:
        with torch.no_grad():
            block.reads.part("q").normal_(std=config.initializer_range)
    return model


def compile_blocks(model: torch.nn.Module, backend) -> None:
    """Compile the forward of the block's class once, and have every block of the model use it.

    The first block of SAS has a W_V and is compiled apart. A wrapper that transformers puts around `forward` for
    gradient checkpointing is taken off: it is one function for all classes, so they would share one compiler cache.
    """
    forward = inspect.unwrap(type(model.model.layers[0]).forward)
    compiled = torch.compile(forward, backend=backend, fullgraph=True, dynamic=False)
    for block in model.model.layers:
        block.forward = partial(compiled, block)


def head_loss(states: Tensor, W: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of states (n, d) against labels (n,), W (V, d): compiled as one where blocks are."""
    return F.cross_entropy(F.linear(states, W).float(), labels)


def training_step(
    model: torch.nn.Module, ids: Tensor, every: int, loss_of: Callable, precision: torch.dtype | None
) -> Callable[[], None]:
    """Forward, loss, backward and AdamW. `every`: ask one token in so many. `precision`: autocast to it, or None."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    labels = ids.flatten()[::every]

    def work() -> None:
        with torch.autocast(ids.device.type, dtype=precision, enabled=precision is not None):
            states = model.model(input_ids=ids, use_cache=False).last_hidden_state
            loss = loss_of(states.flatten(0, 1)[::every], model.lm_head.weight, labels)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return work


def random_ids(batch: int, T: int, vocabulary: int, device: torch.device) -> Tensor:
    return torch.randint(vocabulary, (batch, T), generator=torch.Generator().manual_seed(1)).to(device)


def base_first(blocks: Sequence[str]) -> list[str]:
    """The blocks to run, Pre-LN before the others, each once."""
    return list(dict.fromkeys([BASE, *blocks]))
