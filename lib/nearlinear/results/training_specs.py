"""The trainings of the book as specifications: the chapters ask for these, and these are recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nearlinear.errors import InputError

from .training import Architecture, Block, Reading, Recipe, TrainSpec, VariantSpec

SIX: tuple[Block, ...] = ("pre-ln", "parallel", "v-skipinit", "sas", "sas-p", "sas-p-no-norm")
"""The blocks that are compared."""


@dataclass(frozen=True)
class Size:
    """One size of every study. `rates`: tried for each block; `chosen`: the one that each block learnt most by.

    Ablations have `ablation_L` blocks; `depths`: a shallow model and a deep one; `prose`: a text that is no code;
    `pieces`: its tokens for masked models.
    """

    architecture: Architecture
    reading: Reading
    steps: int
    screen_steps: int
    batch: int
    rates: tuple[float, ...]
    chosen: Mapping[Block, float]
    seeds: tuple[int, ...] = (0, 1, 2)
    precision: str = "float32"
    ablation_L: int = 6
    ablation_steps: int = 1500
    masked_steps: int = 2000
    depths: tuple[int, int] = (6, 24)
    prose: str = "wikipedia-sample"
    pieces: str = "bpe-1024"
    chosen_masked: Mapping[Block, float] = field(default_factory=dict)
    more_masked_rates: Mapping[Block, tuple[float, ...]] = field(default_factory=dict)
    chosen_deep: Mapping[Block, float] = field(default_factory=dict)
    chosen_prose: Mapping[Block, float] = field(default_factory=dict)
    more_rates: Mapping[Block, tuple[float, ...]] = field(default_factory=dict)

    def recipe(self, lr: float, steps: int, **other: Any) -> Recipe:
        return Recipe(steps=steps, batch=self.batch, lr=lr, precision=self.precision, **other)

    def spec(
        self, block: Block, recipe: Recipe, seed: int, *, reading: Reading | None = None, **architecture: Any
    ) -> TrainSpec:
        """`architecture`: what differs from the size's own."""
        shape = self.architecture.model_copy(update={"block": block, **architecture})
        reading = reading or self.reading
        kind = VariantSpec if shape.variant or reading.task == "masked" else TrainSpec
        return kind(architecture=shape, reading=reading, recipe=recipe, seed=seed, order_seed=seed)


RATES = (1e-3, 3e-3, 9e-3)
CHOSEN: dict[Block, float] = {
    "pre-ln": 5e-3,
    "parallel": 5e-3,
    "v-skipinit": 3e-3,
    "sas": 9e-3,
    "sas-p": 1.5e-2,
    "sas-p-no-norm": 1.5e-2,
}
"""What the screen of the laptop finds (a test compares)."""

SIZES = {
    "quick": Size(
        architecture=Architecture(L=2, d=16, h=2, T=32),
        reading=Reading(corpus="tales", n_evaluate=2048),
        steps=20,
        screen_steps=10,
        batch=4,
        rates=(1e-3, 1e-2),
        chosen=dict.fromkeys(SIX, 1e-2),
        seeds=(0, 1),
        ablation_L=2,
        ablation_steps=18,
        masked_steps=20,
        depths=(1, 3),
        prose="tales",
        pieces="bytes",
    ),
    "laptop": Size(
        architecture=Architecture(L=10, d=64, h=4, T=64),
        reading=Reading(),
        steps=4000,
        screen_steps=1000,
        batch=16,
        rates=RATES,
        chosen=CHOSEN,
        more_rates={
            "pre-ln": (5e-3,),
            "parallel": (5e-3,),
            "v-skipinit": (1.7e-3,),
            "sas": (1.5e-2, 2.7e-2),
            "sas-p": (1.5e-2, 2.7e-2),
            "sas-p-no-norm": (1.5e-2, 2.7e-2),
        },
        chosen_masked={
            "pre-ln": 3e-3,
            "parallel": 3e-3,
            "v-skipinit": 1e-3,
            "sas": 6e-3,
            "sas-p": 6e-3,
            "sas-p-no-norm": 6e-3,
        },
        more_masked_rates={
            "v-skipinit": (3e-4,),
            "sas": (1.2e-2, 2.4e-2),
            "sas-p": (1.2e-2, 2.4e-2),
            "sas-p-no-norm": (1.2e-2, 2.4e-2),
        },
        chosen_prose={"parallel": 5e-3, "sas": 9e-3},
        chosen_deep={block: CHOSEN[block] / 3 for block in ("pre-ln", "v-skipinit", "sas", "sas-p")},
    ),
    "colab": Size(
        architecture=Architecture(L=18, d=256, h=4, T=128),
        reading=Reading(),
        steps=500,
        screen_steps=170,
        batch=128,
        rates=RATES,
        chosen=CHOSEN,
        seeds=(0,),
        precision="fp16",
        ablation_steps=300,
        masked_steps=600,
        depths=(6, 36),
    ),
    "gpu": Size(
        architecture=Architecture(L=18, d=384, h=6, T=128),
        reading=Reading(corpus="python-packages", tokens="bpe-4096", held_out=0.01, n_evaluate=262_144),
        steps=1400,
        screen_steps=350,
        batch=128,
        rates=(3e-4, 1e-3, 3e-3),
        chosen=dict.fromkeys(SIX, 1e-3),
        precision="bf16",
        ablation_L=18,
        ablation_steps=700,
        masked_steps=1400,
        depths=(18, 72),
    ),
}
"""quick: for tests. laptop: two cores, hours. colab: fp16 with scaled losses, half an hour a chapter by arithmetic; its
rates are the laptop's, since nobody has tried others. gpu: one epoch of what `python-packages` holds."""


def size_of(size: str) -> Size:
    if size not in SIZES:
        raise InputError(f"no size {size!r}: choose one of {', '.join(SIZES)}")
    return SIZES[size]


def screen(size: str = "laptop", blocks: Sequence[Block] = SIX) -> dict[str, TrainSpec]:
    """Every block at every rate, for fewer steps, one seed."""
    at = size_of(size)
    pairs = [(block, rate) for block in blocks for rate in sorted({*at.rates, *at.more_rates.get(block, ())})]
    return {
        f"train-{size}-screen-{block}-{round(1e4 * rate)}e-4": at.spec(block, at.recipe(rate, at.screen_steps), 100)
        for block, rate in pairs
    }


def core(size: str = "laptop", blocks: Sequence[Block] = SIX) -> dict[str, TrainSpec]:
    """Every block at its own rate, every seed: Figs. 2, 5 and 26 of arXiv 2311.01906."""
    at = size_of(size)
    return {
        f"train-{size}-core-{block}-{seed}": at.spec(block, at.recipe(at.chosen[block], at.steps), seed)
        for seed in at.seeds
        for block in blocks
    }
