"""The table of what chapters cost: counted in a notebook that we know, and measured times where there are some."""

import json

import nbformat
import pytest

from tools import teach
from tools.profiles import Run

PROSE = [
    "# A title of five words",
    "Two words\n\n$$\nx = y\n$$\n\n```{note}\n:class: tip\nThree more words\n```",
    "```{exercise-start} One\n:label: a\n```\n*Conceptual, level 1 of 3.*\nWhy?\n```{exercise-end}\n```",
    "```{exercise} Two\n:label: b\n*Computational, level 2 of 3.*\n```\n```{exercise} Three\n:label: c\nno kind\n```",
]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A chapter of four cells of prose and one of code, not run yet."""
    cells = [nbformat.v4.new_markdown_cell(source) for source in PROSE]
    notebook = nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell("these = 'are not read'")])
    nbformat.write(notebook, tmp_path / "01_some.ipynb")
    monkeypatch.setattr(teach, "EXECUTED", tmp_path / "executed")
    return Run(tmp_path / "01_some.ipynb", (), {})


def cells(table: str) -> list[str]:
    return [cell.strip() for cell in table.splitlines()[2].strip("|").split("|")]


def test_exercises_and_words_are_counted(run):
    chapter, time, memory, words, exercises, kinds = cells(teach.chapters([run], "laptop"))
    assert (chapter, time, memory) == ("{doc}`/notebooks/01_some`", "not run yet", "")
    assert (exercises, kinds) == ("3", "1 · 1 · 0")
    of_exercises = "Conceptual level of Why Computational level of no kind"
    assert int(words) == 5 + 2 + 3 + len(of_exercises.split())


def test_times_are_those_of_the_run(run, tmp_path):
    folder = tmp_path / "executed/laptop"
    folder.mkdir(parents=True)
    (folder / "01_some.ipynb").write_text("{}")
    (folder / "01_some.json").write_text(json.dumps({"seconds": 12.6, "peak_memory_gb": 0.78}))
    assert cells(teach.chapters([run], "laptop"))[1:3] == ["13 s", "0.78 GB"]
    assert cells(teach.chapters([run], "smoke"))[1] == "not run yet"
