"""What the prose pages promise: their code runs, their messages are the library's, their version is the present one."""

import ast
import re
import sys

import pytest
from sphinx_external_toc.parsing import parse_toc_yaml

from nearlinear import __version__
from tools.profiles import ROOT
from tools.stage import made, pages

BOOK = ROOT / "book"
WITH_CODE = (
    "howto/add-a-model",
    "howto/add-a-measure",
    "howto/offline",
    "howto/run-on-a-cluster",
    "howto/when-things-break",
    "howto/rerun",
    "troubleshooting",
)


def blocks_of(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (BOOK / f"{page}.md").read_text(), re.M | re.S)


def test_the_pages_with_code_are_known():
    found = {path.relative_to(BOOK).with_suffix("").as_posix() for path in (BOOK / "howto").glob("*.md")}
    assert found <= set(WITH_CODE)


@pytest.mark.parametrize(
    ("page", "code"), [(page, code) for page in WITH_CODE for code in blocks_of(page)], ids=lambda words: words[:20]
)
def test_code_on_a_page_runs(page, code, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["one_run.py"])
    for name in re.findall(r"os\.environ\[\"(\w+)\"\]", code):
        monkeypatch.setenv(name, "")  # so that what the page sets is taken back
    exec(compile(code, page, "exec"), {"__name__": "__main__"})
    assert ("print(" in code) == bool(capsys.readouterr().out)


def said_by_the_library() -> str:
    """Every text in the sources, with … where a value is put in."""
    told = []
    for path in [*(ROOT / "lib").rglob("*.py"), *(ROOT / "tools").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                told.append("".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                told.append(node.value)
    notebook = (ROOT / "notebooks/01_linearity_by_layer.ipynb").read_text(encoding="utf-8")
    return "\n".join([*told, notebook, (ROOT / "Makefile").read_text(encoding="utf-8")])


def messages(page: str) -> list[str]:
    """What stands slanted in the first column of the page's tables."""
    rows = re.findall(r"^\| (.+?) \|", (BOOK / f"{page}.md").read_text(), re.M)
    return [words for row in rows for words in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", row)]


def is_said(message: str, told: str) -> bool:
    """Whether each piece between the values that are left out is somewhere in the sources."""
    pieces = [piece.strip() for piece in re.split(r"…|\([A-Z][a-z]+ [\w ]+\)", message) if len(piece.strip()) > 2]
    return bool(pieces) and all(piece in told for piece in pieces)


@pytest.mark.parametrize("page", ["troubleshooting", "bring-your-own-model"])
def test_messages_are_those_of_the_library(page):
    told = said_by_the_library()
    assert len(messages(page)) >= 5
    assert [message for message in messages(page) if not is_said(message, told)] == []
    assert not is_said("no such sentence … anywhere", told)


def test_every_page_of_the_contents_is_there_or_made():
    there = {name for name, _ in (*pages(), *made())} | {
        f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")
    }
    names = {name.rpartition(".")[0] for name in there}
    assert [page for page in parse_toc_yaml(BOOK / "_toc.yml") if page not in names] == []


def test_the_present_version_is_told():
    assert f"version = {{{__version__}}}" in (BOOK / "cite.md").read_text()
    assert f"version: {__version__}" in (ROOT / "CITATION.cff").read_text()
    assert __version__ in (ROOT / "CHANGELOG.md").read_text()


def test_the_changelog_keeps_its_form():
    lines = (ROOT / "CHANGELOG.md").read_text().splitlines()
    versions = [line for line in lines if line.startswith("## ")]
    assert lines[0] == "# Changelog"
    assert versions[0] == "## Unreleased"
    assert all(re.fullmatch(r"## \d+\.\d+\.\d+ – \d{4}-\d\d-\d\d", version) for version in versions[1:])
    kinds = {line for line in lines if line.startswith("### ")}
    assert kinds <= {f"### {kind}" for kind in ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Known limits")}


@pytest.mark.parametrize("page", WITH_CODE)
def test_files_that_a_page_names_are_there(page):
    text = (BOOK / f"{page}.md").read_text()
    named = set(re.findall(r"(?:tests|inputs|blocks|notebooks|edit|measure)/[\w/]+\.(?:py|ipynb|yaml)", text))
    assert [name for name in named if not ((ROOT / name).exists() or (ROOT / "lib/nearlinear" / name).exists())] == []
