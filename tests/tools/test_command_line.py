"""The page of the command line names every command and option, in words that `--help` says too."""

import argparse
import re

from nearlinear import cli
from tools import command_line


def commands() -> dict[str, argparse.ArgumentParser]:
    (found,) = (a for a in cli.parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(found.choices)


def test_every_command_and_option_is_on_the_page():
    page = command_line.page()
    sections = dict(re.findall(r"^## nearlinear (\w+)$(.*?)(?=^## |\Z)", page, re.M | re.S))
    assert sections.keys() == commands().keys()
    for name, parser in commands().items():
        for action in parser._actions:
            if action.dest != "help":
                assert f"| `{action.option_strings[-1] if action.option_strings else action.metavar}" in sections[name]


def test_every_row_has_two_cells_and_says_its_default():
    page = command_line.page()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows)
    assert "tokens to score (default: 16384)" in page
    assert "%(" not in page


def test_options_in_the_words_are_code():
    parser = argparse.ArgumentParser()
    parser.add_argument("--so", help="with --how remove, or x|y and z[0]")
    (_, action) = parser._actions
    assert command_line.row(action) == "| `--so` | with `--how` remove, or x or y and z\\[0] |"
