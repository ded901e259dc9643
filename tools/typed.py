"""Types, checked by mypy where others meet them: the modules of the reference.

Left out is code that recorded results are made by: its bytes are their provenance, so it is annotated when the
results are renewed. The settings are in pyproject.toml.
"""

import subprocess
import sys
from importlib import import_module
from pkgutil import iter_modules

import nearlinear.results
from tools.api import PAGES
from tools.api_source import LIBRARY
from tools.profiles import ROOT


def public() -> list[str]:
    """The modules that the reference is made of, and the package itself."""
    named = {name for page in PAGES.values() for name in (*page.modules, page.of) if name}
    return sorted({"nearlinear", "nearlinear.errors"} | named)


def recorded_by() -> set[str]:
    """The modules that some kind of recorded result is made by."""
    homes = [import_module(f"nearlinear.results.{found.name}") for found in iter_modules(nearlinear.results.__path__)]
    patterns = {pattern for home in homes for kind in vars(home).values() for pattern in getattr(kind, "made_by", ())}
    files = (path.relative_to(LIBRARY.parent) for pattern in patterns for path in LIBRARY.glob(pattern))
    return {".".join(path.with_suffix("").parts) for path in files}


def checked() -> list[str]:
    hashed = recorded_by()
    return [name for name in public() if name not in hashed]


def mypy(*arguments: str) -> subprocess.CompletedProcess[str]:
    """mypy with the project's settings; types of installed packages are those of this Python."""
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def main() -> int:
    """What mypy says of the public modules."""
    done = mypy(*(option for name in checked() for option in ("-m", name)))
    print(done.stdout + done.stderr, end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
