"""A benchmark of several sizes, one after another: each is kept as it is done, and a second run does the others."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sidebyside import read

from nearlinear.results import making

Found = dict[str, dict]
"""What was found at each T, by its name in a record."""


def kept(path: Path, settings: dict, made_by: tuple[str, ...]) -> Found:
    """What an earlier run found under the same settings, with the same code; nothing where there is none."""
    if not path.exists():
        return {}
    content = read(path)
    same = content["settings"] == settings and content["provenance"]["library_sha256"] == making.library_sha256(made_by)
    return dict(content["details"]) if same else {}


def one_by_one(
    sizes: Iterable[int], found: Found, measure: Callable[[int, float], dict], *, minutes: float
) -> Iterator[int]:
    """Add `measure(T, seconds left)` of each T to `found`, and yield T.

    A T is left for another run when less time is left than the one before it took.
    """
    deadline, took = time.monotonic() + 60 * minutes, 0.0
    for T in sizes:
        started = time.monotonic()
        if str(T) in found:
            print(f"T = {T}: measured before")
        elif deadline - started < took:
            print(f"T = {T}: no time left, run again to go on")
        else:
            found[str(T)] = {**measure(T, deadline - started), "made": making.now()}
            took = time.monotonic() - started
            yield T
