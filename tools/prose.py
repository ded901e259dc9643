"""Spelling of all that is read: pages, notebooks, docstrings, comments, and the sentences that the code says.

`typos` reads plain text and knows British spelling. It is given what is English, each word on the line where it stands:
no code, no mathematics, no addresses. Its settings are in pyproject.toml.
"""

import io
import json
import re
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_role import myst_role_plugin

from tools.profiles import ROOT

MARKDOWN = MarkdownIt("commonmark").enable("table")
MARKDOWN.use(myst_role_plugin).use(dollarmath_plugin).use(colon_fence_plugin)
PAGES = ("*.md", ".github/**/*.yml", "book/*.md", "book/howto/*.md", "book/teach/*.md", "benchmarks/*.md")
NOTEBOOKS = ("notebooks/*.ipynb",)
SOURCES = ("lib/**/*.py", "tools/*.py", "benchmarks/*.py")
CODE = re.compile(r"(`+).+?\1|https?://\S+|<[^<>\n]+>", re.S)
VALUES = re.compile(r"\{[^{}\n]*\}")
WORDS = re.compile(r"[^\W\d_]{2,} [^\W\d_]+ [^\W\d_]{2,}")
"""A text in the sources that is a sentence, and not a name or a key."""


@dataclass(frozen=True)
class Misspelt:
    """One word, where it stands, and what it may have been meant to be. `path` is relative to the project."""

    path: str
    line: int
    word: str
    meant: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word!r}, meant may be {' or '.join(self.meant) or 'another word'}"


def english(path: Path) -> str:
    """What is English in a file. Cells of a notebook follow each other; other lines keep their numbers."""
    text = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".md":
            return of_page(text)
        case ".ipynb":
            cells = (cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown")
            return "\n\n".join(of_page("".join(cell["source"])) for cell in cells)
        case ".py":
            return of_source(text)
    return without_code(text)


def without_code(text: str) -> str:
    return CODE.sub(blank, text)


def blank(found: re.Match) -> str:
    return re.sub(r"[^\n]", " ", found[0])


def of_page(text: str) -> str:
    """The words of a page, and of the directives on it."""
    lines = [""] * (text.count("\n") + 2)
    for token in MARKDOWN.parse(text):
        if (words := words_of(token)) is not None:
            for below, line in enumerate(words.split("\n"), token.map[0]):
                lines[below] += f" {line}"
    return "\n".join(lines).rstrip() + "\n"


def words_of(token: Token) -> str | None:
    """What a part of a page says; None where it says nothing. Lines are those of the part."""
    if token.type == "inline":
        return "".join(map(said, token.children))
    if token.type in ("fence", "colon_fence") and token.info.startswith("{"):
        return "\n" + of_page(re.sub(r"^:[\w-]+:.*$", "", token.content, flags=re.M))
    return without_code(token.content) if token.type == "html_block" else None


def said(part: Token) -> str:
    return {"softbreak": "\n", "hardbreak": "\n", "text": part.content, "image": part.content}.get(part.type, " ")


def of_source(code: str) -> str:
    """Comments, docstrings and sentences, each on its line."""
    lines = [""] * (code.count("\n") + 2)
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if is_english(token):
            for below, words in enumerate(without_code(VALUES.sub(blank, token.string)).split("\n")):
                lines[token.start[0] - 1 + below] += f" {words}"
    return "\n".join(lines)


def is_english(token: tokenize.TokenInfo) -> bool:
    said = tokenize.tok_name[token.type] in ("STRING", "FSTRING_MIDDLE") and WORDS.search(token.string) is not None
    return said or token.type == tokenize.COMMENT


def read_pages() -> Iterator[Path]:
    """Every file that somebody reads."""
    for pattern in (*PAGES, *NOTEBOOKS, *SOURCES):
        yield from sorted(ROOT.glob(pattern))


def misspelt(texts: dict[str, str]) -> list[Misspelt]:
    """What `typos` finds in texts by name."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            path = Path(folder, f"{name}.txt")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        program, settings = Path(sys.executable).with_name("typos"), ROOT / "pyproject.toml"
        command = [str(program), "--config", str(settings), "--hidden", "--no-ignore", "--format", "json", "."]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode not in (0, 2) or done.stderr:
        raise RuntimeError(f"typos could not read the texts: {done.stderr}")
    return [as_misspelt(entry) for entry in found if entry["type"] == "typo"]


def as_misspelt(entry: dict) -> Misspelt:
    name = Path(entry["path"]).with_suffix("").as_posix()
    return Misspelt(name, entry["line_num"], entry["typo"], tuple(entry["corrections"]))


def main() -> int:
    """One line for each misspelt word."""
    found = misspelt({path.relative_to(ROOT).as_posix(): english(path) for path in read_pages()})
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
