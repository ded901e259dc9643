"""Seconds of a step of every block, by size: what chapters draw their curves against time with."""

import statistics
import sys

import pytest
import torch

from nearlinear.results.training_specs import SIX, SIZES, core
from nearlinear.train.models import fresh_model
from tests.benchmarks.test_benchmarks import BENCHMARKS, check, sidebyside

__all__ = ["sidebyside"]  # a fixture


@pytest.fixture
def train_steps(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import train_steps

    return train_steps


def test_writes_the_seconds_of_every_block(train_steps, tmp_path, sidebyside, monkeypatch):
    out = tmp_path / "record.json"
    options = ["--size", "quick", "--steps", "2", "--rounds", "3", "--threads", "1", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["train_steps.py", *options])
    train_steps.main()
    content = sidebyside.read(out)
    check(content, tokens=2 * 4 * 32)
    at = content["details"]["quick"]
    assert list(at["seconds_a_step"]) == list(at["median"]) == list(SIX)
    for block, rounds in at["seconds_a_step"].items():
        assert len(rounds) == 3
        assert at["median"][block] == statistics.median(rounds) > 0
    spec = core("quick")["train-quick-core-sas-0"]
    shape = spec.architecture.model_dump(mode="json", exclude={"block", "variant", "options"})
    assert (at["architecture"], at["batch"], at["tokens_a_step"]) == (shape, spec.recipe.batch, 4 * 32)
    assert at["parameters"]["sas"] == sum(p.numel() for p in fresh_model(spec, 256).parameters())
    assert [r["what"].partition(", time: ")[2] for r in content["ratios"]] == [
        f"Pre-LN / {name}" for name in ("parallel", "V-SkipInit", "SAS", "SAS-P", "SAS-P, no norm")
    ]


def test_a_step_is_one_of_our_loop(train_steps):
    """The weights move, all of them that have a gradient, and losses are numbers."""
    work, n = train_steps.steps_of(SIZES["quick"], "sas-p", 3, torch.device("cpu"))
    losses, norms = work()
    assert losses.shape == norms.shape == (3,)
    assert losses.isfinite().all()
    assert n == 10_048


def test_the_wide_size_differs_in_width_alone(train_steps):
    wide, laptop = train_steps.TIMED["d256"], train_steps.TIMED["laptop"]
    assert wide.architecture.d == 4 * laptop.architecture.d == 256
    assert wide.architecture.model_copy(update={"d": 64}) == laptop.architecture
    assert (wide.batch, wide.reading) == (laptop.batch, laptop.reading)
