"""Where a report goes, and whether it could be drawn and written there: asked before the work, and leaving nothing."""

import re
from importlib.util import find_spec
from pathlib import Path

from nearlinear.errors import InputError
from nearlinear.results.store import check_writable

PAGE, RESULTS, TABLE = "report.html", "report.json", "report.csv"


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
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    check_writable(there / PAGE)
