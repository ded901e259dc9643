"""Write requirements.lock: every package of constraints.txt with the sha256 of each of its files, on every platform.

    python -m pip install uv
    python tools/lock.py

torch and the CUDA libraries that come with some of its builds are left out: which build is right depends on the
machine (tools/environment.py), and the CPU builds for Linux do not come from the package index.
Runs on a bare Python (standard library only) that has uv.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
OF_TORCH = re.compile(r"^(?:torch|triton|nvidia-[\w-]+|cuda-[\w-]+)==")
HEAD = """\
# Every package of constraints.txt with the hashes of its files, but torch, whose build depends on the machine.
# NEARLINEAR_HASHES=1 make setup installs it.
# Made by tools/lock.py.
"""
PLAIN = ("--no-header", "--no-annotate", "--no-emit-index-url", "--quiet")
OPTIONS = ("--all-extras", "--universal", "--generate-hashes", *PLAIN)


def resolved() -> str:
    """What uv answers: each pin with its hashes."""
    oldest = re.search(r"^\| Python \| (\S+)", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M)[1]
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--constraint", "constraints.txt"]
    done = subprocess.run([*command, *OPTIONS, "--python-version", oldest], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("lock: uv could not answer (what it said is above); is it installed, and is there a network?")
    return done.stdout


def entries(text: str) -> list[str]:
    """One text a package, with its hashes."""
    return re.split(r"\n(?=\S)", text.strip())


def main() -> int:
    kept = [entry for entry in entries(resolved()) if not OF_TORCH.match(entry)]
    LOCK.write_text(HEAD + "\n".join(kept) + "\n", encoding="utf-8")
    print(f"lock: {len(kept)} packages in {LOCK.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
