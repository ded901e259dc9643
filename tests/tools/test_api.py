"""The reference says what is public and how it is called, links what is documented, and leaves mathematics alone."""

import re

import pytest

import nearlinear
from tools import api, api_source
from tools.api import PAGES, entry, escaped, home_page, link, origin, pages, prose, used
from tools.api_source import read

SOURCE = '''"""A module about states."""

from nearlinear.measure.moments import Moments
from ..results.types import Scores as Of

LIMIT = 3
"""How many."""

_HIDDEN = 4
"""Not for you."""

UNSAID = 5


class Pair:
    """Two numbers.

    left: the first, and n < 2.
    """

    left: int
    right: float = 0.5
    """The other."""

    def __len__(self):
        """Two."""
        return 2

    @property
    def sum(self) -> float:
        """left + right."""
        return self.left + self.right

    def swapped(self) -> "Pair":
        """The other way round."""

    def unsaid(self):
        return 0


def of(x: Moments, *, how: str = "plain") -> Pair | None:
    """Of x (n, d).

    how: "plain", or not.
    and on. Not a parameter.
    Raises InputError otherwise.
    """


def unsaid():
    return 0
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    path = tmp_path / "made.py"
    path.write_text(SOURCE)
    monkeypatch.setattr(api_source, "path_of", lambda name: path)
    return read.__wrapped__("nearlinear.inner.made")


def test_what_is_public_and_described_is_found_in_its_order(module):
    assert [(thing.kind, thing.name) for thing in module.things] == [
        ("data", "LIMIT"),
        ("class", "Pair"),
        ("function", "of"),
    ]
    assert module.things[2].signature == "of(x: Moments, *, how: str='plain') -> Pair | None"


def test_imports_say_where_a_name_comes_from(module):
    assert module.imports == {
        "Moments": "nearlinear.measure.moments.Moments",
        "Of": "nearlinear.results.types.Scores",
    }


def test_a_class_shows_its_fields_and_what_it_does(module):
    told = entry(module.things[1], {"Pair": "nearlinear.inner.made.Pair"})
    assert "- `left`: the first, and n \\< 2." in told
    assert "- `right: float = 0.5`: The other." in told
    assert "{py:property} sum\n:type: float" in told
    assert "{py:method} swapped() -> nearlinear.inner.made.Pair" in told
    assert told.count("{py:class} Pair\n") == 1
    assert "unsaid" not in told
    assert "__len__" not in told


def test_explained_parameters_become_a_list_and_nothing_else_does(module):
    told = prose(module.things[2].doc, module.things[2].parameters)
    assert (
        told
        == 'Of x (n, d).\n\n\n- `how`: "plain", or not.\n  and on. Not a parameter.\n\nRaises InputError otherwise.\n'
    )


def test_marks_are_letters_but_in_code_and_emphasis():
    assert (
        escaped("a * b < c, `x * y < z`, *so*, h[0] and $HOME") == r"a \* b \< c, `x * y < z`, *so*, h\[0\] and \$HOME"
    )


def test_a_product_is_no_emphasis():
    assert escaped("*no loss* is 2*d and 3*h") == r"*no loss* is 2\*d and 3\*h"


def test_a_line_of_mathematics_is_no_title_and_no_list():
    assert [escaped(line) for line in ("# n", "= W_V", "+ 3", "- a list")] == [r"\# n", r"\= W\_V", r"\+ 3", "- a list"]


def test_equations_that_are_set_apart_stay_code():
    assert prose("As\n\n    a * b\n\nholds.") == "As\n\n    a * b\n\nholds.\n"


def test_links_replace_types_and_neither_words_nor_defaults():
    linked = {"Size": "a.b.Size"}
    assert link("(Sized: Size, x: list[Size] = 'Size') -> Size", linked) == (
        "(Sized: a.b.Size, x: list[a.b.Size] = 'Size') -> a.b.Size"
    )


@pytest.fixture(scope="module")
def reference():
    return dict(pages())


def test_every_name_is_documented_once(reference):
    """Two entries of one name would stop the build; a name with no entry could not be linked."""
    assert set(reference) == {f"book/api/{name}.md" for name in PAGES}
    modules = [name for text in reference.values() for name in re.findall(r"\{py:module\} (\S+)", text)]
    assert len(modules) == len(set(modules))
    assert "nearlinear.show" in modules


def test_all_that_the_top_offers_is_on_the_first_page():
    text = (api_source.ROOT / "book/api.md").read_text()
    for name, home in nearlinear._HOMES.items():
        assert f"`nearlinear.{name} <{origin(f'{home}.{name}')}>`" in text


def test_every_module_of_a_chapter_has_a_page(reference):
    shown = "".join(reference.values())
    for module in used():
        assert home_page(module) in PAGES
        assert f"{{py:module}} {module}\n" in shown


def test_everything_that_show_offers_is_documented(reference):
    from nearlinear import show

    entries = set(re.findall(r"^::::::\{py:(?:function|class|data)\} (\w+)", reference["book/api/show.md"], re.M))
    assert {name for name in set(show.__all__) - entries if callable(getattr(show, name))} == set()


def test_a_package_may_be_read_by_its_own_name():
    assert api.read("nearlinear.measure").doc.startswith("Measuring")
