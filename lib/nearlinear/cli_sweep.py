"""`nearlinear sweep FILE.yaml` and `nearlinear atlas FOLDER`: many models measured, and put onto one page."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from nearlinear.errors import InputError

TOLD = {"done": "computed", "kept": "stood already", "elsewhere": "at another process", "failed": "failed"}


def add_sweep(commands) -> None:
    """Add the command to the parser of `nearlinear.cli`."""
    sweep = commands.add_parser("sweep", help="score many models on many texts, as a file says", allow_abbrev=False)
    sweep.set_defaults(run=_sweep, parser=sweep)
    add = sweep.add_argument
    add("file", type=Path, metavar="FILE.yaml", help="models, corpora, seeds, twins, tokens, precision, dtype, engine "
        "(local or slurm) and slurm; see the book")  # fmt: skip
    add("--out", type=Path, metavar="FOLDER", help="where results are kept (default: the name of the file)")
    add("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    add("--list", action="store_true", help="say which cells stand and which are to do, and stop")


def add_atlas(commands) -> None:
    """Add the command to the parser of `nearlinear.cli`."""
    atlas = commands.add_parser("atlas", help="put the scores of many models onto one page", allow_abbrev=False)
    atlas.set_defaults(run=_atlas, parser=atlas)
    atlas.add_argument("folder", type=Path, metavar="FOLDER", help="what a sweep has written, or results of score")
    atlas.add_argument("--out", type=Path, metavar="PAGE.html", help="the page; JSON and CSV go beside it (default: "
        "atlas.html in the folder)")  # fmt: skip


def _sweep(options: argparse.Namespace) -> None:
    from nearlinear.fleet.engines import listed, run_sweep
    from nearlinear.fleet.yaml_file import read_sweep

    sweep, folder = read_sweep(options.file), options.out or Path(options.file.stem)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: give --out a folder")
    if options.list:
        for cell, there in listed(sweep, folder):
            print(f"{'stands' if there else 'to do '}  {cell}")
        return
    states = Counter(_told(outcome).state for outcome in run_sweep(sweep, folder, device=options.device))
    print(f"{states.total()} cells: " + ", ".join(f"{states[s]} {words}" for s, words in TOLD.items() if states[s]))
    if not states["failed"]:
        print(f"kept in {folder}; nearlinear atlas {folder} puts them onto one page")
        return
    print("nearlinear: what failed is tried again by the same command.", file=sys.stderr)
    raise SystemExit(1)


def _told(outcome):
    """The outcome itself, said as it comes: a failure on stderr, in one line."""
    from tqdm import tqdm

    if outcome.state == "failed":
        tqdm.write(f"nearlinear: {outcome.cell}: {outcome.why}", file=sys.stderr)
    elif outcome.state == "done":
        tqdm.write(f"{outcome.cell}", file=sys.stdout)
    return outcome


def _atlas(options: argparse.Namespace) -> None:
    from nearlinear.fleet.atlas_found import profiles_in
    from nearlinear.fleet.atlas_place import check_possible

    page = options.out or options.folder / "atlas.html"
    profiles, odd = profiles_in(options.folder)
    check_possible(page)
    from nearlinear.fleet.atlas_page import write
    from nearlinear.fleet.atlas_rows import entries

    found = entries(profiles)
    written = write(found, page)
    for name in odd:
        print(f"nearlinear: {name} is no profile of this version, and is left out.", file=sys.stderr)
    print(f"{len(profiles)} profiles, {len(found)} rows")
    print(f"written: {', '.join(map(str, written))}")
