"""Lay out what Jupyter Book reads: the prose pages, the executed notebooks and the library they quote.

The staging folder mirrors the paths of the repository, so that a page has the same name there, in git and on Colab,
and `../lib/...` means the same from a page in either place.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

from nearlinear import inventory
from tools import api, atlas, command_line, how_fast, links, teach, tour
from tools.profiles import ROOT, Run
from tools.run_notebooks import EXECUTED, record_of

LEFT_OUT = {"__pycache__", "_build", ".ipynb_checkpoints"}


def stage(runs: list[Run], profile: str, source: Path) -> str:
    """Make `source` hold exactly what the book is built from; returns a hash of all of it."""
    wanted = (
        dict(pages())
        | dict(made())
        | {"book/made/chapters.md": teach.chapters(runs, profile).encode()}
        | {f"notebooks/{run.notebook.name}": notebook_page(run, profile) for run in runs}
    )
    for path in [p for p in source.rglob("*") if p.is_file() and p.relative_to(source).as_posix() not in wanted]:
        path.unlink()
    total = hashlib.sha256()
    for name, content in sorted(wanted.items()):
        write_if_changed(source / name, content)
        total.update(name.encode() + hashlib.sha256(content).digest())
    return total.hexdigest()


def pages() -> Iterator[tuple[str, bytes]]:
    """Name and content of everything under book/, and of the library's sources, which pages quote by inclusion."""
    for path in [*(ROOT / "book").rglob("*"), *(ROOT / "lib").rglob("*.py")]:
        if path.is_file() and not path.name.startswith(".") and not LEFT_OUT & set(path.parts):
            yield path.relative_to(ROOT).as_posix(), path.read_bytes()


def made() -> Iterator[tuple[str, bytes]]:
    """Name and content of the pages, and parts of pages, that are written here and now: nothing in them is typed."""
    for name, text in api.pages():
        yield name, text.encode()
    yield "book/api/command-line.md", command_line.page().encode()
    yield from tour.made()
    yield "book/made/results.md", inventory.results_made().html.encode()
    yield "book/made/benchmarks.md", inventory.benchmarks_made().html.encode()
    yield "book/made/atlas.md", atlas.page().encode()
    yield "book/made/how-fast.md", how_fast.page().encode()
    yield "book/made/changelog.md", (ROOT / "CHANGELOG.md").read_bytes()


def write_if_changed(path: Path, content: bytes) -> None:
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def notebook_page(run: Run, profile: str) -> bytes:
    """The executed notebook as a page: with a card of what it cost, a table of the parameter values in use, and links
    to what it uses of the library.
    """
    copy = EXECUTED / profile / run.notebook.name
    notebook = nbformat.read(copy, as_version=4)
    title, *others = notebook.cells
    cells = [title, nbformat.v4.new_markdown_cell(card(notebook, record_of(copy), profile), id="card")]
    notebook.cells = others
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "injected-parameters" in tags:
            continue
        cells.append(cell)
        if "parameters" in tags:
            cell.metadata.tags = [*tags, "hide-input"]
            cells.append(nbformat.v4.new_markdown_cell(parameter_table(run, profile), id="parameter-table"))
    if told := links.paragraph(notebook, api.documented()):
        cells.append(nbformat.v4.new_markdown_cell(told, id="from-the-library"))
    notebook.cells = cells
    return nbformat.writes(notebook).encode()


def card(notebook: nbformat.NotebookNode, record: dict, profile: str) -> str:
    """What the page cost to make, as measured when it was, and what its notebook says it needs."""
    needs = notebook.metadata.get("nearlinear", {})
    seconds = record["seconds"]
    time = f"{seconds:.0f} seconds" if seconds < 100 else f"{seconds / 60:.1f} minutes"
    facts = {
        "Time": f"{time} on {record['device']}, profile `{profile}`; what was computed before is not computed again",
        "Memory": f"{record['peak_memory_gb']} GB",
        "Downloads": needs.get("downloads", "none"),
        "To know before": needs.get("prerequisites", "nothing"),
    }
    lines = [f"**{name}:** {fact}<br>" for name, fact in facts.items()]
    return "\n".join(["```{card}", ":class-card: nl-card", *lines, "```"])


def _code(value: str) -> str:
    """A value as code in a table, whatever stands in it."""
    fence = "`" * (max(map(len, re.findall("`+", value)), default=0) + 1)
    return (f"{fence} {value} {fence}" if "`" in value else f"`{value}`").replace("|", r"\|")


def parameter_table(run: Run, profile: str) -> str:
    head = (
        f"The values this page was made with (profile `{profile}`):\n\n| parameter | value | meaning |\n|---|---|---|"
    )
    rows = [f"| `{p.name}` | {_code(run.value(p))} | {p.help} |".replace("\n", " ") for p in run.parameters]
    return "\n".join([head, *rows])
