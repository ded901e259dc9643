"""Run the notebooks with a profile; those that nothing has changed for are kept as they are.

Executed copies lie in build/executed/PROFILE, each with a record of its run beside it. A copy appears there only
when its notebook ran to the end, so an interrupted run goes on with the notebook it was at.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import yaml

from nearlinear.errors import InputError
from tools.profiles import ROOT, Run, plan

EXECUTED = ROOT / "build/executed"
VERSIONS = ("nearlinear", "torch", "transformers", "numpy", "papermill")
# Cells that papermill adds: the values of a profile, and notes that point at the cell that failed.
ADDED = {"injected-parameters", "papermill-error-cell-tag"}
# A notebook runs in a folder of its own, with one hash seed and without progress bars; the inline backend must stay
# in force, because without it a glued figure loses its picture.
ENVIRONMENT = {
    "NEARLINEAR_QUIET": "1",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "JUPYTER_PREFER_ENV_PATH": "1",
}


class NotebookFailed(Exception):
    """A cell raised; the message names the notebook, the cell and the error."""


def digest(*parts: bytes) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()


def library_digest() -> str:
    """One hash of everything but the notebook that its outputs depend on: library, recorded results, pins, Python."""
    sources = [*(ROOT / "lib").rglob("*"), *(ROOT / "book/results").rglob("*.json"), ROOT / "constraints.txt"]
    files = sorted(path for path in sources if path.is_file() and "__pycache__" not in path.parts)
    named = [part for path in files for part in (path.relative_to(ROOT).as_posix().encode(), path.read_bytes())]
    return digest(sys.version.encode(), *named)


def key(run: Run, library: str) -> str:
    return digest(run.notebook.read_bytes(), json.dumps(run.overrides, sort_keys=True).encode(), library.encode())


def record_of(copy: Path) -> dict[str, Any]:
    """What is known of an executed copy; empty where there is none."""
    record = copy.with_suffix(".json")
    return json.loads(record.read_text()) if copy.exists() and record.exists() else {}


def papermill(run: Run, target: Path, folder: Path, *options: str) -> subprocess.Popen:
    """Start papermill on one notebook, in an empty folder: a notebook must not depend on where it runs."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "papermill",
        str(run.notebook),
        str(target),
        "--kernel",
        "python3",
        "--no-progress-bar",
        "--cwd",
        str(folder),
        *options,
    ]
    if run.overrides:
        command += ["--parameters_yaml", yaml.safe_dump(run.overrides)]
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"} | ENVIRONMENT
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def execute(run: Run, target: Path) -> dict[str, Any]:
    """Run one notebook into `target`; returns seconds and peak memory. Raises NotebookFailed."""
    started = time.monotonic()
    with papermill(run, target, target.parent / "cwd") as process:
        try:
            errors = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
        except KeyboardInterrupt:
            process.terminate()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise NotebookFailed(failure(run, target, errors))
    bytes_a_unit = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": round(time.monotonic() - started, 1),
        "peak_memory_gb": round(usage.ru_maxrss * bytes_a_unit / 1e9, 2),
    }


def failure(run: Run, target: Path, errors: str) -> str:
    """Which cell of which notebook failed and how, with its traceback; papermill's own words where no cell did."""
    cells = nbformat.read(target, as_version=4).cells if target.exists() else []
    own = [
        cell
        for cell in cells
        if not {"papermill-error-cell-tag", "injected-parameters"} & set(cell.metadata.get("tags", []))
    ]
    for number, cell in enumerate(own, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output.traceback))
                return f"notebook {run.name}, cell {number}: {output.ename}: {output.evalue}\n{trace}"
    return f"notebook {run.name} could not be run:\n{errors.strip()}"


def tidy(executed: Path) -> None:
    """Drop papermill's bookkeeping (paths of this machine, times of each cell) from an executed copy."""
    notebook = nbformat.read(executed, as_version=4)
    for part in (notebook, *notebook.cells):
        part.metadata.pop("papermill", None)
    nbformat.write(notebook, executed)


def device() -> str:
    """The name of the GPU, or the kind of CPU; torch is not asked, its memory would count as the notebooks'."""
    if shutil.which("nvidia-smi"):
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        if names := subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0].strip():
            return names
    return f"cpu ({platform.machine()}, {os.cpu_count()} cores)"


def run_one(run: Run, profile: str, library: str) -> dict[str, Any]:
    """Run one notebook and keep the executed copy, then its record: the record says that the copy is whole."""
    copy = EXECUTED / profile / f"{run.name}.ipynb"
    scratch = EXECUTED / profile / "unfinished" / copy.name
    shutil.rmtree(scratch.parent, ignore_errors=True)
    measured = execute(run, scratch)
    tidy(scratch)
    values = {parameter.name: run.value(parameter) for parameter in run.parameters}
    record = {
        "notebook": run.name,
        "profile": profile,
        "parameters": values,
        **measured,
        "device": device(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in VERSIONS},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "key": key(run, library),
    }
    copy.with_suffix(".json").unlink(missing_ok=True)
    os.replace(scratch, copy)
    scratch.write_text(json.dumps(record, indent=1) + "\n")
    os.replace(scratch, copy.with_suffix(".json"))
    shutil.rmtree(scratch.parent, ignore_errors=True)
    return record


def run_all(profile: str, force: bool = False) -> list[Run]:
    """Run what has to be run and say so, a line a notebook. Raises InputError and NotebookFailed."""
    runs, library = plan(profile), library_digest()
    for run in runs:
        record = record_of(EXECUTED / profile / f"{run.name}.ipynb")
        if not force and record.get("key") == key(run, library):
            print(f"run: {run.name} unchanged", flush=True)
            continue
        print(f"run: {run.name} ({profile}) ... ", end="", flush=True)
        record = run_one(run, profile, library)
        print(f"{record['seconds']:.0f} s, {record['peak_memory_gb']:.1f} GB", flush=True)
    return runs


def prepare(profile: str, folder: Path) -> list[Path]:
    """Write every notebook with its parameters filled in, and nothing run, into `folder` (for nbval)."""
    folder.mkdir(parents=True, exist_ok=True)
    for run in plan(profile):
        process = papermill(run, folder / run.notebook.name, folder, "--prepare-only")
        _, errors = process.communicate()
        if process.returncode:
            raise NotebookFailed(failure(run, folder / run.notebook.name, errors))
    return sorted(folder.glob("*.ipynb"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="laptop")
    parser.add_argument("--force", action="store_true", help="run also what has not changed")
    parser.add_argument("--prepare-only", type=Path, metavar="FOLDER", help="fill in the parameters, run nothing")
    arguments = parser.parse_args()
    return reported(
        lambda: (
            prepare(arguments.profile, arguments.prepare_only)
            if arguments.prepare_only
            else run_all(arguments.profile, arguments.force)
        )
    )


def reported(work) -> int:
    """Do the work; an exit code, and one sentence on stderr where it could not be done."""
    try:
        work()
    except InputError as error:
        print(f"run: {error}", file=sys.stderr)
        return 2
    except NotebookFailed as error:
        print(f"failed\nrun: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nrun: interrupted; finished notebooks are kept, the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
