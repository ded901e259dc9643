"""Trainings for a GPU: those of the study by name, whole results in the record, and back out of it."""

import sys

import pytest

from nearlinear.results.training import TrainingRun
from nearlinear.results.training_specs import SIX, core, screen
from tests.benchmarks.test_benchmarks import BENCHMARKS, sidebyside

__all__ = ["sidebyside"]  # a fixture


@pytest.fixture
def here(monkeypatch, tmp_path):
    """Runs the script in this process."""
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu_training

    def call(*options: object) -> None:
        monkeypatch.setattr(sys, "argv", ["gpu_training.py", *map(str, options)])
        gpu_training.main()

    call.specs = gpu_training.specs
    call.Namespace = gpu_training.argparse.Namespace
    return call


def test_what_is_run_is_the_study(here):
    args = {"size": "laptop", "blocks": list(SIX), "seeds": [1], "scale": 1.0}
    assert here.specs(here.Namespace(study="screen", **args)) == screen("laptop")
    found = here.specs(here.Namespace(study="core", **args))
    assert found == {name: spec for name, spec in core("laptop").items() if spec.seed == 1}
    assert len(found) == 6


def test_a_rehearsal_and_the_way_back(here, tmp_path, sidebyside, capsys):
    out, into = tmp_path / "record.json", tmp_path / "results"
    size = ("--size", "laptop", "--blocks", "pre-ln", "sas", "--seeds", 2, "--device", "cpu")
    here("core", *size, "--scale", 0.01, "--out", out)
    content = sidebyside.read(out)
    assert list(content["details"]["runs"]) == ["train-laptop-core-pre-ln-2", "train-laptop-core-sas-2"]
    assert content["provenance"]["machine"]["device"] == "cpu"
    with pytest.raises(SystemExit, match="is of a rehearsal, so nothing is unpacked"):
        here("unpack", "--out", out, "--into", into)
    assert not into.exists()
    content["settings"]["scale"] = 1.0
    sidebyside.write(out, content)
    here("unpack", "--out", out, "--into", into)
    assert sorted(path.name for path in into.iterdir()) == [
        "train-laptop-core-pre-ln-2.run.json",
        "train-laptop-core-sas-2.run.json",
    ]
    result = TrainingRun.load(into / "train-laptop-core-sas-2.run.json")
    assert result.spec.architecture.block == "sas"
    assert f"train-laptop-core-sas-2: held-out loss {result.loss:.4f}" in capsys.readouterr().out
