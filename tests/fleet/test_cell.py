"""One cell: kept when it is finished, tried again when it failed, and never worked at by two."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from filelock import FileLock

from nearlinear.errors import InputError, NearlinearError
from nearlinear.fleet.cell import Pins, claim_path, failure_path, result_path, run_cell, stands
from nearlinear.fleet.spec import Cell, Sweep
from nearlinear.results.profile_spec import laptop_spec
from nearlinear.results.types import LinearityProfile
from tests.fleet.made import Measuring

CELL = Cell(laptop_spec("tiny-llama"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


def test_a_finished_cell_is_kept_and_not_computed_again(folder):
    run = Measuring()
    assert run_cell(CELL, folder, run=run).state == "done"
    before = result_path(CELL, folder).read_bytes()
    assert run_cell(CELL, folder, run=run).state == "kept"
    assert (len(run.asked), result_path(CELL, folder).read_bytes()) == (1, before)
    assert LinearityProfile.load(result_path(CELL, folder)).provenance.model.id == "tiny-llama"


def test_a_lost_result_comes_from_the_cache(folder):
    run = Measuring()
    run_cell(CELL, folder, run=run)
    result_path(CELL, folder).unlink()
    assert run_cell(CELL, folder, run=run).state == "done"
    assert len(run.asked) == 1


@pytest.mark.parametrize("spoilt", ["earlier library", "another specification", "not JSON", "another version"])
def test_what_does_not_stand_is_made_again(spoilt, folder):
    run_cell(CELL, folder, run=Measuring())
    path = result_path(CELL, folder)
    good, fields = path.read_text(), json.loads(path.read_text())
    if spoilt == "earlier library":
        fields["provenance"]["library_sha256"] = "0"
    elif spoilt == "another specification":
        fields["provenance"]["spec_sha256"] = "0"
    elif spoilt == "another version":
        del fields["cosine"]
    path.write_text("{" if spoilt == "not JSON" else json.dumps(fields))
    assert not stands(CELL, folder, Pins())
    assert run_cell(CELL, folder, run=Measuring()).state == "done"
    assert path.read_text() == good


def test_a_text_that_was_changed_is_read_again(folder, text):
    cell, run = Cell(laptop_spec("tiny-llama", corpus=str(text))), Measuring()
    assert [run_cell(cell, folder, run=run).state for _ in range(2)] == ["done", "kept"]
    text.write_text("Other words.")
    assert run_cell(cell, folder, run=run).state == "done"
    assert len(run.asked) == 2


def test_what_was_made_of_a_text_that_is_gone_stands(folder, text, monkeypatch):
    from nearlinear.fleet import cell as module

    cell = Cell(laptop_spec("tiny-llama", corpus=str(text)))
    run_cell(cell, folder, run=Measuring())

    def gone(name):
        raise NearlinearError("no network")

    monkeypatch.setattr(module, "pinned_corpus", gone)
    assert run_cell(cell, folder, run=Measuring()).state == "kept"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (InputError("no model 'x': give another"), "no model 'x': give another"),
        (RuntimeError("CUDA error: no memory\nlaunch blocking"), "RuntimeError: CUDA error: no memory"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_a_failure_is_one_line_and_leaves_more_in_a_file(error, why, folder):
    outcome = run_cell(CELL, folder, run=Measuring({"tiny-llama": error}))
    assert (outcome.state, outcome.why) == ("failed", why)
    told = failure_path(CELL, folder).read_text()
    assert told.startswith(f"{CELL}: {why}\n")
    assert "Traceback" in told
    assert not result_path(CELL, folder).exists()


def test_a_failed_cell_is_tried_again_and_its_failure_forgotten(folder):
    run_cell(CELL, folder, run=Measuring({"tiny-llama": InputError("no")}))
    assert run_cell(CELL, folder, run=Measuring()).state == "done"
    assert not failure_path(CELL, folder).exists()


def test_an_interruption_is_no_failure(folder):
    with pytest.raises(KeyboardInterrupt):
        run_cell(CELL, folder, run=Measuring({"tiny-llama": KeyboardInterrupt()}))
    assert not failure_path(CELL, folder).exists()
    assert run_cell(CELL, folder, run=Measuring()).state == "done"  # and its claim is free again


def test_errors_speak_of_what_was_typed(folder, text):
    cell = Cell(laptop_spec("tiny-llama", corpus=str(text)))

    def run(spec):
        raise InputError(f"the text {spec.corpus} is too short")

    assert run_cell(cell, folder, run=run).why == f"the text {text} is too short"


def test_a_cell_that_another_process_is_at_is_left_to_it(folder):
    run = Measuring()
    with FileLock(claim_path(CELL, folder)):
        assert run_cell(CELL, folder, run=run).state == "elsewhere"
    assert run.asked == []
    assert run_cell(CELL, folder, run=run).state == "done"


def test_a_claim_dies_with_its_holder(folder):
    code = "import os, sys; from filelock import FileLock; FileLock(sys.argv[1]).acquire(); os.kill(os.getpid(), 9)"
    died = subprocess.run([sys.executable, "-c", code, str(claim_path(CELL, folder))])
    assert died.returncode == -9
    assert claim_path(CELL, folder).exists()
    assert run_cell(CELL, folder, run=Measuring()).state == "done"


def test_two_at_once_compute_each_cell_once(folder):
    cells = Sweep(models=("tiny-llama", "tiny-gpt2", "tiny-opt"), seeds=(0, 1)).cells()
    start = Barrier(2)

    class Slow(Measuring):
        def __call__(self, spec):
            time.sleep(0.02)
            return super().__call__(spec)

    run = Slow()

    def sweep(_):
        start.wait()
        return [run_cell(cell, folder, run=run).state for cell in cells]

    with ThreadPoolExecutor(2) as pool:
        states = list(pool.map(sweep, range(2)))
    assert len(run.asked) == len(cells)
    assert sorted(state for pair in zip(*states, strict=True) for state in pair if state == "done") == ["done"] * 12
    assert all(stands(cell, folder, Pins()) for cell in cells)


def test_a_folder_that_cannot_be_written_is_told():
    with pytest.raises(NearlinearError, match="cannot be written"):
        run_cell(CELL, Path("/proc/nowhere"), run=Measuring())


def test_weights_are_hashed_once_a_sweep(monkeypatch):
    from nearlinear.fleet import cell as module

    looked = []

    def look(name):
        looked.append(name)
        return name

    monkeypatch.setattr(module, "pinned_model", look)
    pins = Pins()
    for cell in Sweep(models=("a", "b"), seeds=(0, 1)).cells():
        pins(cell.spec)
    assert looked == ["a", "b"]


def test_nothing_here_needs_torch():
    code = (
        "import sys\n"
        "class NoTorch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'torch': raise ImportError('torch was imported')\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        "from nearlinear.fleet import spec, yaml_file, cell, engines, atlas_page, atlas_found, atlas_html\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
