"""The published package llm-microscope 0.0.7, called as its users call it. Runs in the package's own environment.

    python published.py FOLDER THREADS      then one line a run: "float32" or "float64"; one line of JSON comes back

Two things about this release, seen by running it. `import llm_microscope` fails, because a module of it is imported as
if it lay outside the package: we add its folder to the path. And the function for the score without the residual
ends before it returns, so it answers None: the same work is done by the other function on x and y - x, which we time.
"""

import importlib.util
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


def package():
    """The package, imported in spite of its import error."""
    found = importlib.util.find_spec("llm_microscope")
    sys.path.extend(found.submodule_search_locations)
    import llm_microscope

    return llm_microscope


def both_scores(package, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Scores with and without the residual."""
    return package.procrustes_similarity(x, y), package.procrustes_similarity(x, y - x)


def main() -> None:
    folder, threads = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(threads)
    published = package()
    x, y = (torch.from_numpy(np.load(folder / f"{name}.npy")) for name in "xy")
    print(json.dumps({"without_residual_returns": str(published.procrustes_similarity_centered(x[:256], y[:256]))}))
    sys.stdout.flush()
    for line in sys.stdin:
        dtype = getattr(torch, line.strip())
        states = x.to(dtype), y.to(dtype)
        started = time.perf_counter()
        score, update_score = both_scores(published, *states)
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "score": score, "update_score": update_score}), flush=True)


if __name__ == "__main__":
    main()
