"""Whether an atlas could be drawn and written: asked before the work, without what draws."""

from importlib.util import find_spec
from pathlib import Path

from nearlinear.errors import InputError
from nearlinear.results.store import check_writable


def check_possible(path: Path) -> None:
    """Raise InputError or NearlinearError, before the work, where the page could not be drawn or written."""
    if missing := [name for name in ("matplotlib", "seaborn") if find_spec(name) is None]:
        raise InputError(f"the atlas is drawn with {missing[0]}, which is not there: install nearlinear[book]")
    if path.suffix != ".html" or path.is_dir():
        raise InputError(f"{path} is no page: give --out a name that ends in .html")
    check_writable(path)
