"""Run a notebook far from the checkout, in a folder of its own, and say which nearlinear it used."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode

from tools.profiles import plan
from tools.run_notebooks import ENVIRONMENT

WHERE = "import nearlinear\n\nprint(nearlinear.__file__)"


@dataclass(frozen=True)
class Ran:
    """An executed notebook, and where the library lay that it imported."""

    notebook: NotebookNode
    library: Path


def smoke(chapter: str) -> dict:
    """What the smoke profile sets for one chapter."""
    (overrides,) = (run.overrides for run in plan("smoke") if run.name == chapter)
    return overrides


def run_elsewhere(notebook: Path, parameters: dict, folder: Path, python: str, **environment: str) -> Ran:
    """Execute a copy in an empty folder, by the papermill of this Python. Raises AssertionError with what it said."""
    copy, executed, empty = folder / notebook.name, folder / "executed.ipynb", folder / "empty"
    empty.mkdir(parents=True)
    asking = nbformat.read(notebook, as_version=4)
    asking.cells.append(nbformat.v4.new_code_cell(WHERE))
    nbformat.write(asking, copy)
    command = [python, "-m", "papermill", str(copy), str(executed), "--no-progress-bar", "--kernel", "python3"]
    done = subprocess.run(
        [*command, "--parameters_yaml", yaml.safe_dump(parameters)],
        cwd=empty, env=clean_environment() | environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    result = nbformat.read(executed, as_version=4)
    return Ran(result, Path(result.cells[-1].outputs[0].text.strip()))


def clean_environment() -> dict[str, str]:
    """This environment without what would lead a Python to the checkout."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MPLBACKEND")}
    return kept | ENVIRONMENT
