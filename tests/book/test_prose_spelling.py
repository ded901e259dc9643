"""All that is read is spelt, and spelt as in Britain; what is no English is left alone."""

import re

import pytest

from tools.profiles import ROOT
from tools.prose import NOTEBOOKS, PAGES, SOURCES, english, misspelt, read_pages

TWICE = re.compile(r"\b(?!had|that)([a-z]{2,})[ \n]\1\b")


@pytest.fixture(scope="module")
def texts():
    return {path.relative_to(ROOT).as_posix(): english(path) for path in read_pages()}


def test_everything_is_spelt(texts):
    assert [str(word) for word in misspelt(texts)] == []


def test_no_word_of_a_page_stands_twice(texts):
    pages = {name: text for name, text in texts.items() if name.endswith((".md", ".ipynb"))}
    found = {name: twice.group() for name, text in pages.items() for twice in TWICE.finditer(text)}
    assert found == {}
    assert TWICE.search("with the the model")


def test_every_kind_of_file_is_read():
    for pattern in (*PAGES, *NOTEBOOKS, *SOURCES):
        assert list(ROOT.glob(pattern)), pattern


@pytest.mark.parametrize(
    ("name", "text", "line", "word", "meant"),
    [
        ("page.md", "Fine.\n\nThe recieved state.\n", 3, "recieved", "received"),
        ("page.md", "```{note}\nIts color is blue.\n```\n", 2, "color", "colour"),
        ("page.md", "```{note}\nA\n```\n\nIts color\n\n```{note}\nB\n```\n", 5, "color", "colour"),
        ("page.md", "Wide.\n\n$$\nx\n$$\n\n:::{tip}\n:class: color\nThe center.\n:::\n", 9, "center", "centre"),
        ("page.md", "| a |\n|---|\n| b |\n| the center |\n", 4, "center", "centre"),
        ("code.py", 'color = 1\ndef f():\n    """How it is\n    normalized."""\n', 4, "normalized", "normalised"),
        ("code.py", "x = 1  # the neighboring block\n", 1, "neighboring", "neighbouring"),
        ("code.py", 'raise E(f"choose {color} as the favorite one")\n', 1, "favorite", "favourite"),
        ("a.ipynb", '{"cells": [{"cell_type": "markdown", "source": ["Is\\n", "modeled"]}]}', 2, "modeled", "modelled"),
    ],
)  # fmt: skip
def test_a_misspelt_word_is_found_where_it_stands(tmp_path, name, text, line, word, meant):
    (tmp_path / name).write_text(text)
    (found,) = misspelt({name: english(tmp_path / name)})
    assert (found.path, found.line, found.word, found.meant) == (name, line, word, (meant,))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.md", "Say `color` or ``a `center` b`` or {cite}`smal2020` or [this](http://color.example/center)."),
        ("page.md", "```python\ncolor = 'center'\n```\n\n~~~\nnormalize\n~~~\n\n<p style='color: red'>\n"),
        ("page.md", "$smal + stesp$ and --stesp, and:\n$$\nstesp\n$$\n"),
        ("code.py", 'ax.text(1, 2, color="gray", ha="center")\nNAMES = ["color map", "center"]\n'),
        (
            "code.py",
            'CSS = """a { color: red; background: none; border: 0 }"""\nsay = "color-scheme: light dark mode"\n',
        ),
        ("book.ipynb", '{"cells": [{"cell_type": "code", "source": ["color = 1"]}]}'),
    ],
)
def test_what_is_no_english_is_left_alone(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert misspelt({name: english(tmp_path / name)}) == []
