"""Notebooks run once, again when something they depend on changes, and a failure names its cell."""

import json

import nbformat
import pytest

from tools import run_notebooks
from tools.profiles import Run, inspect
from tools.run_notebooks import NotebookFailed, key, prepare, record_of, reported, run_all, run_one

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def write(folder, *sources):
    """A notebook whose first cell holds the parameters."""
    cells = [nbformat.v4.new_code_cell(source) for source in ("n: int = 1  # how many", *sources)]
    cells[0].metadata.tags = ["parameters"]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=KERNEL)
    path = folder / "01_x.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(run_notebooks, "EXECUTED", tmp_path / "executed")
    return tmp_path


def planned(path, **overrides):
    return Run(path, inspect(path), overrides)


def test_a_notebook_runs_with_its_parameters_and_leaves_a_record(place):
    run = planned(write(place, "print(n + 1)"), n=41)
    record = run_one(run, "small", "library")
    copy = place / "executed/small/01_x.ipynb"
    assert nbformat.read(copy, as_version=4).cells[-1].outputs[0].text == "42\n"
    assert "papermill" not in copy.read_text().replace("injected-parameters", "")
    assert record == record_of(copy)
    assert record["parameters"] == {"n": "41"}
    assert record["seconds"] > 0
    assert record["peak_memory_gb"] > 0.01
    assert record["key"] == key(run, "library")
    assert sorted(path.name for path in copy.parent.iterdir()) == ["01_x.ipynb", "01_x.json"]


def test_a_failure_names_the_notebook_and_the_cell_and_keeps_no_copy(place):
    run = planned(write(place, "1", "1 / 0"), n=2)
    with pytest.raises(NotebookFailed, match="notebook 01_x, cell 3: ZeroDivisionError: division by zero"):
        run_one(run, "small", "library")
    assert not (place / "executed/small/01_x.ipynb").exists()


def test_a_change_of_anything_it_depends_on_changes_the_key(place):
    path = write(place, "1")
    before = key(planned(path), "library")
    assert key(planned(path), "library") == before
    assert key(planned(path, n=2), "library") != before
    assert key(planned(path), "another library") != before
    write(place, "2")
    assert key(planned(path), "library") != before


def test_an_unchanged_notebook_is_not_run_again(place, monkeypatch, capsys):
    run = planned(write(place, "1"))
    monkeypatch.setattr(run_notebooks, "plan", lambda profile: [run])
    ran = []

    def pretend(target, record):
        ran.append(record)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("{}")
        target.with_suffix(".json").write_text(json.dumps(record))
        return record

    copy = place / "executed/small/01_x.ipynb"
    monkeypatch.setattr(run_notebooks, "library_digest", lambda: "library")
    monkeypatch.setattr(
        run_notebooks,
        "run_one",
        lambda run, profile, library: pretend(copy, {"seconds": 1, "peak_memory_gb": 1, "key": key(run, library)}),
    )
    run_all("small")
    run_all("small")
    assert len(ran) == 1
    assert "01_x unchanged" in capsys.readouterr().out
    copy.with_suffix(".json").unlink()  # as after a kill between the copy and its record
    run_all("small")
    assert len(ran) == 2


def test_an_unknown_profile_is_one_sentence_and_exit_code_2(capsys):
    assert reported(lambda: run_all("smokey")) == 2
    assert capsys.readouterr().err.startswith("run: there is no profile 'smokey'")


def test_prepared_notebooks_hold_the_values_and_no_outputs(place, monkeypatch):
    monkeypatch.setattr(run_notebooks, "plan", lambda profile: [planned(write(place, "n"), n=7)])
    (prepared,) = prepare("small", place / "prepared")
    cells = nbformat.read(prepared, as_version=4).cells
    assert [cell.source for cell in cells] == ["n: int = 1  # how many", "# Parameters\nn = 7\n", "n"]
    assert all(not cell.outputs for cell in cells)
