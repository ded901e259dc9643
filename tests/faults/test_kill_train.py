"""kill -9 at any moment of a training: it goes on from its last checkpoint, and ends with the same weights."""

import json
import shutil

from safetensors import safe_open

from nearlinear.results.training import TrainingRun
from tests.faults.injected import remaining
from tests.faults.jobs import stretches
from tests.faults.work import notes


def test_no_step_before_a_checkpoint_is_taken_twice(jobs, text):
    jobs.target = "tests.faults.work:training"
    steps, out, whole = jobs.notes / "steps", jobs.folder / "out", jobs.folder.parent / "whole"
    call = (str(steps), "train", "--size", "quick", "--steps", "12", "--corpus", text, "--out", "out")
    first = jobs.run(*call)
    assert first.code == 0, first.err
    assert notes(steps) == list(range(12))
    out.rename(whole)
    shutil.rmtree(jobs.folder / "cache")
    done = 0
    for at in (*stretches(first.moments, 8), 0):  # each goes on where the one before was killed; the last is not
        ended = jobs.run(*call, what="kill", at=at)
        assert ended.killed or ended.code == 0, ended.err
        assert notes(steps)[:1] in ([], [done]), at
        done = last_step(jobs.folder)
        if at and out.exists():
            assert remaining(out) == remaining(whole)
            shutil.rmtree(out)
    assert ended.code == 0, ended.err
    assert done == 12
    assert (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert curve(out) == curve(whole)


def last_step(folder) -> int:
    """The step of the checkpoint, which can be read at any moment."""
    files = list(folder.glob("cache/results/*/*.training/checkpoint.safetensors"))
    if not files:
        return 0
    with safe_open(files[0], framework="pt") as file:
        return json.loads(file.metadata()["nearlinear"])["losses"][-1]["step"]


def curve(folder) -> tuple:
    made = TrainingRun.load(folder / "run.json")
    return made.steps, made.losses, made.looks, made.weights_sha256
