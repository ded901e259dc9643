"""The finetunings of the book as specifications: encoders of `training_studies`, on two tasks, with controls."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nearlinear.errors import InputError

from .finetuning import FinetuneSpec
from .training import Block, Recipe, TrainSpec
from .training_studies import ENCODERS, encoders

FINETUNED = ("film-sentences", "wordnet-contexts")
"""The tasks, which stand in for two of GLUE and SuperGLUE."""

CONTROLS: tuple[Block, ...] = ("pre-ln", "sas-p")
"""Blocks that also learn from scratch, and from shuffled labels."""

SCRATCH = "scratch"


@dataclass(frozen=True)
class FinetuneSize:
    """One size of the study.

    `rates`, and `more_rates` of some: tried for each block, and from scratch, on the first task. `chosen`: the one that
    was right most often there, by block, and by "scratch" for those that learn from scratch.
    """

    steps: int
    batch: int
    rates: tuple[float, ...]
    chosen: Mapping[str, float]
    seeds: tuple[int, ...] = (0, 1, 2)
    screen_seed: int = 0
    T: int = 96
    more_rates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def recipe(self, lr: float) -> Recipe:
        return Recipe(steps=self.steps, batch=self.batch, lr=lr, warm_up=0.1)


FINETUNE_SIZES = {
    "quick": FinetuneSize(
        steps=8,
        batch=4,
        rates=(1e-3, 1e-2),
        chosen=dict.fromkeys((*ENCODERS, SCRATCH), 1e-2),
        seeds=(0, 1),
        T=48,
    ),
    "laptop": FinetuneSize(
        steps=400,
        batch=16,
        rates=(3e-4, 1e-3, 3e-3),
        chosen=dict.fromkeys(ENCODERS, 3e-3) | {"v-skipinit": 3e-4, SCRATCH: 1e-3},
        more_rates={
            "pre-ln": (1e-2,),
            "parallel": (1e-2,),
            "v-skipinit": (1e-4,),
            "sas": (1e-2,),
            "sas-p": (1e-2, 3e-2),
            "sas-p-no-norm": (1e-2, 3e-2),
            SCRATCH: (1e-2,),
        },
    ),
    "gpu": FinetuneSize(
        steps=600,
        batch=32,
        rates=(1e-4, 3e-4, 1e-3),
        chosen=dict.fromkeys((*ENCODERS, SCRATCH), 3e-4),
        T=128,
    ),
}
"""quick: for tests. laptop: about a minute each on a busy core. gpu: nobody has tried its rates."""


def finetune_size(size: str) -> FinetuneSize:
    if size not in FINETUNE_SIZES:
        raise InputError(f"no size {size!r}: choose one of {', '.join(FINETUNE_SIZES)}")
    return FINETUNE_SIZES[size]


def rate_screen(size: str = "laptop") -> dict[str, FinetuneSpec]:
    """Every block at every rate on the first task, and the controls' blocks from scratch; one seed of no other run."""
    at, models = finetune_size(size), _encoders(size)
    wanted = [(block, None, block) for block in ENCODERS] + [(block, 0, SCRATCH) for block in CONTROLS]
    return {
        f"finetune-{size}-screen-{'scratch-' if pretrained == 0 else ''}{block}-{rate * 1e4:g}e-4": FinetuneSpec(
            model=models[block, at.screen_seed],
            pretrained=pretrained,
            task=FINETUNED[0],
            recipe=at.recipe(rate),
            T=at.T,
            seed=100,
        )
        for block, pretrained, key in wanted
        for rate in sorted({*at.rates, *at.more_rates.get(key, ())})
    }


def finetunings(size: str = "laptop") -> dict[str, FinetuneSpec]:
    """Tables 1 and 2 of arXiv 2311.01906 on a small scale: every encoder and seed on either task, at its block's rate.

    Beside them, for CONTROLS: the same from scratch, and on the first task with shuffled labels.
    """
    at, models = finetune_size(size), _encoders(size)
    return {
        f"finetune-{size}-{task}-{how}{block}-{seed}": _spec(at, models[block, seed], task, how, seed)
        for task in FINETUNED
        for how in ("", "scratch-", "shuffled-")
        if how != "shuffled-" or task == FINETUNED[0]
        for seed in at.seeds
        for block in (CONTROLS if how else ENCODERS)
    }


def _spec(at: FinetuneSize, model: TrainSpec, task: str, how: str, seed: int) -> FinetuneSpec:
    scratch = how == "scratch-"
    return FinetuneSpec(
        model=model,
        pretrained=0 if scratch else None,
        task=task,
        labels="shuffled" if how == "shuffled-" else "true",
        recipe=at.recipe(at.chosen[SCRATCH if scratch else model.architecture.block]),
        T=at.T,
        seed=seed,
    )


def _encoders(size: str) -> dict[tuple[str, int], TrainSpec]:
    """The encoder of every (block, seed)."""
    return {(spec.architecture.block, spec.seed): spec for spec in encoders(size).values()}
