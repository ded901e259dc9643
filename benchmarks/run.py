"""Run the benchmarks of this machine, or print the table of what is recorded.

    python benchmarks/run.py              the CPU benchmarks (some forty minutes on 2 quiet cores), then the table
    python benchmarks/run.py --table      the table of records alone, also written into README.md

Nothing else should run on the machine meanwhile: the ratios survive a busy neighbour better than the times do, but
two threads that wait for each other do not.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from sidebyside import HERE, RECORDS, ratios_of, read

BENCHMARKS = (
    ("pass1_over_backbone.py",),
    ("score_against_package.py", "--real"),
    ("greedy_prefix.py",),
    ("pruned_speed.py",),
    ("blocks_speed.py", "train", "--again"),
    ("blocks_speed.py", "decode", "--again"),
    ("fused_attention.py", "--again"),
    ("train_loop.py",),
    ("train_steps.py",),
    ("many_processes.py",),
)
START, END = "<!-- table: written by run.py --table -->", "<!-- end of table -->"


def rows(content: dict) -> list[str]:
    """Rows of the table for one record."""
    made = content["provenance"]
    machine = made["machine"]
    where = machine["device"] if machine["device"] != "cpu" else f"{machine['processor']}, {machine['threads']} threads"
    version = f"torch {made['versions']['torch']}"
    return [
        f"| {r.what} | **{r.median:.2f}** | {r.low:.2f} to {r.high:.2f} | {r.goal} {r.verdict} | {where} | {version} | "
        f"{made['created'][:10]} |"
        for r in ratios_of(content)
    ]


def table(folder: Path) -> str:
    """Every recorded ratio, as Markdown."""
    records = [read(path) for path in sorted(folder.rglob("*.json"))]
    lines = [row for content in records for row in rows(content)]
    if not lines:
        return "Nothing is recorded yet."
    names = ("ratio", "median", "lowest to highest round", "goal", "machine", "version", "made")
    head = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    return "\n".join([*head, *lines])


def with_table(text: str, new: str) -> str:
    """A page with the table between its two markers replaced. Raises ValueError where a marker is missing."""
    before, rest = text.split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n{new}\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="run nothing")
    args = parser.parse_args()
    if not args.table:
        for script, *options in BENCHMARKS:
            subprocess.run([sys.executable, str(HERE / script), *options], check=True)
    page = HERE / "README.md"
    page.write_text(with_table(page.read_text(encoding="utf-8"), table(RECORDS)), encoding="utf-8")
    print(table(RECORDS))


if __name__ == "__main__":
    main()
