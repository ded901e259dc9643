"""Every chapter keeps to the fixed form, and each rule can be broken."""

import nbformat
import pytest

from tests.notebooks.structure import code_cells, problems, tagged
from tools.profiles import NOTEBOOKS, plan

CHAPTERS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_keeps_to_the_form(path):
    assert problems(path) == []


def test_the_setup_cell_is_the_same_in_all():
    cells = [tagged(nbformat.read(path, as_version=4), "setup") for path in CHAPTERS]
    assert {len(of_chapter) for of_chapter in cells} == {1}
    assert len({cell.source for (cell,) in cells}) == 1


def test_the_defaults_are_the_laptop_profile():
    assert [run.notebook for run in plan("laptop")] == CHAPTERS
    assert [run.overrides for run in plan("laptop")] == [{} for _ in CHAPTERS]


def of(notebook, start):
    """The cell whose source starts so."""
    return next(cell for cell in notebook.cells if cell.source.startswith(start))


def swap_headings(notebook):
    first, second = of(notebook, "## Question"), of(notebook, "## What the paper shows")
    first.source, second.source = second.source, first.source


def untag(notebook):
    of(notebook, "models: str").metadata.tags = []


def edit(start, old, new):
    def change(notebook):
        cell = of(notebook, start)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def add_output(notebook):
    code_cells(notebook)[1].outputs = [nbformat.v4.new_output("stream", text="left over")]


def add_count(notebook):
    code_cells(notebook)[1].execution_count = 3


def add_papermill(notebook):
    notebook.cells[0].metadata.papermill = {"duration": 1}


def add_widgets(notebook):
    notebook.metadata.widgets = {}


def drop_kernel(notebook):
    del notebook.metadata["kernelspec"]


def drop_prose(notebook):
    notebook.cells.remove(of(notebook, "## Compute"))
    of(notebook, "## Parameters").source += "\n\n## Compute"
    notebook.cells.insert(0, notebook.cells.pop(notebook.cells.index(of(notebook, "cut = "))))


def append(source):
    return lambda notebook: notebook.cells.append(nbformat.v4.new_code_cell(source))


BREAKS = {
    "headings in another order": (swap_headings, "the headings are What the paper shows · Question · Set-up"),
    "a second title": (edit("## Question", "## Question", "# More\n\n## Question"), "begins with its title"),
    "no parameters": (untag, "0 cells are tagged parameters, not one"),
    "a parameter without help": (edit("models:", "  # seed of the windows and of the bootstrap", ""), "seed lacks a"),
    "a parameter without type": (edit("models:", "\nseed: int = 0", "\nseed = 0"), "seed lacks a type or a help"),
    "a default of another type": (edit("models:", "n_fit: int = 128", "n_fit: int = '128'"), "which is no int"),
    "a line that is no parameter": (edit("models:", "\nseed: int", "\nprint(1)\nseed: int"), " parameters in "),
    "an output": (add_output, "outputs or an execution count"),
    "an execution count": (add_count, "outputs or an execution count"),
    "papermill's metadata": (add_papermill, "papermill's record"),
    "widget state": (add_widgets, "the state of widgets"),
    "no kernel": (drop_kernel, "the kernel is not python3"),
    "code without prose": (drop_prose, "no prose before 'cut = "),
    "a long cell": (append("x = 1\n" * 9), "9 lines of code in 'x = 1'"),
    "a function": (append("def f():\n    return 1"), "a FunctionDef in 'def f():'"),
    "a lambda": (append("f = lambda: 1"), "a Lambda in"),
    "a class": (append("class A:\n    pass"), "a ClassDef in"),
    "a loop": (append("for i in range(3):\n    print(i)"), "a For in"),
    "a comprehension": (append("[i for i in range(3)]"), "a comprehension in"),
    "a branch": (append("if True:\n    print(1)"), "a If in"),
    "a short branch": (append("1 if True else 2"), "a IfExp in"),
    "a path from the root": (append("open('/data/text.txt')"), "a path of one machine"),
    "a path from home": (append("models = '~/models'"), "a path of one machine"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_rule_is_seen(tmp_path, name):
    change, told = BREAKS[name]
    notebook = nbformat.read(CHAPTERS[0], as_version=4)
    change(notebook)
    nbformat.write(notebook, tmp_path / "01_x.ipynb")
    found = problems(tmp_path / "01_x.ipynb")
    assert any(told in line for line in found), found
