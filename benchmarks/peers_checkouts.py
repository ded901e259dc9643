"""Checkouts of the published pruners: at the commit that was read, unchanged, and run in a process of their own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sidebyside import HERE

PUBLISHED = {
    "shortgpt": ("icip-cas/ShortGPT", "9a2ee8dfe9e28d0bee430e83c140b787c02ddd6c"),
    "replaceme": ("mts-ai/ReplaceMe", "5bb71d99da40c8b0ba0df488589e14d77ced7fee"),
    "pruneme": ("arcee-ai/PruneMe", "faee6c9dfb70841e8355908ecded2b25298cffc0"),
}
"""GitHub repositories, each with its commit."""


@dataclass(frozen=True)
class Checkout:
    """A published pruner that lies in a folder, at its commit."""

    name: str
    folder: Path
    threads: int

    def check(self) -> None:
        """Raises SystemExit where the folder holds another commit, or changed files."""
        repository, commit = PUBLISHED[self.name]
        head, changes = (self._git(*words) for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "-uno")))
        if (head, changes) != (commit, ""):
            sys.exit(
                f"benchmarks: {self.folder} is not {repository} at {commit[:12]}, unchanged: "
                f"git clone https://github.com/{repository} and check that commit out"
            )

    def _git(self, *words: str) -> str | None:
        done = subprocess.run(["git", "-C", str(self.folder), *words], capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else None

    def run(self, folder: Path, k: int) -> dict:
        """What it says, in a process of its own. Raises SystemExit with the end of its messages where it fails."""
        script = [sys.executable, str(HERE / "peers_published.py"), self.name, str(self.folder.resolve())]
        pickled = {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}  # ReplaceMe reads back the distances that it wrote so
        environment = {**os.environ, **pickled, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [*script, str(folder), str(k), str(self.threads)], capture_output=True, text=True, env=environment
        )
        if done.returncode:
            sys.exit(f"benchmarks: {self.name} failed:\n{done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1])
