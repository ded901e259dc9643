"""A tag is released only as the version that the project tells, with what is new in it."""

import sys

import pytest

from nearlinear import __version__
from tools import release
from tools.release import NotReady, check_told, notes, version_of

CHANGELOG = """# Changelog

## Unreleased

Later.

## 1.2.10 – 2030-02-01

Tenth.

## 1.2.1 – 2030-01-01

### Added

- One.
"""


def test_the_version_of_a_tag():
    assert version_of("v1.2.3") == "1.2.3"
    for tag in ("1.2.3", "v1.2", "v1.2.3rc1", "version"):
        with pytest.raises(NotReady, match=r"is no version: name it v1\.2\.3"):
            version_of(tag)


def test_the_present_version_is_told_everywhere():
    check_told(__version__)


@pytest.mark.parametrize("name", list(release.TOLD))
def test_a_file_that_tells_another_version_is_named(name, tmp_path):
    for other, how in release.TOLD.items():
        (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / other).write_text(how.format("1.2.2" if other == name else "1.2.3"))
    with pytest.raises(NotReady, match=f"{name} tells another version than 1.2.3"):
        check_told("1.2.3", tmp_path)


def test_the_notes_are_those_of_this_version():
    assert notes("1.2.1", CHANGELOG) == "### Added\n\n- One.\n"
    assert notes("1.2.10", CHANGELOG) == "Tenth.\n"


@pytest.mark.parametrize("changelog", ["# Changelog\n\n## Unreleased\n\nAll of it.\n", "## 1.2.1 – 2030-01-01\n\n"])
def test_nothing_is_released_in_silence(changelog):
    with pytest.raises(NotReady, match=r"CHANGELOG\.md says nothing of 1\.2\.1"):
        notes("1.2.1", changelog)


def test_a_refusal_is_one_sentence_and_writes_nothing(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["release.py", "v0.0.0", "--notes", str(tmp_path / "notes.md")])
    assert release.main() == 2
    told = capsys.readouterr()
    assert told.err.startswith("release: ")
    assert told.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
