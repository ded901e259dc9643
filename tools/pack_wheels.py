"""The wheels that a Python without a network needs, for Linux on x86-64: fetched by pip, and proved to be all.

pip reads the conditions of requirements (`; python_version < "3.12"`) for the Python it runs on, not for the one it
fetches for. So we walk through the requirements of what it brought, as the other Python would, until none is unmet.
"""

import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename

from nearlinear.errors import InputError, NearlinearError, NoNetwork
from tools.environment import CPU_WHEELS, pinned

# What Ubuntu 20.04, Debian 10, Fedora 29 and all later ones can load.
PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)]
PLATFORMS += [f"manylinux{name}_x86_64" for name in ("2014", "2010", "1")]
TORCH = f"torch=={pinned('torch')}+cpu"
ROUNDS = 4  # each brings what the one before turned out to lack


@dataclass(frozen=True)
class Wheel:
    """A wheel on disk, and what it says about itself."""

    path: Path

    @cached_property
    def metadata(self) -> RawMetadata:
        with zipfile.ZipFile(self.path) as archive:
            (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA") and n.count("/") == 1]
            return parse_email(archive.read(name))[0]

    def suits(self, python: str) -> bool:
        """Whether it can be installed on this Python on Linux on x86-64."""
        version = tuple(map(int, python.split(".")[:2]))
        supported = {*cpython_tags(version, platforms=PLATFORMS), *compatible_tags(version, platforms=PLATFORMS)}
        asked = SpecifierSet(self.metadata.get("requires_python", ""))
        return not supported.isdisjoint(parse_wheel_filename(self.path.name)[3]) and asked.contains(python)


def environment(python: str) -> dict[str, str]:
    """What markers are read with: CPython of this version on Linux on x86-64."""
    return {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": "linux",
    }


def closure(roots: Sequence[str], there: Mapping[NormalizedName, Wheel], python: str) -> tuple[list[Wheel], list[str]]:
    """The wheels that installing `roots` takes, in order of name, and the requirements that no wheel meets."""
    todo, seen, unmet = [Requirement(root) for root in roots], set(), set()
    while todo:
        asked = todo.pop()
        name = canonicalize_name(asked.name)
        wheel = there.get(name)
        if wheel is None or not asked.specifier.contains(wheel.metadata["version"], prereleases=True):
            unmet.add(f"{asked.name}{asked.specifier}")
            continue
        for extra in {"", *asked.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                todo += needed(wheel, python, extra)
    return [there[name] for name in sorted({name for name, _ in seen})], sorted(unmet)


def needed(wheel: Wheel, python: str, extra: str) -> list[Requirement]:
    """What a wheel asks for on this Python, with one of its extras ("" for none)."""
    asked = [Requirement(line) for line in wheel.metadata.get("requires_dist", ())]
    where = environment(python) | {"extra": extra}
    return [each for each in asked if each.marker is None or each.marker.evaluate(where)]


def wheels_in(folders: Sequence[Path], python: str) -> dict[NormalizedName, Wheel]:
    """The wheels in the folders that suit this Python, by name; of two of one name, the one of the last folder."""
    found = [Wheel(path) for folder in folders for path in sorted(folder.glob("*.whl"))]
    return {canonicalize_name(wheel.metadata["name"]): wheel for wheel in found if wheel.suits(python)}


def gather(roots: Sequence[str], python: str, own: Path, folder: Path, constraints: Sequence[Path]) -> list[Wheel]:
    """The wheels of `roots` and of all they need; those that `folder` and `own` lack are fetched into `folder`.

    Raises NoNetwork where pip cannot get one, InputError where there is none for this Python.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen, unmet = closure(roots, wheels_in((folder, own), python), python)
    for turn in range(ROUNDS):
        if not unmet:
            return chosen
        fetch_torch(python, folder)
        fetch(unmet if turn else roots, python, own, folder, constraints)
        chosen, unmet = closure(roots, wheels_in((folder, own), python), python)
    raise InputError(f"no wheel for Python {python} meets {', '.join(unmet)}: pack for another Python")


def fetch(wanted: Sequence[str], python: str, own: Path, folder: Path, constraints: Sequence[Path]) -> None:
    """Download wheels and what they need, as far as pip sees it. Raises NoNetwork."""
    options = [part for path in constraints for part in ("--constraint", str(path))]
    if error := pip(python, folder, "--find-links", str(own), *options, TORCH, *wanted):
        failed = NoNetwork("pip could not download the wheels of the pack: connect to a network and try again")
        failed.add_note(error)
        raise failed


def fetch_torch(python: str, folder: Path) -> None:
    """The CPU build of torch: the default one asks for gigabytes of libraries for GPUs, which may not be passed on.

    Raises NearlinearError where no index that can be reached has it.
    """
    if any(folder.glob("torch-*.whl")):
        return
    wanted = ["--no-deps", TORCH]
    errors = [pip(python, folder, *wanted), pip(python, folder, "--extra-index-url", CPU_WHEELS, *wanted)]
    if not any(folder.glob("torch-*.whl")):
        failed = NearlinearError(
            f"no CPU build of torch {pinned('torch')} for Python {python} can be reached: "
            "connect to a network, or pack for a Python whose build pip is configured to find"
        )
        failed.add_note("\n".join(errors))
        raise failed


def pip(python: str, folder: Path, *arguments: str) -> str:
    """Download for this Python into the folder; returns what pip complained of, "" where all went well."""
    for_it = ["--only-binary", ":all:", "--python-version", python, "--implementation", "cp"]
    for_it += [part for platform in PLATFORMS for part in ("--platform", platform)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--retries", "1", "--timeout", "15", *for_it, "--dest", str(folder), "--find-links", str(folder)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.stderr.strip() if done.returncode else ""
