"""Both scores of one layer pair from the same activations: ours against the published package llm-microscope.

Time side by side, the error of each beside a float64 QR of the whole matrix, and peak memory as the text grows.
The package runs in a process and an environment of its own; see published.py for what had to be done to call it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from activations import ROWS, WINDOW, matrices
from ours import our_scores
from package_environment import package_python
from sidebyside import HERE, RECORDS, Ratio, interleaved, ratio, record, report, stopwatch
from torch import Tensor

OURS = ("fast", "exact")
PACKAGE = ("float32", "float64")
GOALS = {("fast", "float32"): {"at_least": 8}, ("exact", "float32"): {}, ("exact", "float64"): {}}
"""The package is used in float32, the type that models hand it; in float64 it is as exact as ours, and slower."""


def reference(x: Tensor, y: Tensor) -> tuple[float, float]:
    """Both scores by float64 QR of the whole centred matrix: the prediction is formed and subtracted."""
    x, y = x.double(), y.double()
    X, D, Y = (m - m.mean(0) for m in (x, y - x, y))
    Q = torch.linalg.qr(X).Q
    error = (D - Q @ (Q.T @ D)).square().sum()
    return float(1 - error / Y.square().sum()), float(1 - error / D.square().sum())


def real_states(n: int, model: str, layer: int) -> tuple[Tensor, Tensor]:
    """States before and after one block of a model reading the Wikipedia sample, (n, d) each."""
    from nearlinear.inputs.load import load_model
    from nearlinear.inputs.text import load_corpus
    from nearlinear.inputs.windows import batches, cut
    from nearlinear.measure.residual import residual_stream
    from nearlinear.results.specs import TokenWindows

    loaded, states = load_model(model), []
    spec = TokenWindows(context=WINDOW, n_tokens=n, test_fraction=0)
    windows = cut(spec, load_corpus("wikipedia-sample"), loaded.tokenizer).fit
    for batch in batches(windows):
        residual_stream(
            loaded.model, batch, lambda la, x, y: la == layer and states.append((x.flatten(0, 1), y.flatten(0, 1)))
        )
    x, y = (torch.cat(side) for side in zip(*states, strict=True))
    return x.clone(), y.clone()  # plain tensors, made outside inference mode


class Package:
    """The package at work in a process of its own; it answers one line of JSON a run."""

    def __init__(self, process: subprocess.Popen):
        self.process = process
        self.without_residual_returns = self._answer()["without_residual_returns"]
        self.scores: dict[str, dict] = {}

    def _answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            sys.exit("benchmarks: the published package's process ended (its message is above)")
        return json.loads(line)

    def task(self, dtype: str):
        def run() -> float:
            self.process.stdin.write(dtype + "\n")
            self.process.stdin.flush()
            self.scores[dtype] = self._answer()
            return self.scores[dtype].pop("seconds")

        return run


@contextmanager
def package_at_work(python: Path, x: Tensor, y: Tensor, threads: int) -> Iterator[Package]:
    with tempfile.TemporaryDirectory() as folder:
        for name, matrix in (("x", x), ("y", y)):
            np.save(Path(folder) / f"{name}.npy", matrix.numpy())
        command = [str(python), str(HERE / "published.py"), folder, str(threads)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield Package(process)
            process.stdin.close()


def peak_memory(args: argparse.Namespace, d: int, python: Path) -> dict[str, list[int]]:
    """Peak bytes of a process (imports included) for each of the numbers of tokens, freed memory given back."""
    as_usual = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}

    def peak(program: str, who: str, n: int) -> int:
        command = [program, str(HERE / "peak_memory.py"), who, str(n), str(d), str(args.threads)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=as_usual)
        return json.loads(done.stdout)["peak"]

    programs = {"ours": sys.executable, "package": str(python)}
    return {who: [peak(program, who, n) for n in args.memory_tokens] for who, program in programs.items()}


def speed(args: argparse.Namespace, x: Tensor, y: Tensor, python: Path) -> tuple[list[Ratio], dict]:
    """How many times faster we are, and how wrong each is."""
    torch.set_num_threads(args.threads)
    true = dict(zip(("score", "update_score"), reference(x, y), strict=True))
    found: dict[str, dict] = {}

    def ours(precision: str):
        scores = our_scores(zip(x.split(ROWS), y.split(ROWS), strict=True), precision)
        found[f"ours, {precision}"] = {"score": scores.score, "update_score": scores.update_score}

    with package_at_work(python, x, y, args.threads) as package:
        tasks = {f"ours, {p}": stopwatch(partial(ours, p)) for p in OURS}
        tasks |= {f"package, {dtype}": package.task(dtype) for dtype in PACKAGE}
        seconds = interleaved(tasks, args.rounds)
    found |= {f"package, {dtype}": scores for dtype, scores in package.scores.items()}
    ratios = [
        ratio(f"time: package, {dtype} / ours, {p}", seconds[f"package, {dtype}"], seconds[f"ours, {p}"], **goal)
        for (p, dtype), goal in GOALS.items()
    ]
    errors = {who: {name: abs(scores[name] - true[name]) for name in true} for who, scores in found.items()}
    details = {
        "seconds": seconds,
        "reference": true,
        "error": errors,
        "package_without_residual_returns": package.without_residual_returns,
    }
    return ratios, details


def growth(tokens: list[int], peaks: dict[str, list[int]]) -> list[Ratio]:
    """Peak memory of the longest text over that of the shortest."""
    ratios = {who: bytes_[-1] / bytes_[0] for who, bytes_ in peaks.items()}
    what = f"memory at {tokens[-1]} tokens / at {tokens[0]}"
    goals = {"ours": {"at_most": 1.05}, "package": {}}
    return [Ratio(f"{who}: {what}", *[ratios[who]] * 3, **goals[who]) for who in ratios]


def run(args: argparse.Namespace) -> dict:
    started, python = time.perf_counter(), args.package_python or package_python()
    real = args.real is not None
    x, y = real_states(args.tokens, args.real, args.layer) if real else matrices(args.tokens, args.d)
    n, d = x.shape
    ratios, details = speed(args, x, y, python)
    peaks = peak_memory(args, d, python)
    hidden = ("out", "package_python")
    return record(
        "score_against_package",
        f"Both scores of one layer pair, n = {n}, d = {d}, against llm-microscope 0.0.7",
        ratios + growth(args.memory_tokens, peaks),
        details={**details, "peak_bytes": peaks},
        settings={k: v for k, v in vars(args).items() if k not in hidden},
        device="cpu",
        threads=args.threads,
        tokens=n,
        seconds=time.perf_counter() - started,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=16384)
    parser.add_argument("--d", type=int, default=576, help="dimensions of the synthetic states")
    parser.add_argument("--real", nargs="?", const="smollm2-135m", help="states of this model, not synthetic ones")
    parser.add_argument("--layer", type=int, default=12, help="the block, with --real")
    parser.add_argument("--memory-tokens", type=int, nargs="+", default=[4096, 16384, 65536])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--package-python", type=Path, help="a Python that has the package (default: make one)")
    parser.add_argument("--out", type=Path, default=RECORDS / "score_against_package.json")
    args = parser.parse_args()
    content = run(args)
    report(content, args.out)
    for who, errors in content["details"]["error"].items():
        print(f"  error of {who:<18} score {errors['score']:.1e}   without the residual {errors['update_score']:.1e}")
    for who, peaks in content["details"]["peak_bytes"].items():
        sizes = [f"{b / 2**20:.0f} MiB at {n}" for n, b in zip(args.memory_tokens, peaks, strict=True)]
        print(f"  peak memory of {who}: {', '.join(sizes)} tokens")


if __name__ == "__main__":
    main()
