"""Run what waits for a GPU: entries of gpu_queue.yaml, in order, those that still fit in the minutes there are.

    python benchmarks/gpu_queue.py --minutes 9                        the first unfinished entries
    python benchmarks/gpu_queue.py --scale 0.01 --device cpu          a rehearsal of every entry, without a GPU
    python benchmarks/gpu_queue.py --collect FOLDER                   unpack what came back into benchmarks/records/gpu

Each result is kept as soon as it is there. At the end all of them are packed into one archive, in parts of 16 MiB,
in $OUT where that is set, else in build/gpu.
"""

import argparse
import io
import os
import shlex
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
QUEUE = ROOT / "benchmarks" / "gpu_queue.yaml"
KEPT = ROOT / "benchmarks" / "records" / "gpu"
ARCHIVE = "gpu-results.tar.gz"
PART_BYTES, MAX_PARTS = 16 * 2**20, 8


@dataclass(frozen=True)
class Entry:
    """One piece of work: a command that writes `result`, and how long it should take."""

    name: str
    command: str
    minutes: float
    result: str
    accept: tuple[int, ...] = (0,)

    def arguments(self, **words: object) -> list[str]:
        return [part.format(python=sys.executable, **words) for part in shlex.split(self.command)]


def entries(path: Path) -> list[Entry]:
    """Raises TypeError for a misspelt key."""
    found = [Entry(**item) for item in yaml.safe_load(path.read_text(encoding="utf-8"))]
    if len({e.result for e in found}) != len(found):
        raise ValueError(f"two entries of {path.name} write the same result")
    return found


def run(entry: Entry, folder: Path, *, seconds: float, device: str, scale: float) -> bool:
    """Whether the entry did its work in time. Its result gets its name only then; its output lies beside it."""
    partial = folder / f"unfinished-{entry.result}"
    arguments = entry.arguments(result=partial, device=device, scale=scale)
    path = os.pathsep.join([str(ROOT / "lib"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    with open(folder / f"{entry.result}.log", "w") as log:
        try:
            done = subprocess.run(
                arguments,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
            )
        except subprocess.TimeoutExpired:
            return False
    if done.returncode not in entry.accept or not partial.exists():
        return False
    os.replace(partial, folder / entry.result)
    return True


def work(queue: list[Entry], folder: Path, *, minutes: float, device: str, scale: float) -> Iterator[tuple[Entry, str]]:
    """Each entry with what became of it: finished before, no time left, done, or failed."""
    folder.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + 60 * minutes
    for entry in queue:
        left = deadline - time.monotonic()
        if (folder / entry.result).exists() or (scale == 1 and (KEPT / entry.result).exists()):
            yield entry, "finished before"
        elif 60 * entry.minutes * scale > left:
            yield entry, "no time left"
        else:
            done = run(entry, folder, seconds=left, device=device, scale=scale)
            yield entry, "done" if done else f"failed, see {entry.result}.log"


def pack(folder: Path, out: Path) -> list[Path]:
    """All results and logs in one archive, cut in parts. Raises SystemExit where there would be too many parts."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for file in sorted(
            f for f in folder.iterdir() if f.is_file() and not f.name.startswith((ARCHIVE, "unfinished"))
        ):
            archive.add(file, arcname=file.name)
    data = content.getvalue()
    parts = [data[i : i + PART_BYTES] for i in range(0, len(data), PART_BYTES)]
    if len(parts) > MAX_PARTS:
        sys.exit(f"gpu_queue: {len(data)} bytes of results do not fit in {MAX_PARTS} files of {PART_BYTES} bytes")
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / f"{ARCHIVE}.{i}" for i in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        path.write_bytes(part)
    return paths


def collect(folder: Path, into: Path) -> list[str]:
    """Unpack the results (not the logs) of an archive's parts. Raises SystemExit where there are none."""
    parts = sorted(folder.glob(f"{ARCHIVE}.*"))
    if not parts:
        sys.exit(f"gpu_queue: {folder} holds no {ARCHIVE}.0")
    into.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(b"".join(p.read_bytes() for p in parts)), mode="r:gz") as archive:
        names = [name for name in archive.getnames() if not name.endswith(".log")]
        archive.extractall(into, members=[archive.getmember(name) for name in names], filter="data")
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=25, help="time there is")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the work; below 1 it is a rehearsal")
    parser.add_argument("--queue", type=Path, default=QUEUE)
    parser.add_argument("--folder", type=Path, help="where results are kept while the queue runs")
    parser.add_argument("--collect", type=Path, metavar="FOLDER", help="unpack the archive in FOLDER and stop")
    args = parser.parse_args()
    if args.collect:
        print("\n".join(collect(args.collect, KEPT)), "now run: benchmarks/run.py --table", sep="\n")
        return
    real = args.scale == 1 and args.device != "cpu"
    folder = args.folder or ROOT / "build" / ("gpu" if real else "gpu-rehearsal")
    failed = False
    for entry, fate in work(entries(args.queue), folder, minutes=args.minutes, device=args.device, scale=args.scale):
        print(f"{entry.name:<28} {fate}", flush=True)
        failed |= fate.startswith("failed")
    for path in pack(folder, Path(os.environ.get("OUT", folder))):
        print(f"packed {path.name}: {path.stat().st_size} bytes")
    sys.exit(failed)


if __name__ == "__main__":
    main()
