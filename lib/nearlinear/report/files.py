"""A report in a folder: the page, the results and the table, each whole or not at all."""

import re
from importlib.util import find_spec
from pathlib import Path

from nearlinear.errors import InputError
from nearlinear.results.store import check_writable, write_atomic

from .beside import others, recorded_models
from .columns import to_csv
from .page import page
from .types import Report

PAGE, RESULTS, TABLE = "report.html", "report.json", "report.csv"


def write(report: Report, folder: Path) -> Path:
    """Write all three; returns the page. Raises NearlinearError where the folder cannot be written."""
    made = page(report, others(report.profile, recorded_models()))
    write_atomic(folder / RESULTS, report.to_json())
    write_atomic(folder / TABLE, to_csv(report))
    write_atomic(folder / PAGE, made)
    return folder / PAGE


def folder_for(model: str) -> Path:
    """Where a report goes that was not told: "report-smollm2-135m", whatever letters the model's name has."""
    last = Path(model.partition("@")[0]).expanduser().resolve().name if model else ""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.")[:60]
    return Path(f"report-{name or 'model'}")


def check_possible(folder: Path) -> None:
    """Raise InputError or NearlinearError, before the work, where the page could not be drawn or written."""
    if missing := [name for name in ("matplotlib", "seaborn") if find_spec(name) is None]:
        raise InputError(f"the page is drawn with {missing[0]}, which is not there: install nearlinear[book]")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: give --into a folder")
    check_writable(folder / PAGE)
