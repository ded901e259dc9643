"""Every benchmark runs, at a size that proves nothing, and writes a record that can be read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
NOT_ON_A_BARE_MACHINE = ("accelerate", "datasets", "gguf", "papermill", "platformdirs", "pydantic", "rich", "typer")

STUB = """
from logit_lens import *  # as published: fails unless the package's own folder is on the path
import torch

def procrustes_similarity(x, y):
    X, Y = (m - m.mean(0) for m in (x, y))
    return float(1 - (Y - X @ torch.linalg.lstsq(X, Y).solution).square().sum() / Y.square().sum())

def procrustes_similarity_centered(x, y):
    sim = float
"""


def run(script: str, *options: object, **environment: str) -> str:
    """What a benchmark prints, run as a reader would."""
    command = [sys.executable, str(BENCHMARKS / script), *map(str, options)]
    path = os.pathsep.join([str(ROOT / "lib"), *environment.pop("more_path", [])])
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, **environment}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def sidebyside(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import sidebyside

    return sidebyside


@pytest.fixture
def text(tmp_path) -> Path:
    file = tmp_path / "text.txt"
    file.write_text("A line of text, and another; no two of them the same.\n" * 40)
    return file


def check(content: dict, tokens: int) -> None:
    """What every record must say."""
    made = content["provenance"]
    assert made["tokens"] == tokens
    assert made["machine"]["threads"] == 1
    assert made["machine"]["cores"] == os.cpu_count()
    assert made["seconds"] >= 0
    assert set(made) >= {"commit", "clean", "library_sha256", "command", "created", "versions"}
    assert str(ROOT) not in json.dumps(content)


def test_pass1_over_backbone(tmp_path, text, sidebyside):
    out = tmp_path / "record.json"
    size = ("--tokens", 512, "--context", 64, "--batch-tokens", 256, "--rounds", 2, "--threads", 1)
    printed = run("pass1_over_backbone.py", "--model", "tiny-llama", "--text", text, *size, "--out", out)
    content = sidebyside.read(out)
    check(content, tokens=512)
    ratios = {r.what: r for r in sidebyside.ratios_of(content)}
    assert str(tmp_path) not in out.read_text()
    assert list(ratios) == ["hooks alone / backbone", "pass 1, fast / backbone", "pass 1, exact / backbone"]
    for r in ratios.values():
        assert 0 < r.low <= r.median <= r.high
        assert r.what in printed
    assert ratios["pass 1, fast / backbone"].goal == "≤ 1.25"
    assert all(len(seconds) == 2 for seconds in content["details"]["seconds"].values())


def test_score_against_package(tmp_path, sidebyside):
    """With a stand-in for the package, which has its two peculiarities."""
    package = tmp_path / "site" / "llm_microscope"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(STUB)
    (package / "logit_lens.py").write_text("")
    out = tmp_path / "record.json"
    size = ("--tokens", 1024, "--d", 16, "--rounds", 2, "--threads", 1, "--memory-tokens", 1024, 4096)
    options = ("--package-python", sys.executable, "--out", out)
    run("score_against_package.py", *size, *options, more_path=[str(package.parent)])
    content = sidebyside.read(out)
    check(content, tokens=1024)
    details = content["details"]
    assert details["package_without_residual_returns"] == "None"
    assert 0.1 < details["reference"]["update_score"] < details["reference"]["score"] < 1
    for who in ("ours, exact", "ours, fast", "package, float64"):
        assert max(details["error"][who].values()) < 1e-6
    assert [len(peaks) for peaks in details["peak_bytes"].values()] == [2, 2]
    assert any(r["at_least"] == 8 for r in content["ratios"])


def test_ratios_are_taken_inside_each_round(sidebyside):
    order: list[str] = []

    def task(name: str, seconds: list[float]):
        def run() -> float:
            order.append(name)
            return seconds[(len(order) - 1) // 2]

        return run

    seconds = sidebyside.interleaved({"a": task("a", [9, 2, 6, 20]), "b": task("b", [9, 1, 2, 4])}, rounds=3)
    assert order == ["a", "b"] * 4  # the first round warms up
    assert seconds == {"a": [2, 6, 20], "b": [1, 2, 4]}
    found = sidebyside.ratio("a / b", seconds["a"], seconds["b"], at_most=2.5)
    assert (found.median, found.low, found.high) == (3, 2, 5)
    assert found.verdict == "missed"
    assert sidebyside.ratio("a / b", [1], [2], at_most=0.5).verdict == "met"
    assert sidebyside.ratio("a / b", [9], [1], at_least=8).verdict == "met"
    assert sidebyside.ratio("a / b", [1], [1]).verdict == ""


def test_a_file_that_is_no_record_is_refused(tmp_path, sidebyside):
    file = tmp_path / "other.json"
    file.write_text('{"benchmark": "x"}')
    with pytest.raises(ValueError, match=r"other\.json is no record"):
        sidebyside.read(file)


def test_readme_shows_what_is_recorded(sidebyside):
    """No number in the table is typed by hand."""
    import run as benchmarks_run

    page = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    assert page == benchmarks_run.with_table(page, benchmarks_run.table(sidebyside.RECORDS))


def test_table_has_a_row_for_each_ratio(tmp_path, sidebyside):
    import run as benchmarks_run

    ratios = [sidebyside.ratio("a / b", [2.0], [1.0], at_most=3), sidebyside.ratio("c / b", [4.0], [1.0])]
    settings = {"details": {}, "settings": {}, "device": "cpu", "threads": 2, "tokens": 1, "seconds": 1.0}
    sidebyside.write(tmp_path / "gpu" / "one.json", sidebyside.record("one", "How much?", ratios, **settings))
    lines = benchmarks_run.table(tmp_path).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| a / b | **2.00** | 2.00 to 2.00 | ≤ 3 met |")
    assert [path.name for path in tmp_path.rglob("*")] == ["gpu", "one.json"]  # nothing half-written is left
    with pytest.raises(ValueError, match="unpack"):
        benchmarks_run.with_table("a page without markers", "")


BARE = """
import runpy, sys
for name in {missing!r}:
    sys.modules[name] = None
sys.argv = [{script!r}, *sys.argv[1:]]
sys.path.insert(0, {folder!r})
runpy.run_path({script!r}, run_name="__main__")
"""


@pytest.mark.parametrize("question", ["cost", "error"])
def test_gpu_ladder_needs_torch_and_transformers_alone(question, tmp_path, sidebyside):
    """Machines with a GPU often have little else, and no way to install it."""
    script = tmp_path / "bare.py"
    target = BENCHMARKS / "gpu_ladder.py"
    script.write_text(BARE.format(missing=NOT_ON_A_BARE_MACHINE, script=str(target), folder=str(BENCHMARKS)))
    out = tmp_path / "record.json"
    run(script, question, "--d", 64, "--blocks", 2, "--device", "cpu", "--scale", 0.1, "--tokens", 5120, "--out", out)
    content = sidebyside.read(out)
    check(content, tokens=512)
    if question == "cost":
        assert [r["at_most"] for r in content["ratios"]] == [None, 2.7, 1.8]
    else:
        errors = content["details"]["error"]
        assert max(errors["fast"].values()) < content["details"]["tolerance"]["fast"]
        assert set(errors["exact"].values()) == {0}
