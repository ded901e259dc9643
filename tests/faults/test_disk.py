"""A full disk or a folder for reading only, at any moment: one sentence, nothing half-written, nothing lost."""

import shutil

import pytest
from safetensors import SafetensorError

from nearlinear.edit.export import save_pruned
from nearlinear.errors import NearlinearError
from nearlinear.inputs.cache import scratch_folder
from nearlinear.inputs.load import load_model
from tests.faults.injected import remaining
from tests.faults.jobs import some

SMALL = ("--tokens", "1024", "--context", "64")
CALLS = {
    "score": ("score", "--model", "tiny-llama", *SMALL, "--json", "out.json"),
    "prune": ("prune", "--model", "tiny-llama", "--layers", "1", *SMALL, "--distill-steps", "2", "--out", "out"),
    "train": ("train", "--size", "quick", "--steps", "6", "--out", "out"),
    "report": ("report", "--model", "tiny-llama", "--tokens", "2000", "--into", "out"),
}
MOST = {"score": 8, "prune": 6, "train": 6, "report": 2}


def call(name: str, text: str) -> tuple[str, ...]:
    return (*CALLS[name], "--corpus" if name == "train" else "--text", text)


@pytest.mark.parametrize("name", CALLS)
def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(jobs, text, name):
    first = jobs.run(*call(name, text))
    assert first.code == 0, first.err
    whole = {path for path in remaining(jobs.folder) if path.startswith("out")}
    for at in some(first.moments, MOST[name], seed=1):
        shutil.rmtree(jobs.folder)
        jobs.folder.mkdir()
        ended = jobs.run(*call(name, text), what="full", at=at)
        if ended.code == 0:  # the last thing that needed room had been written
            continue
        assert "No space left on device" in ended.sentence, at
        left = remaining(jobs.folder)
        assert not [path for path in left if ".part-" in path or "/." in f"/{path}"], at
        checkpoint = {"out.distil.safetensors"}  # from which the same command goes on
        assert {path for path in left if path.startswith("out")} <= whole | checkpoint, at
        if name in ("prune", "train"):
            assert not (jobs.folder / "out").exists()
    shutil.rmtree(jobs.folder / "out", ignore_errors=True)  # where the last of them was done
    again = jobs.run(*call(name, text))  # on what it left
    assert again.code == 0, again.err


@pytest.mark.parametrize("name", ["train", "report"])
def test_a_cache_for_reading_only_says_what_to_set(jobs, text, name):
    ended = jobs.run(*call(name, text), what="read-only", below=jobs.folder / "cache")
    assert "Read-only file system" in ended.sentence
    assert not (jobs.folder / "out").exists()


@pytest.mark.parametrize("name", ["score", "prune"])
def test_what_needs_no_cache_works_with_one_for_reading_only(jobs, text, name):
    ended = jobs.run(*call(name, text), what="read-only", below=jobs.folder / "cache")
    assert ended.code == 0, ended.err


def test_what_was_kept_is_still_read_where_nothing_can_be_written(jobs):
    """A cache on a shared disk that somebody else has filled."""
    jobs.target = "tests.faults.work:keeping"
    file, out = jobs.notes / "runs", jobs.notes / "answer.json"
    assert jobs.run(str(file), str(out)).code == 0
    ended = jobs.run(str(file), str(out), what="read-only", below=jobs.folder / "cache")
    assert ended.code == 0, ended.err
    assert file.read_text().count("run") == 1


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_full_cache_names_its_folder(jobs, at):
    jobs.target = "tests.faults.work:unpacking_in_one_sentence"
    target = jobs.folder / "cache/models/some"
    ended = jobs.run(str(target), what="full", at=at)
    assert "No space left on device" in ended.sentence
    assert "NEARLINEAR_CACHE" in ended.sentence
    assert remaining(jobs.folder) == set()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("I/O error: No space left"),
                                   Exception("No space left on device (os error 28)")], ids=repr)  # fmt: skip
def test_every_library_that_writes_is_understood(tmp_path, monkeypatch, error):
    """Python, safetensors and tokenizers each have a way of their own to say it."""

    def full(*_, **__):
        raise error

    loaded = load_model("tiny-llama")
    monkeypatch.setattr(type(loaded.tokenizer), "save_pretrained", full)
    with pytest.raises(NearlinearError, match=r"cannot be written .*No space left.*: free some space"):
        save_pruned(loaded, tmp_path / "out", remove=[1])
    with pytest.raises(NearlinearError, match=r"cannot be written .*No space left.*NEARLINEAR_CACHE"):
        write_into(tmp_path / "cache/x", full)
    assert [path.name for path in tmp_path.rglob("*")] == ["cache"]


def write_into(place, full) -> None:
    with scratch_folder(place):
        full()
