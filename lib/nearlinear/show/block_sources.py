"""The code and the equation of each step as HTML, what went and what came marked by more than colour.

The code is that of the library, read as text when the page is made: nothing of it is pasted, nothing is imported.
"""

import ast
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import cache
from html import escape
from importlib.resources import files
from textwrap import dedent

from .style import BLUE, WARNING

_KEYWORDS = re.compile(r"\b(def|return|if|else)\b")
_MARKS = re.compile(r"\[-(?P<gone>.*?)-\]|\[\+(?P<new>.*?)\+\]")
_LOW = re.compile(r"(\w)_(\w+)")
_GONE = f"color:{WARNING};text-decoration:line-through"
_NEW_LINE = f"color:{BLUE};text-decoration:none"
_NEW = f"{_NEW_LINE};border-bottom:2px solid"


def method(cls: str, name: str = "forward") -> str:
    """The source of a method of a block's class, its own or inherited. Raises KeyError where there is none."""
    node = _classes()[cls]
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == name:
            first = min([part.lineno, *(decorator.lineno for decorator in part.decorator_list)])
            return dedent("\n".join(_text().splitlines()[first - 1 : part.end_lineno]))
    return method(ast.unparse(node.bases[0]), name)


@cache
def _text() -> str:
    return files("nearlinear").joinpath("blocks", "blocks.py").read_text(encoding="utf-8")


@cache
def _classes() -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.parse(_text()).body if isinstance(node, ast.ClassDef)}


def code(cls: str, before: str = "") -> str:
    """What a block computes, beside the block it was made from: its `forward`, or where that is the same, what differs.

    Lines that went are struck out and begin with −, lines that came begin with +.
    """
    ours, theirs = method(cls), method(before or cls)
    if before and ours == theirs:
        names = [part.name for part in _classes()[cls].body if isinstance(part, ast.FunctionDef)]
        ours, theirs = ("\n\n".join(method(each, name) for name in names) for each in (cls, before))
    lines = "".join(_lines(theirs.splitlines(), ours.splitlines()))
    # no <pre>: the book's theme has colours of its own for it, and this panel is light on dark pages too
    look = "white-space:pre;font:12px/1.55 'DejaVu Sans Mono',Menlo,Consolas,monospace;overflow-x:auto"
    return f"<div tabindex='0' role='group' aria-label='forward of {cls}' style=\"{look}\">{lines}</div>"


def _lines(theirs: list[str], ours: list[str]) -> Iterator[str]:
    for what, i, j, k, m in SequenceMatcher(a=theirs, b=ours, autojunk=False).get_opcodes():
        if what == "equal":
            yield from (f"<div>  {_bold(line)}</div>" for line in ours[k:m])
            continue
        yield from (_line("del", _GONE, "−", line) for line in theirs[i:j])
        yield from (_line("ins", _NEW_LINE, "+", line) for line in ours[k:m])


def _line(tag: str, look: str, sign: str, line: str) -> str:
    """A marked line; its indentation is not struck out."""
    words = line.lstrip()
    return f"<div>{sign} {line[: len(line) - len(words)]}<{tag} style='{look}'>{_bold(words)}</{tag}></div>"


def _bold(line: str) -> str:
    return _KEYWORDS.sub(r"<b>\1</b>", escape(line))


def equation(rows: tuple[str, ...]) -> str:
    """Rows of a block's equation; no script is needed to set them."""
    look = "font:italic 14px/1.7 'DejaVu Serif',Georgia,serif"
    return "".join(f'<div style="{look}">{_marked(row)}</div>' for row in rows)


def _marked(row: str) -> str:
    pieces, end = [], 0
    for found in _MARKS.finditer(row):
        tag, look, words = ("del", _GONE, found["gone"]) if found["new"] is None else ("ins", _NEW, found["new"])
        pieces += [_set(row[end : found.start()]), f"<{tag} style='{look}'>{_set(words)}</{tag}>"]
        end = found.end()
    return "".join([*pieces, _set(row[end:])])


def _set(words: str) -> str:
    """Upright names, lowered indices."""
    return re.sub(r"\b(Norm|MLP)\b", r"<span style='font-style:normal'>\1</span>", lowered(words))


def lowered(words: str) -> str:
    """W_V with a V below the line, as HTML."""
    return _LOW.sub(r"\1<sub style='font-size:75%'>\2</sub>", escape(words))
