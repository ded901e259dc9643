"""Wheels through the real pip, from a folder of wheels made here: no test of this file needs a network."""

import hashlib
import threading
import zipfile
from pathlib import Path

import pytest

from nearlinear.errors import BrokenFile, InputError, NoNetwork
from nearlinear.inputs import cache

METADATA = "Metadata-Version: 2.1\nName: demo-text\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its only index, and an empty cache beside it."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


@pytest.fixture
def wheel(shelf: Path) -> Path:
    path = shelf / "demo_text-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("demo_text/data.txt", "once upon a time " * 100)
        archive.writestr("demo_text-1.0.dist-info/METADATA", METADATA)
        archive.writestr("demo_text-1.0.dist-info/WHEEL", WHEEL)
        archive.writestr("demo_text-1.0.dist-info/RECORD", "")
    return path


def test_sha256_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert cache.sha256_file(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path))
    assert cache.cache_dir() == tmp_path
    monkeypatch.delenv("NEARLINEAR_CACHE")
    assert cache.cache_dir().name == "nearlinear"


def test_a_wheel_is_fetched_once_and_then_needs_no_network(wheel):
    sha256 = cache.sha256_file(wheel)
    got = cache.fetch_wheel("demo-text", "1.0", sha256)
    assert got.is_relative_to(cache.cache_dir())
    assert cache.member(got, "*/data.txt").startswith(b"once upon")
    wheel.unlink()
    assert cache.fetch_wheel("demo-text", "1.0", sha256) == got


def test_without_a_network_one_sentence_names_the_package(shelf):
    with pytest.raises(NoNetwork, match=r"^demo-text==1\.0 is not in the cache and pip could not download it"):
        cache.fetch_wheel("demo-text", "1.0", "0" * 64)


def test_another_file_than_the_one_we_know_is_refused_and_not_kept(wheel):
    with pytest.raises(BrokenFile, match=r"truncated or altered .* expected 000000000000"):
        cache.fetch_wheel("demo-text", "1.0", "0" * 64)
    assert list((cache.cache_dir() / "wheels").iterdir()) == []


@pytest.mark.parametrize("keep", [0, 100, 200])
def test_a_truncated_wheel_is_a_broken_file(wheel, keep):
    wheel.write_bytes(wheel.read_bytes()[:keep])
    with pytest.raises(BrokenFile, match="truncated or altered: delete it"):
        cache.member(wheel, "*/data.txt")


def test_a_flipped_byte_is_a_broken_file(wheel):
    content = bytearray(wheel.read_bytes())
    content[60] ^= 0xFF
    wheel.write_bytes(content)
    with pytest.raises(BrokenFile, match="truncated or altered"):
        cache.member(wheel, "*/data.txt")


def test_a_missing_member_is_a_broken_file(wheel):
    with pytest.raises(BrokenFile, match="truncated or altered"):
        cache.member(wheel, "*/other.txt")


def test_a_cache_that_cannot_be_written_says_what_to_set(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"cannot write to the cache folder .* set NEARLINEAR_CACHE"):
        cache.fetch_wheel("demo-text", "1.0", "0" * 64)


def test_an_interrupted_write_leaves_nothing_behind(tmp_path):
    def interrupted():
        with cache.scratch_folder(tmp_path / "target") as folder:
            (folder / "half").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_process_are_swept_after_a_day(tmp_path, monkeypatch):
    (tmp_path / ".part-old").mkdir()
    cache.keep_bytes(b"x", tmp_path / "a")
    assert (tmp_path / ".part-old").exists()
    monkeypatch.setattr(cache, "DAY", -1.0)
    cache.keep_bytes(b"x", tmp_path / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_two_at_once_both_end_with_a_whole_folder(tmp_path):
    """Both make the folder, one is first, and neither spoils the other."""
    target, start, done = tmp_path / "model", threading.Barrier(2), []

    def make(text: str) -> None:
        with cache.scratch_folder(target) as folder:
            (folder / "made").mkdir()
            for name in "ab":
                (folder / "made" / name).write_text(text)
            start.wait()
            done.append(cache.keep_folder(folder / "made", target))

    threads = [threading.Thread(target=make, args=(text,)) for text in ("one", "two")]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert done == [target, target]
    assert (target / "a").read_text() == (target / "b").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
