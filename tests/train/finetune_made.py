"""A planted task, small specifications and an own place, for the tests of finetuning."""

import random
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pytest
import torch

from nearlinear.inputs.task_examples import Example, parted
from nearlinear.inputs.tasks import Task, TaskCard
from nearlinear.results.finetuning import FinetuneSpec
from nearlinear.results.training import Recipe
from nearlinear.train import finetune
from nearlinear.train import kept as kept_module
from nearlinear.train.texts import Texts

from .made import cache, small_texts, spec

ROPE = (("positions", "rope"),)
CPU = torch.device("cpu")


def sentences(n, *, seed=0):
    """Half of them have a z among their letters, and half a q; nothing else tells them apart."""
    draw = random.Random(seed)
    for k in range(n):
        words = ["".join(draw.choices("abcdefg", k=draw.randrange(2, 7))) for _ in range(draw.randrange(2, 8))]
        words.insert(draw.randrange(len(words)), "zq"[k % 2] * 2)
        yield Example((" ".join(words),), k % 2, f"{seed} {k}")


def task(examples=None, *, labels=("z", "q")) -> Task:
    card = TaskCard("is it z or q?", "ours", "ours", "planted", "", labels, lambda seed: parted(examples, seed))
    return Task("planted", card, *parted(tuple(examples or sentences(300)), 0))


def wanted(
    block="sas-p", *, pretrained=0, labels="true", seed=0, steps=60, lr=1e-2, every=20, **fields
) -> FinetuneSpec:
    model = spec(block, task="masked", options=ROPE)
    recipe = Recipe(steps=steps, batch=16, lr=lr, warm_up=0.1, **fields)
    return FinetuneSpec(
        model=model, pretrained=pretrained, task="planted", labels=labels, T=48, recipe=recipe, seed=seed, every=every
    )


@lru_cache
def masked_texts() -> Texts:
    return small_texts(task="masked")


@contextmanager
def planted(folder: Path):
    """Inside, an empty cache, and one small text and one planted task whatever is asked for."""
    with pytest.MonkeyPatch.context() as patch, cache(folder):
        patch.setattr(kept_module, "texts_of", lambda reading, T: masked_texts())
        patch.setattr(finetune, "_task", lambda name, seed: task())
        yield folder


def same(a, b):
    """All of two runs but what the clock says."""
    clocks = {"seconds": True, "provenance": {"seconds", "created"}}
    assert a.model_dump_json(exclude=clocks) == b.model_dump_json(exclude=clocks)
