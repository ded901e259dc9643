"""What Jupyter Book is given: the pages, the executed notebooks with a table of their parameters, nothing stale."""

import json

import nbformat
import pytest

from tools import stage
from tools.profiles import Parameter, Run


@pytest.fixture
def run(tmp_path, monkeypatch):
    """One executed notebook, and its plan."""
    monkeypatch.setattr(stage, "EXECUTED", tmp_path / "executed")
    cells = [
        nbformat.v4.new_markdown_cell("# Title"),
        nbformat.v4.new_code_cell("n: int = 1  # how many", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("n = 7", metadata={"tags": ["injected-parameters"]}),
        nbformat.v4.new_code_cell("n"),
    ]
    (tmp_path / "executed/small").mkdir(parents=True)
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"nearlinear": {"prerequisites": "least squares"}})
    for file in ("01_x.ipynb", "executed/small/01_x.ipynb"):
        nbformat.write(notebook, tmp_path / file)
    record = {"seconds": 12.3, "peak_memory_gb": 0.5, "device": "cpu (2 cores)"}
    (tmp_path / "executed/small/01_x.json").write_text(json.dumps(record))
    return Run(tmp_path / "01_x.ipynb", (Parameter("n", "int", "1", "how many"),), {"n": 7})


def test_the_page_shows_the_values_used_as_a_table(run):
    cells = nbformat.reads(stage.notebook_page(run, "small").decode(), as_version=4).cells
    assert [cell.cell_type for cell in cells] == ["markdown", "markdown", "code", "markdown", "code"]
    assert "hide-input" in cells[2].metadata.tags
    assert "profile `small`" in cells[3].source
    assert "| `n` | `7` | how many |" in cells[3].source


def test_a_card_under_the_title_says_what_the_page_cost(run):
    title, card, *_ = nbformat.reads(stage.notebook_page(run, "small").decode(), as_version=4).cells
    assert title.source == "# Title"
    for said in ("12 seconds on cpu (2 cores)", "0.5 GB", "least squares", "**Downloads:** none"):
        assert said in card.source


def test_the_staging_folder_mirrors_the_project_and_forgets_what_is_gone(run, tmp_path):
    source = tmp_path / "src"
    (source / "book").mkdir(parents=True)
    (source / "book/gone.md").touch()
    first = stage.stage([run], "small", source)
    assert not (source / "book/gone.md").exists()
    assert (source / "notebooks/01_x.ipynb").exists()
    assert (source / "book/_toc.yml").exists()
    assert (source / "lib/nearlinear/errors.py").exists()
    assert stage.stage([run], "small", source) == first
    assert stage.stage([], "small", source) != first
    assert not (source / "notebooks/01_x.ipynb").exists()


def test_what_is_made_here_is_laid_out_with_the_rest():
    made = dict(stage.made())
    assert {"book/api/measure.md", "book/api/command-line.md", "book/made/changelog.md"} <= made.keys()
    assert b"Recorded results" in made["book/made/results.md"]
    assert b"Recorded benchmarks" in made["book/made/benchmarks.md"]
    assert not made.keys() & dict(stage.pages()).keys()
