"""An environment of its own for the published package, so that nothing of it, and nothing it needs, is in ours."""

import subprocess
import sys
import venv
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / "build" / "bench-venv"
PACKAGE = "llm-microscope==0.0.7"


def package_python() -> Path:
    """The Python of build/bench-venv with the package and our build of torch; made the first time (some minutes)."""
    wanted = f"{PACKAGE} torch=={torch.__version__} python {sys.version}"
    ready, python = VENV / "ready", VENV / "bin" / "python"
    if not ready.exists() or ready.read_text() != wanted:
        print(f"installing {PACKAGE} into an environment of its own (build/bench-venv), once ...", flush=True)
        venv.create(VENV, clear=True, with_pip=True)
        _install(python)
        ready.write_text(wanted)
    return python


def _install(python: Path) -> None:
    """The package alone, then the same torch as ours, then what both ask for. Raises SystemExit where pip fails."""
    sys.path.append(str(ROOT))
    from tools.environment import torch_candidates

    def pip(*arguments: str) -> bool:
        command = [str(python), "-m", "pip", "install", "-qq", "--constraint", str(ROOT / "constraints.txt")]
        return subprocess.run([*command, *arguments], cwd=ROOT).returncode == 0

    candidates = torch_candidates(torch.__version__.partition("+")[0])
    done = pip("--no-deps", PACKAGE) and any(pip(*wanted) for wanted in candidates) and pip(PACKAGE, "numpy")
    if not done:
        sys.exit("benchmarks: pip could not install the published package to compare with; is there a network?")
