"""A report in a folder: the page, the results and the table, each whole or not at all."""

from pathlib import Path

from nearlinear.results.store import write_atomic

from .beside import others, recorded_models
from .columns import to_csv
from .page import page
from .place import PAGE, RESULTS, TABLE
from .types import Report


def write(report: Report, folder: Path) -> Path:
    """Write all three; returns the page. Raises NearlinearError where the folder cannot be written."""
    made = page(report, others(report.profile, recorded_models()))
    write_atomic(folder / RESULTS, report.to_json())
    write_atomic(folder / TABLE, to_csv(report))
    write_atomic(folder / PAGE, made)
    return folder / PAGE
