"""The trial of the oldest and newest packages: what it would install, and what it says when that goes wrong."""

import sys
import tomllib
from pathlib import Path

import pytest

from tools import versions
from tools.environment import ROOT


@pytest.fixture
def said(monkeypatch):
    """The commands, in place of running them; `fails` is what the failing one holds."""
    commands, fails = [], []

    class Done:
        returncode, stdout = 0, b'[{"name": "torch", "version": "2.6.0"}]'

    def pretend(command, **_):
        commands.append(command)
        done = Done()
        done.returncode = int(any(word in command for word in fails))
        return done

    monkeypatch.setattr(versions.subprocess, "run", pretend)
    monkeypatch.setattr(versions, "TOLD", ("torch",))
    return commands, fails


def start(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["versions.py", *arguments])
    return versions.main()


def test_the_oldest_are_the_lower_bounds(said, monkeypatch, capsys):
    commands, _ = said
    assert start(monkeypatch, "oldest", "--torch", "cpu", "tests/measure") == 0
    made, _, installed, _, tested, _ = commands
    assert made[-1] == str(ROOT / "build/versions/oldest")
    assert installed[installed.index("--resolution") + 1] == "lowest-direct"
    assert installed[installed.index("--torch-backend") + 1] == "cpu"
    assert tested[-1] == "tests/measure"
    assert "the oldest packages pass: Python 3." in capsys.readouterr().out


def test_the_newest_may_come_from_the_index(said, monkeypatch):
    commands, _ = said
    assert start(monkeypatch, "newest", "--torch", "index") == 0
    assert "highest" in commands[2]
    assert "--torch-backend" not in commands[2]
    assert commands[4][-1] == "tests"


@pytest.mark.parametrize("step", ["venv", "uv", "pytest"])
def test_a_step_that_fails_is_the_last(step, said, monkeypatch, capsys):
    commands, fails = said
    fails.append(step)
    assert start(monkeypatch, "newest") == 1
    assert step in commands[-1]
    assert capsys.readouterr().err == "versions: the newest packages did not pass (what failed is above)\n"


def test_every_optional_part_but_the_tests_is_installed_and_every_test_of_the_library_run():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert (
        versions.resolution("newest", Path("python"), "cpu")[-1] == f".[{','.join(sorted(extras.keys() - {'test'}))}]"
    )
    assert all((ROOT / "tests" / name).is_dir() for name in versions.LEFT_OUT)
    mirrored = {path.name for path in (ROOT / "lib/nearlinear").iterdir() if path.is_dir()} - {"__pycache__"}
    assert mirrored.isdisjoint(versions.LEFT_OUT)
