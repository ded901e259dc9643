"""The Colab path: an environment with packages of its own takes nearlinear in without giving up any of them."""

import hashlib
import json
import subprocess
import sys
import time
import tomllib

import nbformat
import pytest

from nearlinear import __version__
from tests.notebooks.structure import tagged
from tests.package.elsewhere import clean_environment, run_elsewhere, smoke
from tools.environment import pinned, torch_candidates
from tools.profiles import NOTEBOOKS, ROOT

KEPT = ("torch", "numpy", "pandas", "ipywidgets")
# What Colab has. Not the newest numpy and pandas, so that an upgrade would show.
REQUIREMENTS = (
    "numpy==2.2.6", "pandas==2.2.3", "ipywidgets==7.7.1", "ipykernel<7", "matplotlib", "seaborn", "papermill",
)  # fmt: skip
VENV = ROOT / "build/colab-venv"
PYTHON = str(VENV / "bin/python")
INSTALL = ("install", "--quiet", "--no-compile")  # byte code is made when it is needed: a third of the time
SECOND = NOTEBOOKS / "02_without_the_residual.ipynb"


def pip(*arguments: str) -> bool:
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "15"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True)
    print(done.stdout[-2000:], done.stderr[-2000:])
    return done.returncode == 0


def versions() -> dict[str, str]:
    listed = subprocess.run([PYTHON, "-m", "pip", "list", "--format", "json"], capture_output=True, check=True)
    return {package["name"]: package["version"] for package in json.loads(listed.stdout)}


def key() -> str:
    """What decides on the environment, with what nearlinear asks for: when that changes, it is to be installed anew."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    parts = [sys.version, pinned("torch"), *REQUIREMENTS, *project["dependencies"]]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def make_environment() -> None:
    started, torch = time.monotonic(), pinned("torch")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    assert any(pip(*INSTALL, *wanted) for wanted in torch_candidates(torch)), "pip found no torch"
    there = pip(*INSTALL, f"torch=={torch}", *REQUIREMENTS)  # with what torch needs
    assert there, "pip could not install what Colab has: is there a network?"
    print(f"environment made in {time.monotonic() - started:.0f} s")


@pytest.fixture(scope="module")
def colab():
    """An environment as on Colab, kept from one time to the next, but never with nearlinear in it."""
    ready = VENV / "ready"
    if not ready.exists() or ready.read_text() != key():
        make_environment()
        ready.write_text(key())
    pip("uninstall", "--quiet", "--yes", "nearlinear")
    before = versions()
    assert "nearlinear" not in before
    return before


@pytest.fixture(scope="module")
def set_up(colab, wheel, tmp_path_factory):
    """Run the set-up cell twice, in an empty folder; the versions after it."""
    (cell,) = tagged(nbformat.read(SECOND, as_version=4), "setup")
    folder, environment = tmp_path_factory.mktemp("empty"), clean_environment() | {"NEARLINEAR_SOURCE": str(wheel)}
    for _ in range(2):
        started = time.monotonic()
        subprocess.run([PYTHON, "-c", cell.source], cwd=folder, env=environment, check=True)
        print(f"set-up cell: {time.monotonic() - started:.1f} s")
    return versions()


def test_the_set_up_cell_changes_nothing_that_colab_has(colab, set_up):
    assert set_up["nearlinear"] == __version__
    assert colab["ipywidgets"] == "7.7.1"
    assert {name: set_up[name] for name in KEPT} == {name: colab[name] for name in KEPT}


def test_a_chapter_runs_there_with_the_wheel_alone(set_up, tmp_path):
    ran = run_elsewhere(SECOND, smoke(SECOND.stem), tmp_path, PYTHON)
    assert ran.library.is_relative_to(VENV)
    (view,) = (state for kind, state in ran.notebook.metadata.widgets.items() if "widget-state" in kind)
    models = {model["model_name"] for model in view["state"].values()}
    assert {"VBoxModel", "HTMLModel", "IntSliderModel", "BoundedIntTextModel", "DropdownModel"} <= models
    assert "StackModel" not in models


def test_the_command_works_there_and_no_requirement_is_broken(set_up, tmp_path):
    command = [str(VENV / "bin/nearlinear"), "doctor"]
    done = subprocess.run(command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"nearlinear {__version__}" in done.stdout
    assert pip("check")
