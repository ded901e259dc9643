"""Peak memory of scoring one layer pair from n tokens, in a process of its own: ours, or the published package's.

    python peak_memory.py ours|package TOKENS DIMENSIONS THREADS      prints its peak in bytes

Both get the same states: ours as they stream by, the package all at once, because it takes whole matrices.
"""

import json
import resource
import sys
from pathlib import Path

import torch
from activations import chunks, matrices


def ours(n: int, d: int) -> None:
    from ours import our_scores

    our_scores(chunks(n, d), "fast")


def package(n: int, d: int) -> None:
    from published import both_scores, package

    both_scores(package(), *matrices(n, d))


def peak() -> int:
    """The most bytes this process ever held; on Linux not from getrusage, which starts with the parent's figure."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def main() -> None:
    who, n, d, threads = sys.argv[1], *map(int, sys.argv[2:])
    torch.set_num_threads(threads)
    {"ours": ours, "package": package}[who](n, d)
    print(json.dumps({"peak": peak()}))


if __name__ == "__main__":
    main()
