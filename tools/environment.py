"""Make .venv hold what constraints.txt says, and do nothing when it already does.

Runs on a bare Python (standard library only), because it makes the environment that everything else uses.
Interrupted, it goes on where it stopped. The CPU build of torch is chosen on Linux without an NVIDIA GPU:
the default build there brings several gigabytes of CUDA libraries. With NEARLINEAR_HASHES=1 every package but torch
must have a hash that requirements.lock knows; an index that builds its packages itself cannot answer that.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
READY = VENV / "nearlinear-ready"
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"  # PyTorch's documented index of CPU builds


def fail(sentence: str) -> None:
    sys.exit(f"setup: {sentence}")


def key() -> str:
    """A hash of all that decides what is installed: requirements, pins, this Python and this machine's GPU."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    installed = [project["build-system"], project["project"], project["tool"]["hatch"]]
    parts = [
        json.dumps(installed, sort_keys=True),
        (ROOT / "constraints.txt").read_text(),
        sys.version,
        str(has_nvidia()),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def has_nvidia() -> bool:
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()


def pinned(package: str) -> str:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, _, version = line.split("#")[0].strip().partition("==")
        if name == package:
            return version
    raise LookupError(f"constraints.txt pins no {package}")


def pip(*arguments: str, quiet: bool = False) -> bool:
    """Whether pip succeeded. A host that does not answer costs seconds, not minutes."""
    command = [str(VENV / "bin/python"), "-m", "pip", "-qq", "--retries", "1", "--timeout", "15"]
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run([*command, *arguments], cwd=ROOT, stdout=output, stderr=output).returncode == 0


def create() -> None:
    """An empty .venv of this Python; one that fits is kept."""
    python = VENV / "bin/python"
    version = [str(python), "-c", "import sys, pip; print(sys.version)"]
    if python.exists() and subprocess.run(version, capture_output=True, text=True).stdout.strip() == sys.version:
        return
    if subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], stdout=subprocess.DEVNULL).returncode:
        fail("this Python cannot make environments; on Debian and Ubuntu install the package python3-venv.")


def torch_candidates(version: str) -> list[list[str]]:
    """What to ask pip for, best first; without dependencies, so that the extra index is asked for torch alone."""
    plain = ["--no-deps", f"torch=={version}"]
    if platform.system() != "Linux" or has_nvidia():
        return [plain]
    cpu = ["--no-deps", f"torch=={version}+cpu"]
    return [cpu, ["--extra-index-url", CPU_WHEELS, *cpu], plain]


def steps(with_hashes: bool) -> list[list[str]]:
    """What to ask pip for after torch; `with_hashes`: every file of requirements.lock must be the one known."""
    locked = ["--require-hashes", "--no-deps", "--requirement", "requirements.lock"]
    pinned = ["--constraint", "constraints.txt"]
    whole = [*pinned, "--no-build-isolation", "--editable", ".[book,test]"]
    return [locked, whole] if with_hashes else [[*pinned, "hatchling"], whole]


def install() -> None:
    print("setup: installing the environment into .venv (some minutes and two gigabytes, once) ...", flush=True)
    candidates = torch_candidates(pinned("torch"))
    if not any(pip("install", *wanted, quiet=wanted is not candidates[-1]) for wanted in candidates):
        fail("pip found no torch; is there a network, or a package index that pip is configured to use?")
    for arguments in steps(os.environ.get("NEARLINEAR_HASHES") == "1"):
        if not pip("install", *arguments):
            fail("pip could not install the packages (its message is above); run the same command again to go on.")


def main() -> None:
    if not (3, 11) <= sys.version_info < (3, 14):
        fail(
            f"Python 3.11, 3.12 or 3.13 is needed, and this is {platform.python_version()}; set PYTHON to one of them."
        )
    with open(ROOT / ".venv.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if READY.exists() and READY.read_text() == key():
            return
        started = time.monotonic()
        create()
        READY.unlink(missing_ok=True)
        install()
        READY.write_text(key())
        print(f"setup: the environment stands ({time.monotonic() - started:.0f} s).", flush=True)


if __name__ == "__main__":
    main()
