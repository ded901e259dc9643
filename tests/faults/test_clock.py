"""A clock that goes backwards, stands still or jumps by years: results and resumed runs do not mind."""

import itertools
import os
import time
from pathlib import Path

import pytest

from nearlinear.cli import main
from nearlinear.inputs import cache
from nearlinear.inputs.cache import is_whole, keep_bytes, keep_folder, scratch_folder
from nearlinear.progress import track
from nearlinear.results import store
from nearlinear.results.profile_spec import laptop_spec
from nearlinear.results.types import LinearityProfile
from tests.show import synthetic

SMALL = ("--tokens", "1024", "--context", "64")
CLOCKS = {
    "backwards": lambda: (1e9 - 3600.0 * i for i in itertools.count()),
    "still": lambda: itertools.repeat(1e9),
    "by years": lambda: (1e9 + (-1) ** i * 1e8 for i in itertools.count()),
}


@pytest.fixture(params=CLOCKS)
def clock(request, monkeypatch, tmp_path):
    """The clock on the wall; the one that only measures stretches cannot go backwards."""
    ticks = CLOCKS[request.param]()
    monkeypatch.setattr(time, "time", lambda: next(ticks))
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))
    return request.param


def test_scores_and_training_do_not_mind(clock, text, tmp_path, capsys):
    assert main(["score", "--model", "tiny-llama", "--text", text, *SMALL]) == 0, capsys.readouterr().err
    out = tmp_path / "out"
    call = ["train", "--size", "quick", "--steps", "4", "--corpus", text, "--out", str(out)]
    assert main(call) == 0, capsys.readouterr().err
    seconds = store.json.loads((out / "run.json").read_text(encoding="utf-8"))["seconds"]
    assert all(each >= 0 for each in seconds)


def test_a_progress_bar_counts_to_the_end(clock, monkeypatch, capsys):
    monkeypatch.setattr("nearlinear.progress._in_live_notebook", lambda: True)
    assert list(track(range(50), "count", 50)) == list(range(50))


@pytest.mark.parametrize("when", [0, 1e9, 4e9])
def test_what_is_kept_is_found_whatever_its_date(tmp_path, monkeypatch, when):
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))
    calls = []

    def run(spec):
        calls.append(spec)
        return [synthetic.profile(L=3)]

    first = store.load_or_run(laptop_spec("tiny-llama"), run, LinearityProfile)
    with scratch_folder(tmp_path / "cache/kept") as folder:
        (folder / "made").mkdir()
        (folder / "made/a").write_text("a")
        keep_folder(folder / "made", tmp_path / "cache/kept")
    for path in (tmp_path / "cache").rglob("*"):
        os.utime(path, (when, when))
    assert store.load_or_run(laptop_spec("tiny-llama"), run, LinearityProfile) == first
    assert is_whole(tmp_path / "cache/kept")
    assert len(calls) == 1


def test_what_others_are_writing_is_not_swept_when_the_clock_was_ahead(tmp_path: Path, monkeypatch):
    """A folder that was begun while the clock stood a year ahead is not a day old now."""
    (tmp_path / f"{cache.SCRATCH}theirs").mkdir()
    ahead = time.time() + 365 * cache.DAY
    os.utime(tmp_path / f"{cache.SCRATCH}theirs", (ahead, ahead))
    keep_bytes(b"x", tmp_path / "a")
    assert (tmp_path / f"{cache.SCRATCH}theirs").exists()
