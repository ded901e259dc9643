"""Where the cells of a sweep are run: one after another here, or as jobs of a cluster, started by submitit.

A cell needs nothing of another, and leaves its result on a disk that all see. So jobs need no service that runs beside
them, and SLURM, which clusters have, is enough: submitit writes its scripts and asks it how jobs stand.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nearlinear.errors import InputError
from nearlinear.progress import track

from .cell import Outcome, Pins, result_path, run_cell, stands
from .spec import Cell, Sweep

JOBS = ".jobs"
"""The folder of scripts and logs of jobs, beside the results."""

GENERAL = (
    "name",
    "timeout_min",
    "mem_gb",
    "nodes",
    "cpus_per_task",
    "gpus_per_node",
    "tasks_per_node",
    "stderr_to_stdout",
)
"""What submitit asks of any cluster in the same words; what is SLURM's own it calls slurm_partition and so on."""

POLL_SECONDS = 1.0


def run_sweep(sweep: Sweep, folder: Path, *, device: str = "auto", cluster: str = "slurm") -> Iterator[Outcome]:
    """What becomes of every cell, as it comes to pass, with a bar of how many are left and for how long.

    `cluster`: which of submitit's executors starts the jobs of engine "slurm". Raises InputError where it cannot,
    NearlinearError where the folder cannot be written.
    """
    cells = sweep.cells()
    if sweep.engine == "local":
        found = locally(cells, folder, device=device)
    else:
        found = as_jobs(cells, folder, options=sweep.slurm, device=device, cluster=cluster)
    return track(found, "cells", len(cells), unit="cell")


def locally(cells: Sequence[Cell], folder: Path, *, device: str = "auto") -> Iterator[Outcome]:
    """One after another, in this process."""
    pins = Pins()
    for cell in cells:
        yield run_cell(cell, folder, device=device, pins=pins)


def as_jobs(
    cells: Sequence[Cell], folder: Path, *, options: dict[str, object], device: str = "auto", cluster: str = "slurm"
) -> Iterator[Outcome]:
    """An array of jobs, one for each cell that does not stand; in the order in which they end."""
    pins = Pins()
    todo = []
    for cell in cells:
        if stands(cell, folder, pins):
            yield Outcome(cell, "kept")
        else:
            todo.append(cell)
    if not todo:
        return
    executor = _executor(folder / JOBS, options, cluster)
    jobs = executor.map_array(partial(run_cell, folder=folder.resolve(), device=device), todo)
    try:
        yield from _as_they_end(list(zip(jobs, todo, strict=True)), folder)
    except KeyboardInterrupt:
        print("nearlinear: the jobs that were submitted go on; the same command looks after them.", file=sys.stderr)
        raise


def _as_they_end(waiting: list, folder: Path) -> Iterator[Outcome]:
    while waiting:
        ended = [pair for pair in waiting if pair[0].done()]
        for pair in ended:
            waiting.remove(pair)
            yield _outcome(pair[0], pair[1], folder)
        if waiting and not ended:
            time.sleep(POLL_SECONDS)


def _outcome(job: Any, cell: Cell, folder: Path) -> Outcome:
    """What a job answers; one that was killed answers nothing, and its log says more."""
    if job.exception() is None:
        return job.result()
    log = folder / JOBS / Path(job.paths.stderr).name
    return Outcome(cell, "failed", f"its job {job.job_id} ended ({job.state.lower()}) without an answer: see {log}")


def _executor(folder: Path, options: dict[str, object], cluster: str) -> Any:
    """Raises InputError where submitit is missing, there is no cluster, or an option is none of its own."""
    try:
        import submitit
    except ImportError as error:
        raise InputError("engine slurm needs the package submitit: pip install 'nearlinear[cluster]'") from error
    try:
        executor = submitit.AutoExecutor(folder, cluster=cluster)
    except RuntimeError as error:
        raise InputError("engine slurm needs a SLURM cluster, and there is no srun here: say engine: local") from error
    try:
        executor.update_parameters(**({"name": "nearlinear-sweep"} | in_words_of_submitit(options)))
    except (NameError, AssertionError, ValueError) as error:
        raise InputError(f"slurm cannot be asked so: {str(error).splitlines()[0]}") from error
    return executor


def in_words_of_submitit(options: dict[str, object]) -> dict[str, object]:
    """`partition` is `slurm_partition` there; both are taken."""
    own = {name for name in options if name not in GENERAL and not name.startswith("slurm_")}
    return {f"slurm_{name}" if name in own else name: value for name, value in options.items()}


def listed(sweep: Sweep, folder: Path) -> Iterator[tuple[Cell, bool]]:
    """Every cell, and whether it stands already; nothing is computed."""
    pins = Pins()
    for cell in sweep.cells():
        yield cell, result_path(cell, folder).exists() and stands(cell, folder, pins)
