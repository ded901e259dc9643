"""The command line as a page: every command and option, as the program itself describes them."""

import argparse
import re

from nearlinear import cli

OPTION = re.compile(r"--[a-z][a-z-]*")

INTRO = """# Command line

Bad input ends in one sentence and exit code 2; an interruption in exit code 130, and the same command goes on.
A sweep of which something failed ends in exit code 1.
`python -m nearlinear` is the same as `nearlinear`.
"""


def page() -> str:
    """One section a command."""
    parser = cli.parser()
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    told = {choice.dest: choice.help for choice in commands._choices_actions}
    return "\n".join([INTRO, *(section(name, told[name], one) for name, one in commands.choices.items())])


def section(name: str, what: str, parser: argparse.ArgumentParser) -> str:
    """A command: what it does, and a table of its options."""
    rows = [row(action) for action in parser._actions if action.dest != "help"]
    table = ["| option | what it does |", "|---|---|", *rows] if rows else ["It has no options."]
    return "\n".join([f"## nearlinear {name}", "", f"{what[0].upper()}{what[1:]}.", "", *table, ""])


def row(action: argparse.Action) -> str:
    """An option with what it takes, or an argument by name; the words are those of `--help`."""
    takes = action.metavar or (
        "" if action.nargs == 0 else "{" + ",".join(action.choices) + "}" if action.choices else ""
    )
    name = " ".join([*action.option_strings[-1:], takes]).strip().replace("|", "\\|")
    said = ((action.help or "") % {"default": action.default}).replace("|", " or ").replace("[", "\\[")
    said = OPTION.sub(r"`\g<0>`", said)
    return f"| `{name}` | {said} |"
