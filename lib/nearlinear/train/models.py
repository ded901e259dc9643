"""From an architecture to a model with fresh weights, and to the groups of weights that an optimiser takes."""

from collections.abc import Callable

from torch import nn
from torch.optim import AdamW

from nearlinear import SimplifiedConfig, SimplifiedForCausalLM, SimplifiedForMaskedLM
from nearlinear.blocks.decay import decay_groups
from nearlinear.errors import InputError
from nearlinear.inputs.twin import seeded
from nearlinear.results.training import Architecture, Recipe, TrainSpec

PAPERS_WIDTH, PAPERS_STD = 768, 0.02
VALUES = ("value", "project")
"""What the modules of value and projection matrices are called."""


def config_of(architecture: Architecture, vocabulary: int, *, causal: bool = True) -> SimplifiedConfig:
    """The configuration of an architecture. Raises InputError for options that are not SimplifiedConfig's words."""
    options = dict(architecture.options)
    known = SimplifiedConfig().to_dict()
    if unknown := sorted(options.keys() - known.keys()):
        raise InputError(f"{unknown[0]!r} is no word of SimplifiedConfig: leave it out, or look for its right spelling")
    std = architecture.std or PAPERS_STD * (PAPERS_WIDTH / architecture.d) ** 0.5
    return SimplifiedConfig(
        **{
            "block": architecture.block,
            "vocab_size": vocabulary,
            "hidden_size": architecture.d,
            "intermediate_size": architecture.d_ff,
            "num_hidden_layers": architecture.L,
            "num_attention_heads": architecture.h,
            "max_position_embeddings": architecture.T,
            "causal": causal,
            "initializer_range": std,
        }
        | options
    )


def fresh_model(spec: TrainSpec, vocabulary: int) -> nn.Module:
    """The model before its first step, float32, on the CPU: a function of the specification alone.

    Raises InputError for a variant or options that are not known.
    """
    with seeded(spec.seed):
        return _maker(spec.architecture.variant)(spec, vocabulary)


def _maker(variant: str) -> Callable[[TrainSpec, int], nn.Module]:
    if not variant:
        return simplified_model
    from .variants import VARIANTS

    if variant not in VARIANTS:
        raise InputError(f"no variant {variant!r} of a block: choose one of {', '.join(VARIANTS)}")
    return VARIANTS[variant]


def simplified_model(spec: TrainSpec, vocabulary: int) -> nn.Module:
    """A model of simplified blocks. A masked one has one token more, which stands for what is hidden."""
    masked = spec.reading.task == "masked"
    config = config_of(spec.architecture, vocabulary + masked, causal=not masked)
    return (SimplifiedForMaskedLM if masked else SimplifiedForCausalLM)(config)


def adamw(model: nn.Module, recipe: Recipe) -> AdamW:
    """The paper's optimiser: no decay of gains and norms. `rate` of a group is what its learning rate is multiplied by.

    Weights of value and projection go in groups of their own where `value_rate` is not 1.
    """
    groups = [group | {"rate": 1.0} for group in decay_groups(model, recipe.weight_decay)]
    if recipe.value_rate != 1:
        groups = [part for group in groups for part in _parted(group, _values(model), recipe.value_rate)]
    groups = [group for group in groups if group["params"]]
    return AdamW(groups, lr=recipe.lr, betas=recipe.betas, eps=recipe.eps, fused=True)


def _values(model: nn.Module) -> set[nn.Parameter]:
    """The matrices of value and projection. Raises InputError for a model in which they are no weights of their own."""
    found = {
        weight
        for name, module in model.named_modules()
        if name.rpartition(".")[2] in VALUES
        for weight in module.parameters()
        if weight.ndim >= 2
    }
    if not found:
        raise InputError(
            f"block {model.config.block!r} has no value or projection of its own to give a rate: train v-skipinit"
        )
    return found


def _parted(group: dict, values: set[nn.Parameter], rate: float) -> list[dict]:
    theirs = [weight for weight in group["params"] if weight in values]
    rest = [weight for weight in group["params"] if weight not in values]
    return [group | {"params": rest}, group | {"params": theirs, "rate": rate}]
