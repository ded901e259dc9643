"""The page about faults: every test it names is there, every test of a fault is named, messages are the library's."""

import re

from tests.book.test_prose import is_said, said_by_the_library
from tools.profiles import ROOT

PAGE = ROOT / "book/howto/when-things-break.md"
ROWS = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| (`.+?) \|$", PAGE.read_text(encoding="utf-8"), re.M)


def test_every_fault_has_its_test_and_every_test_its_fault():
    named = {name for *_, tests in ROWS for name in re.findall(r"`([\w.]+)`", tests)}
    there = {path.name for path in (ROOT / "tests/faults").glob("test_*.py")} - {"test_table.py"}
    assert named == there


def test_what_is_seen_is_what_the_library_says():
    told = said_by_the_library()
    seen = [words for _, seen, *_ in ROWS for words in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", seen)]
    assert len(seen) >= 8
    assert [words for words in seen if not is_said(words, told)] == []


def test_security_md_names_what_is_there():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:tests/faults/)?(test_[\w*]+\.py)`", text))
    assert len(named) >= 5
    assert [name for name in named if not list((ROOT / "tests/faults").glob(name))] == []
