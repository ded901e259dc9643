"""The studies of training beside the core one: each changes one thing, at three seeds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .training import Block, Reading, TrainSpec
from .training_specs import Size, size_of

Options = Mapping[str, bool | float | str]


@dataclass(frozen=True)
class Setting:
    """One setting of an ablation: the block, what its configuration says besides, and what its recipe does.

    `rates`: tried for fewer steps; the best is taken. One rate for all would compare how well that rate suits each.
    """

    block: Block
    options: Options = field(default_factory=dict)
    variant: str = ""
    recipe: Mapping[str, float | str] = field(default_factory=dict)
    rates: tuple[float, ...] = (3e-3, 9e-3)


BETAS = (0.0, 0.1, 0.3, 1.0)


def _values(**options: bool | float | str) -> Setting:
    return Setting("v-skipinit", options)


VALUES: dict[str, Setting] = {
    **{
        f"{start}-{100 * beta:g}": _values(vp_init=start, vp_beta=beta)
        for start in ("orthogonal", "identity")
        for beta in BETAS
    },
    "tied-blocks-0": _values(vp_init="tied-blocks", vp_beta=0.0),
    "tied-last-0": _values(vp_init="tied-last", vp_beta=0.0),
    "orthogonal-rate-10": Setting("v-skipinit", recipe={"value_rate": 0.1}),
    "orthogonal-rate-30": Setting("v-skipinit", recipe={"value_rate": 0.3}),
    "identity-gains": _values(vp_init="identity", vp_beta=0.2, vp_train_gains=True),
    "orthogonal-gains": _values(vp_init="orthogonal", vp_beta=0.2, vp_train_gains=True),
    "pre-ln": Setting("pre-ln"),
    "pre-ln-gains": Setting(
        "pre-ln", {"vp_init": "identity", "vp_beta": 0.2, "vp_train_gains": True}, variant="pre-ln-values"
    ),
    "pre-ln-identity": Setting("pre-ln", variant="pre-ln-identity"),
    "value-skip": _values(vp_init="identity", vp_beta=0.0, attention_shape="value-skip"),
    "sas": Setting("sas"),
    "sas-no-first-value": Setting("sas", variant="sas-no-first-value"),
    "sas-cosine": Setting("sas", recipe={"schedule": "cosine"}),
    "sas-no-mlp-skip": Setting("sas", variant="sas-no-mlp-skip", rates=(3e-4, 1e-3, 3e-3, 9e-3)),
    "sas-beta-ff-3": Setting("sas", {"beta_ff": 0.03}),
    "sas-beta-ff-100": Setting("sas", {"beta_ff": 1.0}),
}
"""By name, in which shares are per cent: Figs. 3, 4, 9, 12 to 16, 21 to 25 of arXiv 2311.01906.

W_V and W_P are those of `v-skipinit` unless said otherwise; "-gains" trains α and β from 1 and 0.2. The paper starts
β_FF at O(1/√L): 0.17 for six blocks, as "sas" does.
"""

_SMALLER = ("orthogonal-100", "identity-100", "pre-ln", "pre-ln-gains", "sas-no-mlp-skip")

RATES_FOUND = {"laptop": {name: 3e-3 if name in _SMALLER else 9e-3 for name in VALUES}}
"""By size, the rate that each setting learnt most by when they were tried (a test compares)."""

DEEP: tuple[Block, ...] = ("pre-ln", "v-skipinit", "sas", "sas-p")
ENCODERS: tuple[Block, ...] = ("pre-ln", "parallel", "v-skipinit", "sas", "sas-p", "sas-p-no-norm")
ON_PROSE: tuple[Block, ...] = ("parallel", "sas")
LONGER: tuple[Block, ...] = ("pre-ln", "sas-p")
MASKED_LONGER: tuple[Block, ...] = ("pre-ln", "sas")


def tried(size: str = "laptop") -> dict[str, TrainSpec]:
    """Every setting on six blocks at each of its rates, for fewer steps, with a seed that is never reported."""
    at = size_of(size)
    steps = at.ablation_steps // 3
    return {
        f"train-{size}-values-screen-{name}-{round(1e4 * rate)}e-4": _setting(at, name, rate, steps, 100)
        for name, setting in VALUES.items()
        for rate in setting.rates
    }


def ablations(size: str = "laptop") -> dict[str, TrainSpec]:
    """Every setting at the best of its rates, or at its block's where none was tried; every seed."""
    at = size_of(size)
    rates = {name: at.chosen[setting.block] for name, setting in VALUES.items()} | RATES_FOUND.get(size, {})
    return {
        f"train-{size}-values-{name}-{seed}": _setting(at, name, rate, at.ablation_steps, seed)
        for seed in at.seeds
        for name, rate in rates.items()
    }


def _setting(at: Size, name: str, rate: float, steps: int, seed: int) -> TrainSpec:
    setting = VALUES[name]
    recipe = at.recipe(rate, steps, **setting.recipe)
    options = tuple(sorted(setting.options.items()))
    return at.spec(setting.block, recipe, seed, L=at.ablation_L, options=options, variant=setting.variant)


def deep_tried(size: str = "laptop") -> dict[str, TrainSpec]:
    """The deep models at their own rate, a third and a sixth of it, for fewer steps: depth may want a smaller one."""
    at = size_of(size)
    return {
        f"train-{size}-deep-screen-{block}-{round(1e4 * rate)}e-4": at.spec(
            block, at.recipe(rate, at.ablation_steps // 3), 100, L=at.depths[1], d_ff=2 * at.architecture.d
        )
        for block in DEEP
        for rate in (at.chosen[block], at.chosen[block] / 3, at.chosen[block] / 6)
    }


def depth(size: str = "laptop") -> dict[str, TrainSpec]:
    """Shallow and deep models with MLPs twice as wide as the state: Fig. 6."""
    at = size_of(size)
    return {
        f"train-{size}-depth-{L}-{block}-{seed}": at.spec(
            block, at.recipe(_rate(at, block, L), at.ablation_steps), seed, L=L, d_ff=2 * at.architecture.d
        )
        for seed in at.seeds
        for L in at.depths
        for block in DEEP
    }


def _rate(at: Size, block: Block, L: int) -> float:
    return at.chosen[block] if at.depths[0] == L else at.chosen_deep.get(block, at.chosen[block])


def encoders_tried(size: str = "laptop") -> dict[str, TrainSpec]:
    """Masked models at three rates or more, for half the steps: theirs are not those of models that read one way."""
    at = size_of(size)
    return {
        f"train-{size}-masked-screen-{block}-{round(1e4 * rate)}e-4": _encoder(
            at, block, rate, at.masked_steps // 2, 100
        )
        for block in ENCODERS
        for rate in sorted({1e-3, 3e-3, 6e-3, *at.more_masked_rates.get(block, ())})
    }


def encoders(size: str = "laptop") -> dict[str, TrainSpec]:
    """Masked language models on prose: Figs. 7 and 27."""
    at = size_of(size)
    return {
        f"train-{size}-masked-{block}-{seed}": _encoder(
            at, block, at.chosen_masked.get(block, at.chosen[block]), at.masked_steps, seed
        )
        for seed in at.seeds
        for block in ENCODERS
    }


def encoders_longer(size: str = "laptop") -> dict[str, TrainSpec]:
    """Three times the steps, for the blocks that are furthest apart: does the one that is behind catch up?"""
    at = size_of(size)
    return {
        f"train-{size}-masked-longer-{block}-{seed}": _encoder(
            at, block, at.chosen_masked.get(block, at.chosen[block]), 3 * at.masked_steps, seed
        )
        for seed in at.seeds
        for block in MASKED_LONGER
    }


def _encoder(at: Size, block: Block, lr: float, steps: int, seed: int) -> TrainSpec:
    """A masked model.

    Positions are turned in (RoPE): with learned ones such short trainings stay at the frequencies of the tokens. And
    tokens are pieces of words: from bytes alone no task is learnt afterwards in the time there is.
    """
    reading = at.reading.model_copy(update={"task": "masked", "corpus": at.prose, "tokens": at.pieces})
    turned = (("positions", "rope"),)
    return at.spec(block, at.recipe(lr, steps), seed, L=at.ablation_L, options=turned, reading=reading)


def prose_tried(size: str = "laptop") -> dict[str, TrainSpec]:
    """Both blocks on prose, at the rate that suits them on code, a third and three times of it, for fewer steps."""
    at = size_of(size)
    steps = at.ablation_steps // 3
    return {
        f"train-{size}-prose-screen-{block}-{round(1e4 * rate)}e-4": _on_prose(at, block, rate, steps, 100)
        for block in ON_PROSE
        for rate in (at.chosen[block] / 3, at.chosen[block], 3 * at.chosen[block])
    }


def prose(size: str = "laptop") -> dict[str, TrainSpec]:
    """SAS against parallel on prose, with ALiBi: Fig. 28."""
    at = size_of(size)
    return {
        f"train-{size}-prose-{block}-{seed}": _on_prose(
            at, block, at.chosen_prose.get(block, at.chosen[block]), at.ablation_steps, seed
        )
        for seed in at.seeds
        for block in ON_PROSE
    }


def _on_prose(at: Size, block: Block, lr: float, steps: int, seed: int) -> TrainSpec:
    reading = Reading(corpus=at.prose, n_evaluate=at.reading.n_evaluate)
    alibi = (("positions", "alibi"),)
    return at.spec(block, at.recipe(lr, steps), seed, L=at.ablation_L, options=alibi, reading=reading)


def longer(size: str = "laptop") -> dict[str, TrainSpec]:
    """Three times the tokens of the core: Fig. 8."""
    at = size_of(size)
    return {
        f"train-{size}-longer-{block}-{seed}": at.spec(block, at.recipe(at.chosen[block], 3 * at.steps), seed)
        for seed in at.seeds
        for block in LONGER
    }


def equal(size: str = "laptop") -> dict[str, TrainSpec]:
    """Blocks without values and projections, whose MLP is wider by as many parameters: equal to Pre-LN in number."""
    at = size_of(size)
    return {
        f"train-{size}-equal-{block}-{seed}": at.spec(
            block, at.recipe(at.chosen[block], at.steps), seed, d_ff=5 * at.architecture.d
        )
        for seed in at.seeds
        for block in ("sas", "sas-p", "sas-p-no-norm")
    }
