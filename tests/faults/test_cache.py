"""A file of the cache that is no longer what it was: its hash says so, and it is made again."""

import zipfile
from pathlib import Path

import pytest

from nearlinear.errors import BrokenFile, NearlinearError, NoNetwork
from nearlinear.inputs import cache, gguf
from nearlinear.inputs.cache import SUMS, has_sha256, is_whole, keep_folder, keep_known, scratch_folder, sha256_file
from nearlinear.inputs.gguf import safetensors_copy


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def spoil(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"one bit": content, "cut short": content[:-1], "empty": b"", "longer": content + b"\0"}[how])


SPOILT = ("one bit", "cut short", "empty", "longer")


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_wheel_is_fetched_again(monkeypatch, tmp_path, how):
    fetched = []

    def download(_requirement, folder, _options):
        fetched.append(folder)
        with zipfile.ZipFile(folder / "demo-1.0-py3-none-any.whl", "w") as archive:
            archive.writestr(zipfile.ZipInfo("demo/data.txt"), "once upon a time")
        return folder / "demo-1.0-py3-none-any.whl"

    monkeypatch.setattr(cache, "_pip_download", download)
    (tmp_path / "x").mkdir()
    sha256 = sha256_file(download("", tmp_path / "x", ()))
    got = cache.fetch_wheel("demo", "1.0", sha256)
    assert cache.fetch_wheel("demo", "1.0", sha256) == got
    assert len(fetched) == 2
    spoil(got, how)
    assert cache.member(cache.fetch_wheel("demo", "1.0", sha256), "*/data.txt") == b"once upon a time"
    assert len(fetched) == 3


def test_without_a_network_a_spoilt_file_is_said_to_be_spoilt(tmp_path):
    (tmp_path / "kept").write_text("spoilt")

    def fetch(_folder):
        raise NoNetwork("no network")

    with pytest.raises(BrokenFile, match=r"^kept is truncated or altered .*: connect to a network and try again$"):
        keep_known(tmp_path / "kept", "0" * 64, fetch)
    (tmp_path / "kept").unlink()
    with pytest.raises(NoNetwork):
        keep_known(tmp_path / "kept", "0" * 64, fetch)


def kept(target: Path, text: str = "weights") -> Path:
    with scratch_folder(target) as folder:
        (folder / "model").mkdir()
        for name in ("config.json", "model.safetensors"):
            (folder / "model" / name).write_text(f"{name} {text}")
        return keep_folder(folder / "model", target)


@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", SUMS])
def test_a_spoilt_folder_is_not_whole_and_gives_way(tmp_path, name, how):
    target = kept(tmp_path / "models/some")
    assert is_whole(target)
    spoil(target / name, how)
    assert not is_whole(target)
    assert is_whole(kept(target, "again"))
    assert (target / "config.json").read_text() == "config.json again"
    assert [path.name for path in target.parent.iterdir()] == ["some"]


def test_a_missing_or_another_file_is_noticed_and_a_whole_folder_stands(tmp_path):
    target = kept(tmp_path / "some")
    kept(target, "again")
    assert (target / "config.json").read_text() == "config.json weights"  # the first one was whole
    (target / ".hidden").touch()  # as file managers leave it
    assert is_whole(target)
    (target / "more.json").touch()
    assert not is_whole(target)
    kept(target).joinpath("config.json").unlink()
    assert not is_whole(target)
    assert not is_whole(tmp_path / "nowhere")


def test_a_spoilt_copy_of_a_gguf_file_is_converted_again(tmp_path, monkeypatch):
    converted = []

    def convert(path, folder):
        converted.append(path)
        folder.mkdir()
        (folder / "model.safetensors").write_text("weights")

    monkeypatch.setattr(gguf, "_convert", convert)
    copy = safetensors_copy(tmp_path / "a.gguf", "0" * 64)
    safetensors_copy(tmp_path / "a.gguf", "0" * 64)
    assert len(converted) == 1
    spoil(copy / "model.safetensors", "one bit")
    assert safetensors_copy(tmp_path / "a.gguf", "0" * 64) == copy
    assert len(converted) == 2
    assert (copy / "model.safetensors").read_text() == "weights"


def test_a_file_is_hashed_once_a_process_as_long_as_it_does_not_change(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    sha256, hashed = sha256_file(path), []
    monkeypatch.setattr(cache, "sha256_file", lambda path: hashed.append(path) or sha256)
    assert all(has_sha256(path, sha256) for _ in range(3))
    assert len(hashed) == 1


def test_another_error_inside_a_scratch_folder_stays_what_it_is(tmp_path):
    for error in (FileNotFoundError(2, "gone"), NearlinearError("said already"), KeyError("x")):
        with pytest.raises(type(error)), scratch_folder(tmp_path / "target"):
            raise error
    assert list(tmp_path.iterdir()) == []
