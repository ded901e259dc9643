"""The queue for a GPU: order, time, failures, archive, and a rehearsal of every entry on the CPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
WRITES = "{{python}} -c \"open(r'{{result}}', 'w').write('{0}')\""


@pytest.fixture
def gpu_queue(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu_queue

    monkeypatch.setattr(gpu_queue, "KEPT", tmp_path / "kept")
    return gpu_queue


def fates(gpu_queue, queue, folder, minutes=1.0) -> list[str]:
    return [fate for _, fate in gpu_queue.work(queue, folder, minutes=minutes, device="cpu", scale=1)]


def test_runs_what_fits_in_order_and_never_twice(gpu_queue, tmp_path):
    queue = [
        gpu_queue.Entry("long", WRITES.format("a"), 60, "a.json"),
        gpu_queue.Entry("short", WRITES.format("b"), 0.5, "b.json"),
        gpu_queue.Entry("also short", WRITES.format("c"), 0.1, "c.json"),
    ]
    assert fates(gpu_queue, queue, tmp_path / "out") == ["no time left", "done", "done"]
    assert (tmp_path / "out" / "b.json").read_text() == "b"
    assert fates(gpu_queue, queue, tmp_path / "out") == ["no time left", "finished before", "finished before"]
    gpu_queue.KEPT.mkdir()
    (gpu_queue.KEPT / "a.json").write_text("kept in the repository")
    assert fates(gpu_queue, queue, tmp_path / "out")[0] == "finished before"


@pytest.mark.parametrize(
    ("command", "minutes"),
    [
        ("{python} -c \"open(r'{result}', 'w').write('half'); raise SystemExit(3)\"", 1),
        ('{python} -c "pass"', 1),
        ("{python} -c \"open(r'{result}', 'w').write('half'); import time; time.sleep(60)\"", 0.05),
    ],
)
def test_a_failure_leaves_no_result_and_says_where_to_look(command, minutes, gpu_queue, tmp_path):
    queue = [gpu_queue.Entry("bad", command, 0.01, "bad.json")]
    assert fates(gpu_queue, queue, tmp_path, minutes) == ["failed, see bad.json.log"]
    assert not (tmp_path / "bad.json").exists()
    assert (tmp_path / "bad.json.log").exists()


def test_exit_codes_that_count_as_done(gpu_queue, tmp_path):
    command = "{python} -c \"open(r'{result}', 'w'); raise SystemExit(5)\""
    queue = [gpu_queue.Entry("tests", command, 0.01, "tests.xml", accept=[0, 5])]
    assert fates(gpu_queue, queue, tmp_path) == ["done"]


def test_archive_comes_back_whole(gpu_queue, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_queue, "PART_BYTES", 200)
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("a.json", "a.json.log", "b.json", "unfinished-c.json"):
        (folder / name).write_text(f"content of {name}")
    parts = gpu_queue.pack(folder, tmp_path / "out")
    assert len(parts) > 1
    assert gpu_queue.collect(tmp_path / "out", tmp_path / "back") == ["a.json", "b.json"]
    assert (tmp_path / "back" / "a.json").read_text() == "content of a.json"
    monkeypatch.setattr(gpu_queue, "MAX_PARTS", 1)
    with pytest.raises(SystemExit, match="do not fit in 1 files"):
        gpu_queue.pack(folder, tmp_path / "out")
    with pytest.raises(SystemExit, match="holds no"):
        gpu_queue.collect(tmp_path / "nothing", tmp_path / "back")


def test_a_queue_with_a_mistake_is_refused(gpu_queue, tmp_path):
    queue = tmp_path / "queue.yaml"
    queue.write_text("- {name: a, command: b, minuts: 1, result: c}")
    with pytest.raises(TypeError, match="minuts"):
        gpu_queue.entries(queue)
    queue.write_text("[{name: a, command: b, minutes: 1, result: c}, {name: d, command: e, minutes: 1, result: c}]")
    with pytest.raises(ValueError, match="same result"):
        gpu_queue.entries(queue)


def test_every_entry_rehearses_on_the_cpu(gpu_queue, tmp_path, monkeypatch):
    """At a thousandth of the size; `--scale 0.01` is the same with more patience."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("OUT", str(tmp_path / "out"))
    options = ["--scale", "0.001", "--device", "cpu", "--minutes", "10", "--folder", str(tmp_path / "work")]
    command = [sys.executable, str(BENCHMARKS / "gpu_queue.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    logs = "\n".join(log.read_text() for log in (tmp_path / "work").glob("*.log"))
    assert done.returncode == 0, done.stdout + logs
    back = gpu_queue.collect(tmp_path / "out", tmp_path / "back")
    assert sorted(back) == sorted(entry.result for entry in gpu_queue.entries(gpu_queue.QUEUE))
    for name in back:
        if name.endswith(".json"):
            assert json.loads((tmp_path / "back" / name).read_text())["provenance"]["machine"]["device"] == "cpu"
