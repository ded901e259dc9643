"""Two processes with the same cache at once: both end well, with the same answer, and neither spoils the other's."""

import json

from nearlinear.inputs.cache import is_whole
from nearlinear.results.training import TrainingRun
from tests.faults.injected import remaining


def test_both_compute_and_one_copy_stays(jobs):
    jobs.target = "tests.faults.work:keeping"
    file, out = jobs.notes / "runs", [jobs.notes / f"answer-{i}.json" for i in range(4)]
    ends = [jobs.start(str(file), str(each)) for each in out]
    assert [end().code for end in ends] == [0] * len(out)
    assert len({each.read_text(encoding="utf-8") for each in out}) == 1
    assert {path.rpartition("/")[2] for path in remaining(jobs.folder)} == {"profile.json", "tokens_needed.json"}


def test_both_fetch_and_one_copy_stays(jobs):
    jobs.target = "tests.faults.work:unpacking"
    target = jobs.folder / "cache/models/some"
    ends = [jobs.start(str(target)) for _ in range(4)]
    assert [end().code for end in ends] == [0] * 4
    assert is_whole(target)
    assert [path.name for path in target.parent.iterdir()] == ["some"]


def test_both_train_the_same_and_end_with_the_same_weights(jobs, text):
    call = ("train", "--size", "quick", "--steps", "6", "--corpus", text, "--out")
    ends = [jobs.start(*call, out) for out in ("one", "other")]
    assert [end().code for end in ends] == [0, 0]
    made = [TrainingRun.load(jobs.folder / out / "run.json") for out in ("one", "other")]
    assert made[0].weights_sha256 == made[1].weights_sha256
    assert made[0].losses == made[1].losses


def test_both_save_to_one_place_and_one_is_told(jobs, text):
    call = ("prune", "--model", "tiny-llama", "--layers", "1", "--tokens", "1024", "--context", "64", "--text", text)
    ended = [end() for end in [jobs.start(*call, "--out", "out") for _ in range(2)]]
    assert 0 in [each.code for each in ended], ended
    assert all(each.code == 0 or each.sentence for each in ended)
    assert json.loads((jobs.folder / "out/config.json").read_text())["model_type"]
    assert remaining(jobs.folder) == {path for path in remaining(jobs.folder) if path.startswith("out/")}
