"""`nearlinear sweep` and `nearlinear atlas`: what they print, what they leave, and how they end."""

import argparse

import pytest

from nearlinear.cli import OneSentence
from nearlinear.cli_sweep import add_atlas, add_sweep
from nearlinear.errors import InputError
from tests.fleet.made import Measuring


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder and a cache of the test's own, and no model that runs."""
    run = Measuring({"nosuch": InputError("no model 'nosuch'")})
    monkeypatch.setenv("NEARLINEAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("nearlinear.fleet.cell._study_run", lambda spec, device: run(spec))
    monkeypatch.setenv("NEARLINEAR_QUIET", "1")
    monkeypatch.chdir(tmp_path)
    return run


def run(*words: str) -> None:
    top = OneSentence(prog="nearlinear")
    commands = top.add_subparsers(parser_class=OneSentence)
    add_sweep(commands), add_atlas(commands)
    options: argparse.Namespace = top.parse_args(words)
    options.run(options)


def write(models: str) -> None:
    with open("many.yaml", "w") as file:
        file.write(f"models: [{models}]\ntwins: false\n")


@pytest.fixture
def plain(monkeypatch):
    """An atlas without its figures, which take seconds."""
    monkeypatch.setattr("nearlinear.fleet.atlas_html.drawn", lambda entries: {})


def test_a_sweep_and_its_atlas(tmp_path, plain, capsys):
    write("tiny-llama, tiny-gpt2")
    run("sweep", "many.yaml")
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "tiny-llama on wikipedia-sample, seed 0",
        "tiny-gpt2 on wikipedia-sample, seed 0",
        "2 cells: 2 computed",
        "kept in many; nearlinear atlas many puts them onto one page",
    ]
    assert said.err == ""
    run("atlas", "many")
    assert capsys.readouterr().out == "2 profiles, 2 rows\nwritten: many/atlas.html, many/atlas.json, many/atlas.csv\n"
    run("atlas", "many", "--out", "pages/mine.html")  # the first atlas is no profile, and nobody is told so
    assert capsys.readouterr().err == ""
    assert sorted(path.name for path in (tmp_path / "pages").iterdir()) == ["mine.csv", "mine.html", "mine.json"]


def test_a_failure_is_one_line_and_exit_status_1(elsewhere, capsys):
    write("nosuch, tiny-llama")
    with pytest.raises(SystemExit) as left:
        run("sweep", "many.yaml", "--out", "here")
    said = capsys.readouterr()
    assert left.value.code == 1
    assert said.out.splitlines()[-1] == "2 cells: 1 computed, 1 failed"
    assert said.err.splitlines() == [
        "nearlinear: nosuch on wikipedia-sample, seed 0: no model 'nosuch'",
        "nearlinear: what failed is tried again by the same command.",
    ]
    elsewhere.fails.clear()
    run("sweep", "many.yaml", "--out", "here")
    assert "2 cells: 1 computed, 1 stood already" in capsys.readouterr().out
    assert [spec.model for spec in elsewhere.asked] == ["nosuch", "tiny-llama", "nosuch"]


def test_a_list_says_what_is_to_do(elsewhere, capsys):
    write("tiny-llama")
    run("sweep", "many.yaml", "--list")
    assert capsys.readouterr().out == "to do   tiny-llama on wikipedia-sample, seed 0\n"
    run("sweep", "many.yaml")
    capsys.readouterr()
    run("sweep", "many.yaml", "--list")
    assert capsys.readouterr().out == "stands  tiny-llama on wikipedia-sample, seed 0\n"


def test_what_cannot_work_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml cannot be read"):
        run("sweep", "none.yaml")
    write("tiny-llama")
    with pytest.raises(InputError, match="is a file: give --out a folder"):
        run("sweep", "many.yaml", "--out", "many.yaml")
    with pytest.raises(InputError, match="is no folder"):
        run("atlas", "many")


def test_a_file_that_is_no_profile_is_named(tmp_path, plain, capsys):
    write("tiny-llama")
    run("sweep", "many.yaml")
    (tmp_path / "many/odd.json").write_text("{}")
    run("atlas", "many")
    assert capsys.readouterr().err == "nearlinear: odd.json is no profile of this version, and is left out.\n"
