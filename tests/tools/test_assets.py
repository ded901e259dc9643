"""Page scripts are the ones we know, byte for byte, or the build stops in one sentence."""

import dataclasses
import hashlib
import io
import tarfile

import pytest

from nearlinear.errors import BrokenFile, NoNetwork
from nearlinear.inputs.npm import tarball_path
from tools.assets import AXE, PAGES, Package, place


def tarball(**files):
    """The bytes of a package as npm would pack it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"package/{name.replace('_', '/')}.js")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that lies in the cache already."""
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))
    content = tarball(dist_a="A", dist_b="B", other_c="C")
    package = Package(
        "@some/thing", "1.0", hashlib.sha256(content).hexdigest(), "package/dist/", ("a.js",), tmp_path / "vendor"
    )
    kept = tarball_path(package.name, package.version)
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    return package


def test_only_the_files_named_are_placed(package):
    place(package)
    assert sorted(path.name for path in package.target.rglob("*")) == ["VERSION", "a.js"]
    assert (package.target / "a.js").read_text() == "A"


def test_what_is_placed_needs_neither_cache_nor_network_again(package):
    place(package)
    tarball_path(package.name, package.version).unlink()
    place(package)
    assert (package.target / "a.js").read_text() == "A"


def test_an_altered_tarball_is_refused_and_the_old_files_stay(package, monkeypatch):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    place(package)
    newer = dataclasses.replace(package, version="2.0")
    tarball_path(newer.name, newer.version).write_bytes(tarball(dist_a="altered"))
    with pytest.raises(BrokenFile, match=r"some-thing-2\.0\.tgz is truncated or altered .*: connect to a network"):
        place(newer)
    assert (package.target / "a.js").read_text() == "A"


def test_without_a_network_the_sentence_says_what_is_missing(package, monkeypatch):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    tarball_path(package.name, package.version).unlink()
    with pytest.raises(NoNetwork, match=r"the npm package @some/thing 1\.0 is not in the cache and npm could not"):
        place(package)
    assert not package.target.exists()


@pytest.mark.parametrize("package", [*PAGES, AXE], ids=lambda package: package.name)
def test_every_package_brings_its_licence(package):
    place(package)
    assert len((package.target / "LICENSE").read_text()) > 1000
