"""The browser is found, or one sentence says how to get one."""

import pytest

from tools import chromium
from tools.chromium import NoChromium, find_chromium


def browser(path):
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_one_asked_for_comes_first(tmp_path, monkeypatch):
    asked = browser(tmp_path / "mine")
    monkeypatch.setenv("CHROMIUM", str(asked))
    assert find_chromium() == asked


def test_then_the_systems(tmp_path, monkeypatch):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    systems = browser(tmp_path / "chromium")
    assert find_chromium() == systems


def test_then_playwrights(tmp_path, monkeypatch):
    own = browser(tmp_path / "own")
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(chromium, "NAMES", ())
    monkeypatch.setattr(chromium, "playwrights", lambda: own)
    assert find_chromium() == own


def test_a_wrong_path_is_named(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    with pytest.raises(NoChromium, match="CHROMIUM is '/no/such/browser', and there is no such program"):
        find_chromium()


def test_without_any_the_sentence_says_how_to_get_one(monkeypatch, capsys):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(chromium, "NAMES", ())
    monkeypatch.setattr(chromium, "MAC", "/no/such/browser")
    monkeypatch.setattr(chromium, "playwrights", lambda: None)
    assert chromium.main() == 1
    assert "the browser tests need Chromium: install it" in capsys.readouterr().err
