"""What each chapter costs a class, for the teachers' pages: counted in the notebooks, measured when they were run."""

import re
from collections import Counter

import nbformat

from tools.profiles import Run
from tools.run_notebooks import EXECUTED, record_of

KIND = re.compile(r"^\*(Conceptual|Computational|Change a parameter and explain), level [123] of 3\.\*", re.MULTILINE)
EXERCISE = re.compile(r"^```\{exercise(?:-start)?\} ", re.MULTILINE)
COLUMNS = ("chapter", "to run", "memory", "words", "exercises", "of them: think · compute · change and explain")
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


def chapters(runs: list[Run], profile: str) -> str:
    """A table with a row for each chapter: seconds and memory of its run, its words, and its exercises by kind.

    What has not been run has no times yet; exercises that do not say their kind are counted in the total alone.
    """
    rows = [row(run, record_of(EXECUTED / profile / run.notebook.name)) for run in runs]
    return "\n".join([HEAD, *rows]) + "\n"


def row(run: Run, record: dict) -> str:
    prose = prose_of(run)
    kinds = Counter(KIND.findall(prose))
    counts = " · ".join(str(kinds[kind]) for kind in ("Conceptual", "Computational", "Change a parameter and explain"))
    time = f"{record['seconds']:.0f} s" if record else "not run yet"
    memory = f"{record['peak_memory_gb']} GB" if record else ""
    words = f"{len(words_of(prose)):,}"
    return (
        f"| {{doc}}`/notebooks/{run.name}` | {time} | {memory} | {words} | {len(EXERCISE.findall(prose))} | {counts} |"
    )


def prose_of(run: Run) -> str:
    """The text of a chapter, without its code."""
    cells = nbformat.read(run.notebook, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def words_of(prose: str) -> list[str]:
    """The words that are read: no directives, no options, no formulas set apart."""
    text = re.sub(r"\$\$.*?\$\$", "", prose, flags=re.DOTALL)
    read = re.sub(r"^(?:```.*|:::.*|:[\w-]+:.*)$", "", text, flags=re.MULTILINE)
    return re.findall(r"[^\W\d_][\w’'-]*", read)
