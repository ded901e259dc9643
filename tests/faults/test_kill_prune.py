"""kill -9 at any moment of pruning: the folder is there whole or not at all, and no finished loss is measured again."""

import json
import shutil

from nearlinear.edit.ledger import Ledger
from nearlinear.results.pruning import PruningStudy
from tests.faults.injected import remaining
from tests.faults.jobs import some, stretches
from tests.faults.work import notes

PRUNE = ("prune", "--model", "tiny-llama", "--layers", "1", "--tokens", "1024", "--context", "64")


def weights(folder) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_pruned_model_is_there_whole_or_not_at_all(jobs, text):
    jobs.target = "tests.faults.work:distilling"
    out, whole = jobs.folder / "out", jobs.folder.parent / "whole"
    call = (*PRUNE, "--text", text, "--distill-steps", "3", "--out", "out")
    first = jobs.run(*call)
    assert first.code == 0, first.err
    out.rename(whole)
    for at in some(first.moments, 8):
        ended = jobs.run(*call, what="kill", at=at)
        assert ended.killed or ended.code == 0, ended.err
        if out.exists():
            assert remaining(out) == remaining(whole)
            shutil.rmtree(out)
    again = jobs.run(*call)
    assert again.code == 0, again.err
    assert weights(out) == weights(whole)
    assert not (jobs.folder / "out.distil.safetensors").exists()


def test_no_loss_that_was_written_down_is_measured_again(jobs, text):
    jobs.target = "tests.faults.work:studying"
    file, out = jobs.notes / "measured", jobs.folder.parent / "study.json"
    call = (str(file), text, str(out))
    first = jobs.run(*call)
    assert first.code == 0, first.err
    every, whole = notes(file), numbers(out)
    assert len(every) == len(set(every)) > 6
    shutil.rmtree(jobs.folder / "cache")
    known = set()
    for at in (*stretches(first.moments, 6), 0):  # each goes on where the one before was killed; the last is not
        ended = jobs.run(*call, what="kill", at=at)
        assert ended.killed or ended.code == 0, ended.err
        measured = notes(file)
        assert not known & set(measured), at
        known = set().union(*(Ledger(path).known for path in jobs.folder.glob("cache/results/*/*.ledger.jsonl")))
    assert len(measured) < len(every)  # the kills had left something
    assert numbers(out) == whole


def numbers(path) -> dict:
    made = PruningStudy.from_json(path.read_text(encoding="utf-8"))
    return json.loads(made.model_dump_json(exclude={"provenance"}))
