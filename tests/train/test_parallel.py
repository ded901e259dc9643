"""Two processes of torchrun against one: the same curve and the same weights, and one run, written down once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nearlinear.results.training import TrainingRun
from nearlinear.train.batches import Batches
from nearlinear.train.parallel import Processes, joined
from nearlinear.train.run import run

from .made import cache, small_texts
from .two_processes import CASES, STUDY, curves

ROOT = Path(__file__).parents[2]
CLOSE = {"float32": 1e-5, "float64": 1e-10}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder in which two processes have left what they found."""
    folder = tmp_path_factory.mktemp("two")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    variables = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path, "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [*torchrun, "-m", "tests.train.two_processes", str(folder)],
        env=variables, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("name", CASES)
def test_two_processes_learn_what_one_learns(two, name):
    close = CLOSE[name.rpartition("-")[2]]
    one = curves(small_texts(), Processes(), CASES[name])
    for rank in (0, 1):
        found = load_file(two / f"{name}.{rank}")
        assert found.keys() == one.keys()
        for each in ("loss", "grad_norm"):
            torch.testing.assert_close(found[each], one[each], rtol=close, atol=0)
        for each in one.keys() - {"loss", "grad_norm"}:
            torch.testing.assert_close(found[each], one[each], rtol=0, atol=20 * close)


@pytest.mark.parametrize("name", CASES)
def test_both_processes_hold_the_same_bits(two, name):
    first, second = (load_file(two / f"{name}.{rank}") for rank in (0, 1))
    assert all(torch.equal(first[each], second[each]) for each in first)


def test_a_run_on_two_is_a_run_on_one(two, tmp_path):
    found = [TrainingRun.load(two / f"run.{rank}.json") for rank in (0, 1)]
    assert found[0].weights_sha256 == found[1].weights_sha256
    with cache(tmp_path):
        alone = run(STUDY, device="cpu", texts=small_texts())
    assert found[0].steps == alone.steps
    assert found[0].losses == pytest.approx(alone.losses, rel=2e-5)  # six digits are kept
    assert [look.loss for look in found[0].looks] == pytest.approx([look.loss for look in alone.looks], rel=2e-5)
    folders = [sorted(p.relative_to(top) for p in top.rglob("*.safetensors")) for top in (two / "cache", tmp_path)]
    assert folders[0] == folders[1]
    assert not list((two / "cache").rglob(".*"))  # nothing half written


def test_alone_nothing_is_started_and_nothing_is_wrapped():
    assert "RANK" not in os.environ
    with joined(torch.device("cpu")) as processes:
        assert not torch.distributed.is_initialized()
        assert (processes.n, processes.rank, processes.first) == (1, 0, True)
        module = torch.nn.Linear(2, 2)
        assert processes.wrap(module) is module
        values = torch.tensor([1.0, 2.0])
        assert processes.mean(values).tolist() == [1.0, 2.0]


def test_processes_read_different_rows_and_all_of_them():
    batch = Batches(torch.arange(60).view(12, 5), 6, seed=0)[0]
    parts = []
    for rank in range(3):
        processes = Processes()
        processes.n, processes.rank = 3, rank
        parts.append(processes.part_of(batch))
        assert processes.first is (rank == 0)
    for name in ("ids", "places", "answers"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(batch, name))
