"""One zip for a class without internet: book, slides, notebooks, wheels, models and texts, and a script to start them.

What may not be passed on is not in it: a package without a licence that we know stops the making, and texts whose
status is open are left out and named. tools/pack_try.py tries the zip with the network off.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

import nearlinear
from nearlinear.errors import InputError, NearlinearError
from tools import pack_cache, pack_licences, slides
from tools.pack_wheels import Wheel, gather
from tools.pack_zip import Member, folder, write
from tools.profiles import ROOT, plan
from tools.run_notebooks import digest

TOP = "nearlinear-offline"
BOOK, WORK = ROOT / "_build/html", ROOT / "build/pack"
CONSTRAINTS = (ROOT / "constraints.txt", ROOT / "tools/pack.txt")
ROOTS = ("nearlinear[book]", "jupyterlab")
NEWEST = (3, 13)
INSTEAD = "wikipedia-sample"


def full(python: str) -> str:
    """ "3.12" as the version of its first release, "3.12.0"; a full version as it is. Raises InputError for others."""
    found = re.fullmatch(r"3\.(\d+)(\.\d+)?", python)
    if not found or not (3, 11) <= (3, int(found[1])) <= NEWEST:
        raise InputError(f"{python!r} is no Python that the library runs on: say 3.11.7, 3.12 or 3.13")
    return python if found[2] else f"{python}.0"


def minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


def zip_path(python: str) -> Path:
    return ROOT / f"dist/{TOP}-python{minor(python)}.zip"


def own_wheel(into: Path) -> Path:
    """The wheel of this checkout, made anew. Raises NearlinearError."""
    for old in into.glob("*.whl"):
        old.unlink()
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "--wheel-dir", str(into), str(ROOT)], capture_output=True, text=True)
    found = list(into.glob("*.whl"))
    if done.returncode or not found:
        failed = NearlinearError("the wheel of the library could not be made: run make setup and try again")
        failed.add_note(done.stderr)
        raise failed
    return found[0]


def wheels_of(python: str) -> list[Wheel]:
    """The wheels of the pack; fetched ones stay for the next time. Raises NoNetwork, InputError, NearlinearError."""
    own_wheel(WORK / "own")
    key = digest(python.encode(), *(path.read_bytes() for path in CONSTRAINTS))[:12]
    found = gather((*ROOTS, "pip"), python, WORK / "own", WORK / f"wheels-{minor(python)}-{key}", CONSTRAINTS)
    pack_licences.check([wheel.metadata for wheel in found])
    return found


def licences(wheels: list[Wheel]) -> str:
    """The list that lies beside the wheels."""
    rows = [(w.metadata["name"], w.metadata["version"], pack_licences.licence(w.metadata)) for w in wheels]
    width = max(len(f"{name} {version}") for name, version, _ in rows)
    lines = [f"{f'{name} {version}':{width}}  {licence}" for name, version, licence in rows]
    return "\n".join(["Each wheel is as its authors publish it, with its licence inside.\n", *lines, ""])


def filled(template: str, words: Mapping[str, object]) -> str:
    """A template with its @WORDS@ filled in."""
    return re.sub(r"@([A-Z_]+)@", lambda found: str(words[found[1]]), template)


def guides(python: str, wheels: list[Wheel], cache: list[Member]) -> Iterator[Member]:
    """What a person reads first, and the script, for these wheels."""
    sizes = {"wheels": sum(w.path.stat().st_size for w in wheels) / 1e6, "cache": sum(m.size for m in cache) / 1e6}
    major, middle, _ = python.split(".")
    words = {
        "VERSION": nearlinear.__version__,
        "PYTHON": python,
        "MINOR": minor(python),
        "OLDEST": python.replace(".", ", "),
        "NEXT": f"{major}, {int(middle) + 1}",
        "PIP": next(wheel.path.name for wheel in wheels if wheel.metadata["name"] == "pip"),
        "ROOTS": " ".join(f'"{root}"' for root in ROOTS),
        "WHEELS": len(wheels),
        "WHEELS_MB": f"{sizes['wheels']:.0f}",
        "CACHE_MB": f"{sizes['cache']:.0f}",
        # Unpacked, packages take about three times what their wheels do; models are kept as float32 besides.
        "SPACE_GB": f"{(4 * sizes['wheels'] + 5 * sizes['cache']) / 1e3:.0f}",
        "LEFT_OUT": ", ".join(pack_cache.LEFT_OUT),
    }
    for source, name in (("pack_readme.txt", "README.txt"), ("pack_install.sh", "install.sh")):
        text = filled((ROOT / "tools" / source).read_text(encoding="utf-8"), words)
        yield Member(name, text.encode(), program=name.endswith(".sh"))
    yield Member("LICENSE", ROOT / "LICENSE")
    yield Member("wheels/LICENCES.txt", licences(wheels).encode())


def offline_profile() -> str:
    """The profile `laptop`, with a text that is in the pack where a chapter would read one that is not."""
    sections = {}
    for run in plan("laptop"):
        missing = [each.name for each in run.parameters if run.value(each).strip("\"'") in pack_cache.LEFT_OUT]
        if changed := run.overrides | dict.fromkeys(missing, INSTEAD):
            sections[run.name] = changed
    return f"# As laptop, with {INSTEAD} for texts that are not in this pack.\n{yaml.safe_dump(sections)}"


def reading() -> Iterator[Member]:
    """Book, slides and notebooks, and what runs a notebook with a profile. Raises InputError where there is no book."""
    if not (BOOK / "index.html").exists():
        raise InputError("there is no built book: run make book first")
    yield from folder(BOOK, "book")
    # A deck names the place of its book, so the pack has decks of its own.
    slides.make(BOOK, WORK / "slides", "../book")
    yield from folder(WORK / "slides", "slides")
    yield from folder(ROOT / "notebooks", "notebooks", "*.ipynb")
    yield from folder(ROOT / "notebooks/profiles", "notebooks/profiles", "*.yaml")
    yield Member("notebooks/profiles/offline.yaml", offline_profile().encode())
    for name in ("__init__", "profiles", "run_notebooks", "pack_run"):
        yield Member(f"tools/{name}.py", ROOT / f"tools/{name}.py")


def make(python: str) -> Path:
    """Write the pack for this Python; returns where. Raises NearlinearError with what is missing."""
    WORK.mkdir(parents=True, exist_ok=True)
    read = list(reading())
    print(f"pack: gathering wheels for Python {python} (some minutes the first time) ...", flush=True)
    wheels, cache = wheels_of(python), list(pack_cache.members())
    carried = [Member(f"wheels/{wheel.path.name}", wheel.path) for wheel in wheels]
    print("pack: writing the zip ...", flush=True)
    write([*read, *carried, *cache, *guides(python, wheels, cache)], zip_path(python), TOP)
    return zip_path(python)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default="3.12", help="the oldest Python it is for, such as 3.12 or 3.11.7")
    try:
        made = make(full(parser.parse_args().python))
    except NearlinearError as error:
        print(f"pack: {error}", file=sys.stderr)
        return 2
    print(f"pack: {made.relative_to(ROOT)} ({made.stat().st_size / 1e6:.0f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
