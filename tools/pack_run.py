"""Run one chapter with a profile, in the offline pack or in a checkout, and say where its executed copy lies."""

import argparse
import shutil
import sys
from pathlib import Path

from nearlinear.errors import InputError
from tools.profiles import Run, plan
from tools.run_notebooks import execute, reported, tidy


def chosen(chapter: str, profile: str) -> Run:
    """The chapter of this name or number. Raises InputError where there is none, or no such profile."""
    runs = plan(profile)
    fitting = [run for run in runs if chapter in (run.name, run.name.split("_")[0])]
    if not fitting:
        raise InputError(f"there is no chapter {chapter!r}: choose one of {', '.join(run.name for run in runs)}")
    return fitting[0]


def run(chapter: str, profile: str, into: Path) -> Path:
    """Execute a chapter; returns the executed copy. Raises InputError, and NotebookFailed where a cell raised."""
    wanted = chosen(chapter, profile)
    into.mkdir(parents=True, exist_ok=True)
    target = into.resolve() / f"{wanted.name}-{profile}.ipynb"
    print(f"run: {wanted.name} ({profile}) ... ", end="", flush=True)
    measured = execute(wanted, target)
    tidy(target)
    shutil.rmtree(target.parent / "cwd", ignore_errors=True)
    print(f"{measured['seconds']:.0f} s: {target}", flush=True)
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapter", help="its name, or its number with two digits")
    parser.add_argument("profile", nargs="?", default="laptop")
    parser.add_argument("--into", type=Path, default=Path("executed"))
    asked = parser.parse_args()
    return reported(lambda: run(asked.chapter, asked.profile, asked.into))


if __name__ == "__main__":
    sys.exit(main())
