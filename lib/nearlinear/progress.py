"""A progress bar with the time left, on stderr, for anything that takes more than two seconds."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def _in_live_notebook() -> bool:
    return "ipykernel" in sys.modules and not os.environ.get("NEARLINEAR_QUIET")


def track(
    items: Iterable[T], what: str, total: float | None = None, *, size=lambda item: 1, unit: str = "it"
) -> Iterator[T]:
    """Yield the items, with a bar that counts `size(item)`; silent where stderr is no terminal and no notebook."""
    hidden = False if _in_live_notebook() else None  # None: tqdm hides itself when stderr is no terminal
    with tqdm(total=total, desc=what, unit=unit, delay=2, disable=hidden, file=sys.stderr, leave=False) as bar:
        for item in items:
            yield item
            bar.update(size(item))
