"""What every notebook must look like, as checks that yield one line a problem: the chapters are thin and alike."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.profiles import TYPES, inspect

HEADINGS = (
    "Question",
    "What the paper shows",
    "Set-up",
    "Parameters",
    "Compute",
    "Figure",
    "Explore",
    "Paper and ours",
    "Does it hold?",
    "Exercises",
    "What to remember",
    "Further reading",
)
LONGEST = 8  # lines of a code cell
FREE = {"setup", "exercise", "solution"}  # cells that may hold functions, classes, loops and branches
PROGRAMMING = (
    ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | ast.For | ast.AsyncFor | ast.While
    | ast.comprehension | ast.If | ast.IfExp | ast.Match | ast.Try | ast.TryStar
)  # fmt: skip
# A path from the root or a home folder; " / " is a fraction and "//" an address.
LOCAL_PATH = re.compile(r"""(?:^|[\s"'(=`])(?:~/|/[A-Za-z]|[A-Za-z]:\\|file:)\S*""")


def problems(path: Path) -> list[str]:
    """Everything about one notebook that breaks a rule; empty where all is well."""
    notebook = nbformat.read(path, as_version=4)
    checks = (headings, outputs, kernel, order, code, paths)
    return [*(line for check in checks for line in check(notebook)), *parameters(path, notebook)]


def tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def tagged(notebook: NotebookNode, tag: str) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if tag in tags(cell)]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def headings(notebook: NotebookNode) -> Iterator[str]:
    """One title, then the fixed headings, in order."""
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    if (found := tuple(re.findall(r"^## (.+)$", prose, re.MULTILINE))) != HEADINGS:
        yield f"the headings are {' · '.join(found)}"
    if len(re.findall(r"^# ", prose, re.MULTILINE)) != 1 or not notebook.cells[0].source.startswith("# "):
        yield "a notebook begins with its title, and has one"


def parameters(path: Path, notebook: NotebookNode) -> Iterator[str]:
    """One cell tagged `parameters`; papermill, which needs a kernel, reads a type and a help in every line of it."""
    if any(kernel(notebook)):
        return
    cells = tagged(notebook, "parameters")
    if len(cells) != 1:
        yield f"{len(cells)} cells are tagged parameters, not one"
        return
    read, lines = inspect(path), [line for line in cells[0].source.splitlines() if line.strip()]
    if len(read) != len(lines):
        yield f"papermill reads {len(read)} parameters in {len(lines)} lines"
    for parameter in read:
        if parameter.type not in TYPES or not parameter.help:
            yield f"the parameter {parameter.name} lacks a type or a help"
        elif not isinstance(ast.literal_eval(parameter.default), TYPES[parameter.type]):
            yield f"the parameter {parameter.name} is {parameter.default}, which is no {parameter.type}"


def outputs(notebook: NotebookNode) -> Iterator[str]:
    """Stored without anything that a run leaves behind."""
    if any(cell.outputs or cell.execution_count is not None for cell in code_cells(notebook)):
        yield "a cell holds outputs or an execution count"
    if any("papermill" in part.metadata for part in (notebook, *notebook.cells)):
        yield "papermill's record of a run is in the metadata"
    if "widgets" in notebook.metadata:
        yield "the state of widgets is in the metadata"


def kernel(notebook: NotebookNode) -> Iterator[str]:
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not python3"


def order(notebook: NotebookNode) -> Iterator[str]:
    """Code comes after prose: the first cell of each group of code cells has a prose cell before it."""
    for before, cell in pairwise([None, *notebook.cells]):
        if cell.cell_type == "code" and (before is None or not before.source.strip()):
            yield f"no prose before {first_line(cell)}"


def code(notebook: NotebookNode) -> Iterator[str]:
    """A few plain lines a cell; what needs a function, a loop or a branch belongs in the library."""
    for cell in code_cells(notebook):
        if FREE & tags(cell):
            continue
        lines = [line for line in cell.source.splitlines() if line.strip()]
        if len(lines) > LONGEST and "parameters" not in tags(cell):
            yield f"{len(lines)} lines of code in {first_line(cell)}"
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, PROGRAMMING):
                yield f"a {type(node).__name__} in {first_line(cell)}"


def paths(notebook: NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        for found in LOCAL_PATH.findall(cell.source):
            yield f"a path of one machine: {found.strip()}"


def first_line(cell: NotebookNode) -> str:
    return repr(cell.source.strip().partition("\n")[0])
