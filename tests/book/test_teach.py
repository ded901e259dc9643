"""The teachers' pages name what is there: exercises, commands, chapters, targets, and minutes that add up."""

import re
import shlex

import nbformat
import pytest

from nearlinear import cli
from nearlinear.recorded import RECORDED, TO_COME
from tools.profiles import NOTEBOOKS, ROOT, inspect

PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "book/teach").glob("*.md"))}
CHAPTERS = [path.stem for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))]
COMMANDS = [found for page in PAGES.values() for found in re.findall(r"^(?:nearlinear|\.venv/bin/\w+) .+$", page, re.M)]
TABLES = [part for part in PAGES["workshop"].split("\n\n") if part.startswith("| from | minutes |")]


def test_exercises_that_are_named_are_there():
    cells = [cell for name in CHAPTERS for cell in nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells]
    there = set(re.findall(r"^:label: (ex-[\w-]+)$", "\n".join(cell.source for cell in cells), re.M))
    named = {name for page in PAGES.values() for name in re.findall(r"\{ref\}`(ex-[\w-]+)`", page)}
    assert len(named) >= 15
    assert named <= there


def test_every_page_can_be_reached_from_the_first():
    linked = set(re.findall(r"\{doc\}`(\w+)`", PAGES["index"]))
    assert linked == PAGES.keys() - {"index"}


@pytest.mark.parametrize("page", ["outcomes", "misconceptions"])
def test_every_chapter_is_spoken_of(page):
    named = set(re.findall(r"\{doc\}`\.\./\.\./notebooks/(\w+)`", PAGES[page]))
    assert set(CHAPTERS) - named == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_understood(command):
    program, *arguments = shlex.split(command)
    if program == "nearlinear":
        options = cli.parser().parse_args(arguments)
        assert not getattr(options, "only", "") or options.only in {**RECORDED, **TO_COME}
    elif program.endswith("papermill"):
        notebook, name = arguments[0], arguments[arguments.index("--parameters") + 1]
        assert name in {parameter.name for parameter in inspect(ROOT / notebook)}
    else:
        assert (program, arguments[:2]) == (".venv/bin/python", ["-m", "http.server"])


def test_a_misspelt_command_would_be_seen(capsys):
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["score", "--modell", "smollm2-135m"])
    assert "--modell" in capsys.readouterr().err


def test_each_project_has_its_parts_and_a_command():
    projects = re.split(r"^### \d+\. ", PAGES["projects"], flags=re.M)[1:]
    assert 8 <= len(projects) <= 12
    for project in projects:
        parts = re.findall(r"^\*\*([\w ]+?)\.?\*\*", project, re.M)
        assert parts == ["Question", "Data", "A good answer", "The trap"], project.splitlines()[0]
        assert len(re.findall(r"^```text$", project, re.M)) == 1


@pytest.mark.parametrize("table", TABLES)
def test_the_minutes_of_a_workshop_are_two_hours_without_a_gap(table):
    rows = re.findall(r"^\| (\d):(\d\d) \| (\d+) \|", table, re.M)
    clock = 0
    for hour, minute, length in rows:
        assert 60 * int(hour) + int(minute) == clock
        clock += int(length)
    assert clock == 120


def test_there_are_two_plans():
    assert len(TABLES) == 2


def test_points_and_shares_add_up_to_a_hundred():
    points = re.findall(r"^\| \*\*[^|]+\*\* \| (\d+) \|", PAGES["marking"], re.M)
    shares = re.findall(r"\| (\d+) % \|$", PAGES["module"], re.M)
    assert sum(map(int, points)) == sum(map(int, shares)) == 100


def test_targets_of_make_are_there():
    targets = set(re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = {name for page in PAGES.values() for name in re.findall(r"(?<![\w-])make ([a-z]+)(?=`|$)", page, re.M)}
    assert {"book", "slides", "pack"} <= named <= targets
