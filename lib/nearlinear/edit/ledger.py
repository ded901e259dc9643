"""Losses that were already measured, so that a long study can be stopped at any time and loses nothing.

One line of JSON, a key and its numbers, is added as each comes; a line that a kill left half written is passed over.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from nearlinear.errors import NearlinearError


class Ledger:
    """Remembers a list of numbers for each key, in a file."""

    def __init__(self, path: Path):
        self.path = path
        self.known: dict[str, list[float]] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._take(line)

    def _take(self, line: str) -> None:
        try:
            key, numbers = json.loads(line)
        except (ValueError, TypeError):
            return
        self.known[key] = numbers

    def get(self, key: str, measure: Callable[[], Sequence[float]]) -> list[float]:
        """What is known of `key`, else what `measure` says now. Raises NearlinearError where it cannot be written."""
        if key not in self.known:
            self.known[key] = [float(number) for number in measure()]
            self._write(key)
        return self.known[key]

    def _write(self, key: str) -> None:
        line = json.dumps([key, self.known[key]])
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"\n{line}\n")  # the first break ends a line that was left half written
        except OSError as error:
            reason = error.strerror or error
            raise NearlinearError(f"{self.path} cannot be written ({reason}): free some space") from error
