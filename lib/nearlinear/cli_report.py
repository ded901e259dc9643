"""`nearlinear report …`: a model through every measure, onto one page."""

import argparse
import sys
from pathlib import Path

from nearlinear.errors import InputError


def add_report(commands) -> None:
    """Add the command to the parser of `nearlinear.cli`."""
    from nearlinear.cli import positive  # which imports this file

    report = commands.add_parser(
        "report", help="take a model through every measure, and write one page", allow_abbrev=False
    )
    report.set_defaults(run=_report, parser=report)
    add = report.add_argument
    add("--model", default="smollm2-135m", help="smollm2-135m, minilm, a folder, or a Hugging Face id[@revision]")
    add("--text", default="wikipedia-sample", help="a text file, a packaged corpus, or hf:dataset[:config[:split]]")
    add("--tokens", type=positive, metavar="N", help="tokens to read, a third of them held out (default: 30 for each "
        "dimension of the model)")  # fmt: skip
    add("--depth", choices=["quick", "full"], default="quick", help="full takes blocks out as well, which takes much "
        "longer (default: quick)")  # fmt: skip
    add("--into", type=Path, metavar="FOLDER", help="where to write (default: report-NAME)")
    add("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    add("--dtype", choices=["float32", "bfloat16", "float16"], default="float32", help="of the model's weights")
    add("--seed", type=int, default=0, help="of windows, splits and the bootstrap (default: 0)")


def _report(options: argparse.Namespace) -> None:
    from nearlinear.report.place import check_possible, folder_for

    folder = options.into or folder_for(options.model)
    check_possible(folder)
    from nearlinear.report.files import write
    from nearlinear.report.gather import gather
    from nearlinear.report.summary import summary

    report = gather(_spec(options), device=options.device)
    page = write(report, folder)
    print("\n".join([*summary(report), f"written: {page}"]))
    if report.broken is not None:
        raise InputError(f"the model's activations break: {report.profile.reason}")
    if report.profile.reason:
        print(f"nearlinear: not reliable: {report.profile.reason}.", file=sys.stderr)


def _spec(options: argparse.Namespace):
    from nearlinear.report.pinned import check_name
    from nearlinear.report.specs import ReportSpec

    if options.seed < 0:
        raise InputError(f"{options.seed} is no seed: give a whole number from 0")
    return ReportSpec(
        model=check_name(options.model),
        corpus=check_name(options.text),
        tokens=options.tokens,
        depth=options.depth,
        dtype=options.dtype,
        seed=options.seed,
    )
