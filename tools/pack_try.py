"""Try an offline pack as a class would: unpacked, with the network off, in an empty home, one command after another.

That takes Linux, and the right to make network namespaces.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nearlinear.errors import InputError, NearlinearError
from tools.pack import TOP, full, zip_path
from tools.pack_offline import Failed, check_offline, interfaces, loopback_up, without_network

PORT = 8899
SCORE = ("nearlinear", "score", "--model", "smollm2-135m", "--text", "wikipedia-sample", "--tokens", "2048")


def environment(home: Path, python: str) -> dict[str, str]:
    """What a fresh account has: nothing of this one but where programs lie, the Python, and how many cores to use."""
    cores = {name: os.environ[name] for name in ("OMP_NUM_THREADS",) if name in os.environ}
    return cores | {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHON": python}


def step(said: str, command: Sequence[str], folder: Path, known: dict[str, str]) -> str:
    """Run one command of the pack and print its seconds; returns what it printed. Raises Failed."""
    started = time.monotonic()
    done = subprocess.run(
        command,
        cwd=folder,
        env=known,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise Failed(f"{said} failed:\n{done.stdout[-4000:]}")
    print(f"try: {said}: {time.monotonic() - started:.0f} s", flush=True)
    return done.stdout


@contextmanager
def lab(folder: Path, known: dict[str, str]) -> Iterator[str]:
    """JupyterLab as the pack starts it; gives its address and ends it."""
    options = ["--no-browser", f"--port={PORT}", "--ServerApp.port_retries=0", "--IdentityProvider.token=try"]
    options += ["--allow-root"] if os.geteuid() == 0 else []
    started = subprocess.Popen(["sh", "install.sh", "lab", *options], cwd=folder, env=known, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        yield f"http://127.0.0.1:{PORT}"
    finally:
        started.terminate()
        started.wait()


def answer(address: str, patience: float = 120.0) -> str:
    """What a page says, waited for. Raises Failed."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}?token=try", timeout=10) as page:
                return page.read().decode()
        except OSError:
            time.sleep(0.5)
    raise Failed(f"{address} did not answer in {patience:.0f} s")


def unpack(pack: Path, into: Path) -> Path:
    """The pack's folder, as unzip leaves it. Raises InputError where it is no pack."""
    try:
        with zipfile.ZipFile(pack) as archive:
            archive.extractall(into)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{pack} is no zip that can be read: make it with make pack") from error
    if not (into / TOP / "install.sh").is_file():
        raise InputError(f"{pack} is no offline pack: make it with make pack")
    return into / TOP


def outside(page: Path) -> bool:
    """Whether a page of the pack asks for a script, a style or a picture from somewhere else."""
    from bs4 import BeautifulSoup

    found = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find_all(["script", "link", "img"])
    loading = [
        each.get("src") or each.get("href") for each in found if each.name != "link" or "stylesheet" in each["rel"]
    ]
    return any((address or "").startswith(("http:", "https:", "//")) for address in loading)


def attempt(pack: Path, runs: Sequence[str], python: str, work: Path) -> None:
    """Everything that a class does with a pack. Raises Failed, InputError."""
    loopback_up()
    check_offline()
    print(f"try: no network: {', '.join(interfaces())} is all there is", flush=True)
    folder, home = unpack(pack, work), work / "home"
    home.mkdir()
    known = environment(home, python)
    if asking := [page.name for page in sorted(folder.rglob("*.html")) if outside(page)]:
        raise Failed(f"{asking[0]} asks for something from outside")
    step("install", ["sh", "install.sh"], folder, known)
    for each in runs:
        step(f"chapter {each}", ["sh", "install.sh", "run", *each.split(":")], folder, known)
    with lab(folder, known) as address:
        for page in ("/api/kernelspecs", "/api/contents/01_linearity_by_layer.ipynb", "/lab"):
            answer(address + page)
    print("try: JupyterLab answers", flush=True)
    step("score", ["sh", "install.sh", *SCORE], folder, known)
    size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9
    print(f"try: all of it worked; the folder holds {size:.1f} GB now", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pack", type=Path, help="the zip; by default that of make pack for the Python")
    parser.add_argument("--for", dest="minor", default="3.12", help="the Python that the pack is for")
    parser.add_argument("--python", default="", help="the program to use; by default python3.12 or what --for says")
    parser.add_argument("--run", nargs="*", default=["01:smoke"], metavar="CHAPTER[:PROFILE]", help="chapters to run")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.inside:
        return subprocess.run(
            without_network([sys.executable, "-m", "tools.pack_try", *sys.argv[1:], "--inside"])
        ).returncode
    try:
        pack = asked.pack or zip_path(full(asked.minor))
        program = shutil.which(asked.python or f"python{asked.minor}") or "python3"
        with tempfile.TemporaryDirectory(prefix="pack-try-") as work:
            attempt(pack, asked.run, program, Path(work))
    except NearlinearError as error:
        print(f"try: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
