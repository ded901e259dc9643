"""The pack: what is in it has been decided, what is written in it is true, and its script makes an environment."""

import ensurepip
import os
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from nearlinear.inputs.corpora import CORPORA
from nearlinear.inputs.packaged import PACKAGES
from nearlinear.inputs.tasks import TASKS
from tests.tools import planted
from tools import pack, pack_cache
from tools.pack_try import environment, unpack
from tools.pack_wheels import Wheel
from tools.pack_zip import Member
from tools.profiles import NOTEBOOKS, ROOT, plan

HERE = platform.python_version()
CHAPTER = """<html><body><article><h1>One</h1><section><h2>Question</h2><p>What?</p></section>
<figure><img src="data:," alt="a box"/><figcaption><p>A box.</p></figcaption></figure></article></body></html>"""
SAY = "print(os.environ['NEARLINEAR_CACHE'], os.environ['HF_HUB_OFFLINE'], sys.prefix, *sys.argv[1:])"


def pip_wheel() -> Path:
    """The one that Python carries to begin with."""
    return next((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))


@pytest.fixture
def made(monkeypatch, tmp_path):
    """A pack of a book of one chapter, two planted packages and one planted text, for the Python that runs this."""
    book = tmp_path / "html"
    (book / "notebooks").mkdir(parents=True)
    (book / "index.html").write_text("<html></html>")
    (book / "notebooks/01_one.html").write_text(CHAPTER)
    wheels = [
        planted.wheel(tmp_path, "nearlinear", "1.0", "License-Expression: MIT", "Provides-Extra: book", main=SAY),
        planted.wheel(tmp_path, "jupyterlab", "1.0", "License-Expression: MIT"),
        pip_wheel(),
    ]
    monkeypatch.setattr(pack, "BOOK", book)
    monkeypatch.setattr(pack, "WORK", tmp_path / "work")
    monkeypatch.setattr(pack, "zip_path", lambda python: tmp_path / "pack.zip")
    monkeypatch.setattr(pack, "wheels_of", lambda python: [Wheel(path) for path in wheels])
    monkeypatch.setattr(pack_cache, "members", lambda: [Member("cache/wheels/text.whl", b"a text")])
    return pack.make(HERE)


@pytest.mark.parametrize(("said", "meant"), [("3.12", "3.12.0"), ("3.11.7", "3.11.7"), ("3.13", "3.13.0")])
def test_a_python_is_named_in_full(said, meant):
    assert pack.full(said) == meant


@pytest.mark.parametrize("said", ["3.10", "3.14", "2.7", "3", "python3.12", "3.12.x"])
def test_a_python_that_is_none_is_refused(said, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["pack", "--python", said])
    assert pack.main() == 2
    assert "is no Python that the library runs on" in capsys.readouterr().err


def test_without_a_book_one_sentence_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pack, "BOOK", tmp_path)
    monkeypatch.setattr(pack, "WORK", tmp_path / "work")
    monkeypatch.setattr("sys.argv", ["pack"])
    assert pack.main() == 2
    assert capsys.readouterr().err == "pack: there is no built book: run make book first\n"


def test_of_every_model_text_and_task_it_is_decided_whether_it_is_passed_on():
    """A new one fails here, until somebody has read its licence."""
    given = [name for each in pack_cache.GIVEN for name in each.names]
    decided = [*given, *pack_cache.LEFT_OUT, *pack_cache.INSTALLED]
    assert sorted(decided) == sorted(name for name in (*PACKAGES, *CORPORA, *TASKS) if not name.startswith("hf:"))


def test_what_may_not_be_passed_on_has_no_file_and_is_named(tmp_path):
    path = planted.wheel(tmp_path, "some", "1.0", "License-Expression: MIT")
    text = pack_cache.licences(dict.fromkeys(pack_cache.GIVEN, path))
    given, left = text.split("Not in this pack")
    assert all(name in left and name not in given for name in pack_cache.LEFT_OUT)
    assert given.count("some-1.0-py3-none-any.whl, a package under MIT") == sum(len(g.names) for g in pack_cache.GIVEN)


def test_the_roots_are_pinned():
    """Two makings of one checkout take the same packages."""
    pinned = "".join(path.read_text() for path in pack.CONSTRAINTS)
    for root in (*pack.ROOTS[1:], "pip", "torch", "papermill"):
        assert re.search(rf"^{root}==", pinned, re.M), root


def test_the_offline_profile_reads_nothing_that_is_left_out(tmp_path):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/offline.yaml").write_text(pack.offline_profile())
    for notebook in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"):
        (tmp_path / notebook.name).symlink_to(notebook)
    runs = plan("offline", tmp_path)
    values = [run.value(each).strip("'\"") for run in runs for each in run.parameters]
    assert not set(values) & set(pack_cache.LEFT_OUT)
    assert any(run.overrides.get("live_corpus") == pack.INSTEAD for run in runs)


def test_nothing_is_pinned_twice():
    names = [line.split("==")[0] for path in pack.CONSTRAINTS for line in path.read_text().splitlines() if "==" in line]
    spelt = [canonicalize_name(name) for name in names]
    assert sorted(set(spelt)) == sorted(spelt)


def test_it_holds_book_slides_notebooks_wheels_and_a_script(made):
    with zipfile.ZipFile(made) as archive:
        names = {name.removeprefix("nearlinear-offline/") for name in archive.namelist()}
        deck = archive.read("nearlinear-offline/slides/01_one.html").decode()
        readme = archive.read("nearlinear-offline/README.txt").decode()
        script = archive.read("nearlinear-offline/install.sh").decode()
    notebooks = {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert notebooks | {"book/index.html", "slides/index.html", "notebooks/profiles/offline.yaml", "LICENSE"} <= names
    assert {"wheels/LICENCES.txt", "cache/wheels/text.whl", "tools/pack_run.py", "SHA256SUMS"} <= names
    assert 'href="../book/notebooks/01_one.html"' in deck
    assert f"Python {HERE} or a later {pack.minor(HERE)}" in readme
    assert all(name in readme for name in pack_cache.LEFT_OUT)
    assert not re.search(r"@[A-Z]", readme + script)


def say(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess:
    """What the script of the pack answers, in an account of its own."""
    known = environment(folder, sys.executable) | more
    command = ["sh", "install.sh", *words]
    return subprocess.run(command, cwd=folder, env=known, capture_output=True, text=True, stdin=subprocess.DEVNULL)


LINUX = (platform.system(), platform.machine()) == ("Linux", "x86_64")


@pytest.mark.skipif(not LINUX, reason="the pack runs on Linux on x86-64")
def test_its_script_makes_an_environment_once_and_starts_what_is_asked_for(made, tmp_path):
    """Three seconds: an environment is made and pip runs in it."""
    folder = unpack(made, tmp_path / "a room")
    first = say(folder)
    assert first.returncode == 0, first.stderr
    assert "the environment stands" in first.stdout
    again = say(folder, "nearlinear", "score", "two words")
    assert again.stdout == f"{folder}/cache 1 {folder}/.venv score two words\n"
    assert say(folder, "sing").stderr.startswith("install: there is no command sing: say lab, run or nearlinear")
    assert say(folder, "run").stderr.startswith("install: say which chapter")


@pytest.mark.skipif(not LINUX, reason="the pack runs on Linux on x86-64")
def test_a_broken_file_is_found_before_anything_is_made(made, tmp_path):
    folder = unpack(made, tmp_path)
    (folder / "cache/wheels/text.whl").write_bytes(b"another")
    done = say(folder)
    assert done.returncode == 2
    assert "cache/wheels/text.whl: FAILED" in done.stdout
    assert "unpack the zip again" in done.stderr
    assert not (folder / ".venv").exists()


@pytest.mark.skipif(not LINUX, reason="the pack runs on Linux on x86-64")
def test_another_python_is_refused(made, tmp_path):
    folder = unpack(made, tmp_path)
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)
    done = say(folder, PYTHON=str(other))
    assert done.returncode == 2
    assert done.stderr == f"install: {other} is not Python {HERE} or a later {pack.minor(HERE)}: set PYTHON to one\n"


def test_the_script_is_one_that_every_shell_reads(made, tmp_path):
    assert subprocess.run(["sh", "-n", unpack(made, tmp_path) / "install.sh"], env=dict(os.environ)).returncode == 0
