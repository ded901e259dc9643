"""What a chapter uses of the library is read from its code, and only what is documented becomes a link."""

import nbformat

from tools.api import documented
from tools.links import paragraph, used_here
from tools.profiles import NOTEBOOKS

CODE = """
%matplotlib inline
from nearlinear import show, check_values as check
from nearlinear.blocks.model import SimplifiedModel
import numpy as np
show.scores_by_block(np.zeros(3)); check.number(1); show.scores_by_block(2)
"""


def notebook(*sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def test_imports_and_attributes_are_found_once_and_where_they_are_defined():
    assert used_here(notebook(CODE, "show.card()")) == [
        "nearlinear.show",
        "nearlinear.check_values",
        "nearlinear.blocks.backbone.SimplifiedModel",
        "nearlinear.show.scores_by_block",
        "nearlinear.check_values.number",
        "nearlinear.show.card",
    ]


def test_only_what_is_documented_is_linked():
    told = paragraph(notebook(CODE), {"nearlinear.show.scores_by_block"})
    assert told == "**From the library:** {py:obj}`~nearlinear.show.scores_by_block`."
    assert paragraph(notebook("1 + 1"), {"nearlinear.show.card"}) == ""


def test_every_chapter_has_links():
    there = documented()
    for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"):
        assert paragraph(nbformat.read(path, as_version=4), there).count("{py:obj}") >= 3, path.stem
