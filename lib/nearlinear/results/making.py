"""Collect provenance: what code, which versions, what command. No torch: versions come from the metadata."""

import hashlib
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
SCORING = (
    "__init__",
    "geometry",
    "heldout",
    "linearity",
    "moments",
    "perplexity",
    "precision",
    "profile",
    "residual",
    "stream_sums",
)
"""The modules of `measure` that the scores come from."""

MEASURING = tuple(f"measure/{name}.py" for name in SCORING)
"""The code that turns inputs into scores. What the inputs were is pinned by their own hashes."""

AROUND = ("inputs/*.py", "results/*.py", "study.py")
"""The code around that: loading, cutting, putting together."""

PACKAGES = ("nearlinear", "torch", "transformers", "tokenizers", "numpy", "safetensors")


def _sha256_of(patterns: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in PACKAGE.glob(pattern)}):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def library_sha256(made_by: tuple[str, ...] = MEASURING) -> str:
    """Hash of the code that makes a result, so that it knows when that has changed. `made_by`: patterns of files."""
    return _sha256_of(made_by)


@cache
def working_sha256(made_by: tuple[str, ...] = MEASURING) -> str:
    """Hash of all code between a specification and its result.

    The key of the user's cache, which has no content hashes to go by before the inputs are loaded.
    """
    return _sha256_of((*AROUND, *made_by))


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change a number."""
    found = {"python": sys.version.split()[0]}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _git(*args: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(PACKAGE), *args], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


@cache
def commit() -> tuple[str, bool]:
    """(commit, whether the tree was clean); ("not in git", False) for an installed package."""
    if _git("ls-files", "--error-unmatch", __file__) is None:
        return "not in git", False
    return _git("rev-parse", "HEAD") or "not in git", _git("status", "--porcelain", "--untracked-files=no") == ""


def remember(made_by: tuple[str, ...]) -> None:
    """Look at commit and code now: the files may change while something long runs."""
    commit(), library_sha256(made_by)


def circumstances(made_by: tuple[str, ...]) -> dict[str, object]:
    """What a Provenance says of code and command, as keywords."""
    of, clean = commit()
    return {
        "versions": versions(),
        "commit": of,
        "clean": clean,
        "command": command(),
        "library_sha256": library_sha256(made_by),
        "created": now(),
    }


def command() -> str:
    """The command line, without the folders of this machine."""
    program = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    return " ".join([{"__main__.py": "python -m nearlinear"}.get(program, program), *map(_short, sys.argv[1:])])


def _short(argument: str) -> str:
    return Path(argument).name if argument.startswith(("/", "~")) else argument


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
