"""Every exercise of every chapter: its solution is right, a wrong answer and none at all are told so, hints are no
answers, and each says of which kind it is and how hard."""

import ast
import importlib
import re

import nbformat
import numpy as np
import pytest

from tests.notebooks.structure import code_cells, tags
from tools.profiles import NOTEBOOKS

CHAPTERS = {path.stem: nbformat.read(path, as_version=4) for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))}
KIND = re.compile(r"^\*(Conceptual|Computational|Change a parameter and explain), level ([123]) of 3\.\*$")
START = re.compile(r"^```\{exercise-start\} .+\n:label: ([\w-]+)\n```\n(.+)$", re.MULTILINE)
SOLUTION = re.compile(r"^```\{solution(?:-start)?\} ([\w-]+)$", re.MULTILINE)
NOT_LABELLED = ()
"""Chapters whose exercises do not say their kind yet."""
LABELLED = sorted(CHAPTERS.keys() - set(NOT_LABELLED))


def prose(notebook) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def labels(notebook) -> list[str]:
    """The labels of a chapter's exercises, of either form, in order."""
    return re.findall(r"^```\{exercise(?:-start)?\} .+\n:label: ([\w-]+)$", prose(notebook), re.MULTILINE)


def tagged_sources(tag: str) -> list[tuple[str, str]]:
    """Chapter and source of every cell with this tag."""
    return [
        (name, cell.source) for name, notebook in CHAPTERS.items() for cell in code_cells(notebook) if tag in tags(cell)
    ]


def judge(name: str, source: str) -> str:
    """What the check at the end of a cell says, where the cell is run with the chapter's own checks."""
    imports = "\n".join(cell.source for cell in code_cells(CHAPTERS[name]))
    (module,) = re.findall(r"^from nearlinear import (check\w*)", imports, re.MULTILINE)
    space = {"check": importlib.import_module(f"nearlinear.{module}"), "spoilt": spoilt}
    *before, last = ast.parse(source).body
    exec(compile(ast.Module(before, []), name, "exec"), space)
    return eval(compile(ast.Expression(last.value), name, "eval"), space).html


CASES = [pytest.param(*each, id=f"{each[0][:2]}-{i}") for i, each in enumerate(tagged_sources("solution"))]


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_has_three_to_five_each_with_a_solution(name):
    found = labels(CHAPTERS[name])
    assert 3 <= len(found) <= 5
    assert SOLUTION.findall(prose(CHAPTERS[name])) == found


def test_no_label_is_there_twice():
    found = [label for notebook in CHAPTERS.values() for label in labels(notebook)]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("name", LABELLED)
def test_an_exercise_says_its_kind_and_they_grow_harder(name):
    first_lines = [KIND.match(first) for _, first in START.findall(prose(CHAPTERS[name]))]
    assert all(first_lines)
    assert len(first_lines) == len(labels(CHAPTERS[name]))
    levels = [int(line[2]) for line in first_lines]
    assert levels == sorted(levels)
    kinds = {line[1] for line in first_lines}
    assert "Computational" in kinds
    assert len(kinds) >= 2


@pytest.mark.parametrize(("name", "source"), CASES)
def test_a_solution_is_right(name, source):
    assert "✓ Right" in judge(name, source)


@pytest.mark.parametrize(("name", "source"), [pytest.param(*e, id=e[0][:2]) for e in tagged_sources("exercise")])
def test_an_exercise_waits_for_an_answer(name, source):
    assert "Not tried yet" in judge(name, source)


def spoilt(solution):
    """The solution's function with another answer."""

    def wrong(*arguments):
        found = solution(*arguments)
        if isinstance(found, str):
            return f"not {found}"
        return tuple(1.5 * part + 1 for part in found) if isinstance(found, tuple) else 1.5 * np.asarray(found) + 1

    return wrong


@pytest.mark.parametrize(("name", "source"), CASES)
def test_a_wrong_answer_gets_a_hint_and_never_the_answer(name, source):
    call = ast.parse(source).body[-1].value
    (given,) = call.args
    is_function = isinstance(given, ast.Name)
    call.args = [ast.parse(f"spoilt({given.id})" if is_function else "-12345.678", mode="eval").body]
    said = judge(name, f"{source.rpartition(chr(10))[0]}\n{ast.unparse(call)}")
    assert "✕ Not yet. " in said
    hint = re.sub(r"<[^>]+>", "", said.partition("Not yet. ")[2])
    assert len(hint.split()) >= 4
    if not is_function:
        numbers = [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", hint)]
        assert not any(number == pytest.approx(answer(source, given), rel=1e-3) for number in numbers)


def answer(source: str, given: ast.expr) -> float:
    """The number that a solution hands in."""
    space = {}
    exec("\n".join(source.splitlines()[:-1]), space)
    return eval(compile(ast.Expression(given), "solution", "eval"), space)
