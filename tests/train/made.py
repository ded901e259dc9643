"""A small text, small specifications and the places where runs leave files, for the tests of training."""

import random
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from nearlinear.edit import checkpoint
from nearlinear.inputs.text import Corpus
from nearlinear.results.training import Architecture, Reading, Recipe, TrainingRun, TrainSpec
from nearlinear.train import texts as texts_module
from nearlinear.train.texts import Texts, texts_for

T = 32
BLOCKS = ("pre-ln", "post-ln", "parallel", "v-skipinit", "sas", "sas-p", "sas-p-no-norm", "skipless")


def pages(n: int = 30, *, seed: int = 0) -> tuple[str, ...]:
    """Documents of 20 to 40 lines, no line of which stands in another."""
    draw = random.Random(seed)
    animals, things = ("cat", "dog", "owl", "hen", "fox"), ("star", "tree", "house", "boat", "hill")
    return tuple(
        "".join(
            f"On day {line} of book {page}.{seed} the {draw.choice(animals)} saw {draw.randrange(99)} "
            f"{draw.choice(things)}s.\n"
            for line in range(draw.randrange(20, 41))
        )
        for page in range(n)
    )


@contextmanager
def corpus(documents: Sequence[str]):
    """Inside, every name of a text leads to these documents."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts_module, "load_corpus", lambda name: Corpus(name, tuple(documents)))
        yield


def reading(**fields) -> Reading:
    return Reading(**({"corpus": "pages", "held_out": 0.1, "n_evaluate": 1024} | fields))


def spec(block: str = "sas", *, task: str = "causal", seed: int = 0, order_seed: int = 0, every: int = 50, **fields):
    """20 steps of 4 windows of 32 bytes, two blocks of width 16. `fields`: of Architecture or of Recipe, by name."""
    shape = {"block": block, "L": 2, "d": 16, "h": 2, "T": T}
    recipe = {"steps": 20, "batch": 4, "lr": 1e-2}
    shape |= {name: value for name, value in fields.items() if name in Architecture.model_fields}
    recipe |= {name: value for name, value in fields.items() if name in Recipe.model_fields}
    assert fields.keys() <= Architecture.model_fields.keys() | Recipe.model_fields.keys()
    return TrainSpec(
        architecture=Architecture(**shape), reading=reading(task=task), recipe=Recipe(**recipe), seed=seed,
        order_seed=order_seed, every=every,
    )  # fmt: skip


def small_texts(**fields) -> Texts:
    with corpus(pages()):
        return texts_for(reading(**fields), T)


@contextmanager
def cache(folder: Path):
    """Inside, this is the user's cache, and a checkpoint is written at every stop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARLINEAR_CACHE", str(folder))
        patch.setattr(checkpoint, "SECONDS", 0)
        yield folder


def same(a: TrainingRun, b: TrainingRun) -> None:
    """All of two runs is the same but what the clock says."""
    clocks = {"seconds": True, "provenance": {"seconds", "created"}}
    assert a.model_dump_json(exclude=clocks) == b.model_dump_json(exclude=clocks)
