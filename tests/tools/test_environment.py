"""The environment: the right build of torch is asked for, and every requirement has an exact pin."""

import re
import tomllib
from itertools import chain

import pytest

from tools import environment

ROOT = environment.ROOT


@pytest.mark.parametrize(
    ("system", "nvidia", "expected"),
    [("Linux", False, ["2.0+cpu", "2.0+cpu", "2.0"]), ("Linux", True, ["2.0"]), ("Darwin", False, ["2.0"])],
)
def test_the_cpu_build_is_tried_first_where_there_is_no_gpu(monkeypatch, system, nvidia, expected):
    monkeypatch.setattr(environment.platform, "system", lambda: system)
    monkeypatch.setattr(environment, "has_nvidia", lambda: nvidia)
    candidates = environment.torch_candidates("2.0")
    assert [wanted[-1].removeprefix("torch==") for wanted in candidates] == expected
    assert all("--no-deps" in wanted for wanted in candidates)  # so an extra index is asked for torch alone


def test_every_requirement_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = chain(project["dependencies"], *project["optional-dependencies"].values())
    names = {re.split(r"[<>=!~\[; ]", requirement)[0] for requirement in asked}
    pins = (ROOT / "constraints.txt").read_text().lower().replace("_", "-")
    assert {name for name in names if f"\n{name.lower()}==" not in pins} == set()


def test_the_library_sets_no_upper_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert [asked for asked in project["dependencies"] if "<" in asked or "==" in asked] == []


def test_a_missing_pin_is_named():
    assert environment.pinned("torch") == "2.13.0"
    with pytest.raises(LookupError, match=r"constraints\.txt pins no torc"):
        environment.pinned("torc")


def test_the_key_follows_what_is_installed_and_not_how_the_code_is_linted(tmp_path, monkeypatch):
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    before = environment.key()
    settings = (tmp_path / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(settings.replace("line-length = 120", "line-length = 100"))
    assert environment.key() == before
    (tmp_path / "pyproject.toml").write_text(settings.replace("torch>=2.6", "torch>=2.7"))
    assert environment.key() != before


def asked(monkeypatch) -> list[tuple[str, ...]]:
    """What pip is asked for, torch apart."""
    calls = []
    monkeypatch.setattr(environment, "pip", lambda *arguments, **_: calls.append(arguments) or True)
    environment.install()
    return [call for call in calls if "torch==" not in call[-1]]


def test_hashes_are_asked_for_by_who_wants_them(monkeypatch):
    monkeypatch.delenv("NEARLINEAR_HASHES", raising=False)
    usual = asked(monkeypatch)
    assert not any("--require-hashes" in call for call in usual)
    monkeypatch.setenv("NEARLINEAR_HASHES", "1")
    first, last = asked(monkeypatch)
    assert first[1:] == ("--require-hashes", "--no-deps", "--requirement", "requirements.lock")
    assert last == usual[-1]
    assert all("constraints.txt" in call for call in (*usual, last))


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0)])
def test_another_python_is_refused_in_one_sentence(monkeypatch, version):
    monkeypatch.setattr(environment.sys, "version_info", version)
    with pytest.raises(SystemExit, match=r"setup: Python 3\.11, 3\.12 or 3\.13 is needed"):
        environment.main()
