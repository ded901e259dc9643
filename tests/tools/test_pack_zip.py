"""The zip: the same bytes every time, every file once, and sums that find a byte that is wrong."""

import hashlib
import os
import subprocess
import zipfile

import pytest

from nearlinear.errors import InputError
from tools.pack_zip import Member, folder, write


@pytest.fixture
def members(tmp_path):
    (tmp_path / "large.whl").write_bytes(os.urandom(3 << 20))
    return [Member("b.txt", b"second " * 99), Member("a.sh", b"first", program=True),
            Member("wheels/large.whl", tmp_path / "large.whl")]  # fmt: skip


def test_the_same_files_give_the_same_bytes(members, tmp_path):
    write(members, tmp_path / "one.zip", "top")
    os.utime(tmp_path / "large.whl", (1, 1))
    write(reversed(members), tmp_path / "two.zip", "top")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    write([*members, Member("c.txt", b"more")], tmp_path / "two.zip", "top")
    assert (tmp_path / "one.zip").read_bytes() != (tmp_path / "two.zip").read_bytes()


def test_it_holds_every_file_as_it_is_and_its_sum(members, tmp_path):
    write(members, tmp_path / "one.zip", "top")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.namelist() == [f"top/{name}" for name in ("a.sh", "b.txt", "wheels/large.whl", "SHA256SUMS")]
        assert archive.read("top/wheels/large.whl") == (tmp_path / "large.whl").read_bytes()
        sums = archive.read("top/SHA256SUMS").decode().splitlines()
        kinds = [info.compress_type for info in archive.infolist()]
        modes = [info.external_attr >> 16 & 0o777 for info in archive.infolist()]
    assert sums[0] == f"{hashlib.sha256(b'first').hexdigest()}  a.sh"
    assert kinds[1:3] == [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED]
    assert modes == [0o755, 0o644, 0o644, 0o644]


def test_sha256sum_reads_the_sums_and_finds_a_byte_that_is_wrong(members, tmp_path):
    write(members, tmp_path / "one.zip", "top")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        archive.extractall(tmp_path)
    checking = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    assert subprocess.run(checking, cwd=tmp_path / "top").returncode == 0
    (tmp_path / "top/b.txt").write_bytes(b"other")
    done = subprocess.run(checking, cwd=tmp_path / "top", capture_output=True, text=True)
    assert "b.txt: FAILED" in done.stdout


def test_two_files_of_one_name_are_refused_and_leave_nothing(tmp_path):
    with pytest.raises(InputError, match=r"two files of the pack would be called a\.txt"):
        write([Member("a.txt", b"1"), Member("a.txt", b"2")], tmp_path / "one.zip", "top")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_goes_leaves_the_old_zip(members, tmp_path):
    write(members, tmp_path / "one.zip", "top")
    before = (tmp_path / "one.zip").read_bytes()
    (tmp_path / "large.whl").unlink()
    with pytest.raises(FileNotFoundError):
        write(members, tmp_path / "one.zip", "top")
    assert (tmp_path / "one.zip").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["one.zip"]


def test_a_folder_is_taken_without_what_is_hidden(tmp_path):
    for name in ("a/b.html", "c.html", ".hidden", "a/.ipynb_checkpoints/b.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert sorted(member.name for member in folder(tmp_path, "book")) == ["book/a/b.html", "book/c.html"]
