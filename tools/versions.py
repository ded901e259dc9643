"""Try the library with the oldest or the newest packages that pyproject.toml allows, and say which they were.

    python3.11 tools/versions.py oldest
    python3.13 tools/versions.py newest

Runs on a bare Python (standard library only); the environment lies in build/versions and is made anew each time.
`uv` chooses the packages, because pip cannot choose the oldest. The tests of the book, of its tools and of the browser
are left out: the book is built with the pins of constraints.txt.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESOLUTION = {"oldest": "lowest-direct", "newest": "highest"}
LEFT_OUT = ("benchmarks", "book", "browser", "notebooks", "package", "tools")
TOLD = ("torch", "transformers", "tokenizers", "numpy")
TESTING = ("hypothesis", "pip", "pytest")
"""What the tests need beside the library; these are never the oldest."""


class Failed(Exception):
    """A step did not succeed; what it said is above."""


def run(*command: str, **environment: str) -> None:
    print(f"versions: {' '.join(command)}", flush=True)
    if subprocess.run(command, cwd=ROOT, env=os.environ | environment).returncode:
        raise Failed


def resolution(which: str, python: Path, torch: str) -> list[str]:
    """The command that installs the library, its optional parts, and all that they ask for."""
    build = [] if torch == "index" else ["--torch-backend", torch]
    options = ["--python", str(python), "--resolution", RESOLUTION[which], *build]
    return [str(python), "-m", "uv", "pip", "install", *options, "--editable", ".[book,cluster,heal]"]


def make(which: str, torch: str) -> Path:
    """An environment of its own. Raises Failed."""
    folder = ROOT / "build/versions" / which
    run(sys.executable, "-m", "venv", "--clear", str(folder))
    python = folder / "bin/python"
    run(str(python), "-m", "pip", "install", "--quiet", "uv")
    run(*resolution(which, python, torch))
    run(str(python), "-m", "uv", "pip", "install", "--python", str(python), *TESTING)
    return python


def row(python: Path) -> str:
    """Which versions were tried, for the table of CONTRIBUTING.md."""
    listed = subprocess.run([str(python), "-m", "pip", "list", "--format", "json"], capture_output=True, check=True)
    found = {package["name"]: package["version"] for package in json.loads(listed.stdout)}
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {found[name]}" for name in TOLD)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", choices=RESOLUTION)
    parser.add_argument("tests", nargs="*", default=["tests"], help="which tests (default: all of the library)")
    cpu = "cpu" if platform.system() == "Linux" else "index"
    parser.add_argument("--torch", default=cpu, help="the build of torch that uv takes; index: what the index has")
    options = parser.parse_intermixed_args()
    try:
        python = make(options.which, options.torch)
        left_out = [f"--ignore=tests/{name}" for name in LEFT_OUT]
        run(str(python), "-m", "pytest", "-q", *left_out, *options.tests, OMP_NUM_THREADS="1", PYTHONHASHSEED="0")
    except Failed:
        print(f"versions: the {options.which} packages did not pass (what failed is above)", file=sys.stderr)
        return 1
    print(f"versions: the {options.which} packages pass: {row(python)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
