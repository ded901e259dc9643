"""torchrun: two real processes score and prune as one does, speak once, and outlive the death of one of them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nearlinear.cli import main
from nearlinear.cli_many import many_on, one_voice, several, told_to_stop
from nearlinear.errors import InputError
from nearlinear.measure.many import Lost
from nearlinear.results.types import LinearityProfile

from .many_processes import PATIENCE, PRUNE, SCORE, TEXT, command

ROOT = Path(__file__).parents[1]
OTHER = {"command", "commit", "clean", "created", "seconds", "spec_sha256"}
"""Of a provenance: what differs from run to run, and the specification, which says where the text lies."""


def torchrun(what: str, folder: Path, *options: str) -> subprocess.CompletedProcess:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *options]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    variables = {"OMP_NUM_THREADS": "1", "PYTHONPATH": path, "GLOO_SOCKET_IFNAME": "lo"}
    variables |= {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}  # or processes that are restarted look for the dead ones
    return subprocess.run(
        [*launcher, "-m", "tests.many_processes", what, str(folder)],
        env=os.environ | variables | {"NEARLINEAR_CACHE": str(folder / "cache")},
        capture_output=True, text=True, timeout=300, check=False, cwd=ROOT,
    )  # fmt: skip


def with_text(folder: Path) -> Path:
    (folder / "text.txt").write_text(TEXT)
    return folder


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """The folder in which one process has left what it found."""
    folder = with_text(tmp_path_factory.mktemp("one"))
    for what in (SCORE, PRUNE):
        assert main(command(what, folder)) == 0
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The same of two."""
    folder = with_text(tmp_path_factory.mktemp("two"))
    done = torchrun("answers", folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def told(folder: Path) -> list[dict]:
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def check_scores(found: Path, expected: Path) -> None:
    """Every number to ten digits, and the same provenance but for what differs from run to run."""
    found, expected = (LinearityProfile.load(path).model_dump() for path in (found, expected))
    made, before = found.pop("provenance"), expected.pop("provenance")
    assert {k: v for k, v in made.items() if k not in OTHER} == {k: v for k, v in before.items() if k not in OTHER}
    assert made["command"].startswith("2 processes: ")
    pairs = list(zip(flat(found), flat(expected), strict=True))
    assert len(pairs) > 100
    for (place, value), (other, wanted) in pairs:
        assert place == other
        assert value == (wanted if isinstance(wanted, str) else pytest.approx(wanted, rel=1e-10, abs=1e-10)), place


def flat(value, place=""):
    if isinstance(value, dict | tuple | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in items:
            yield from flat(each, f"{place}.{key}")
    else:
        yield place, value


def test_two_processes_score_as_one_does(one, two):
    check_scores(two / "score.json", one / "score.json")


def test_two_processes_prune_as_one_does(one, two):
    found, expected = (json.loads((each / "pruned" / "config.json").read_text()) for each in (two, one))
    assert found["nearlinear"].pop("processes") == 2
    perplexities = [config["nearlinear"].pop("perplexity") for config in (found, expected)]
    assert found == expected
    assert perplexities[0] == pytest.approx(perplexities[1], rel=1e-7)
    weights = [load_file(each / "pruned" / "model.safetensors") for each in (two, one)]
    assert weights[0].keys() == weights[1].keys()
    for name, weight in weights[0].items():
        torch.testing.assert_close(weight, weights[1][name], rtol=1e-6, atol=1e-6)


def test_the_first_process_alone_speaks(two):
    first, second = told(two)
    for what in ("score", "prune", "refused", "distilled"):
        assert (second[what]["out"], second[what]["err"]) == ("", "")
        assert first[what]["code"] == second[what]["code"]
    assert "block    score" in first["score"]["out"]
    assert "saved in" in first["prune"]["out"]
    assert first["refused"]["code"] == first["distilled"]["code"] == 2
    assert first["refused"]["err"].startswith("nearlinear: no model 'nosuch': give one of ")
    assert "distillation runs on one process" in first["distilled"]["err"]


def test_what_one_process_runs_into_both_say(two):
    assert [each["of one"] for each in told(two)] == ["process 1 cannot go on: no text here", "no text here"]


def test_one_that_says_nothing_is_not_waited_for_without_end(two):
    found = told(two)[0]["silent"]
    assert found["sentence"].startswith("process 0 of 2 has lost another one (")
    assert PATIENCE <= found["seconds"] < 20 * PATIENCE


def test_nothing_is_left_behind(two):
    left = {path.relative_to(two).parts[0] for path in two.rglob("*") if path.is_file()}
    assert left == {"text.txt", "score.json", "pruned", "cache", "0.json", "1.json"}
    assert not list((two / "cache").rglob("*.safetensors"))


def test_a_process_that_is_killed_costs_what_it_had_not_kept(one, tmp_path):
    """The other says so at once; torchrun starts both anew, and they go on where they were."""
    folder = with_text(tmp_path)
    done = torchrun("dying", folder, "--max-restarts", "1")
    assert done.returncode == 0, done.stderr[-3000:]
    assert (folder / "killed").exists()
    assert "nearlinear: process 0 of 2 has lost another one (" in done.stderr or "told to stop" in done.stderr
    check_scores(folder / "score.json", one / "score.json")
    ran = [int((folder / f"batches-{rank}").read_text()) for rank in (0, 1)]
    assert ran == [1, 1]  # of the second pass: what each had summed in the first was kept
    assert not list((folder / "cache").rglob("*.safetensors"))


def test_one_process_is_not_several(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    assert not several()
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert not several()
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert several()


def test_who_says_what(monkeypatch):
    def raised(error):
        with one_voice():
            raise error

    for rank in "01":
        monkeypatch.setenv("RANK", rank)
        with pytest.raises(Lost):
            raised(Lost("another one is gone"))
    for error, code in ((InputError("no"), 2), (KeyboardInterrupt(), 130)):
        monkeypatch.setenv("RANK", "0")
        with pytest.raises(type(error)):
            raised(error)
        monkeypatch.setenv("RANK", "1")
        with pytest.raises(SystemExit) as leaving:
            raised(error)
        assert leaving.value.code == code


def test_told_to_stop_is_one_sentence():
    before = signal.getsignal(signal.SIGTERM)

    def stopped():
        with told_to_stop():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)

    with pytest.raises(Lost, match="told to stop, by torchrun because another process has failed"):
        stopped()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_device_that_is_not_there(monkeypatch):
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(InputError, match="no device 'abacus'"), many_on("abacus"):
        pass
