"""Several processes that share a text, over one process that reads it alone: each process on threads of its own.

    python many_processes.py                                   SmolLM2, two processes of one thread
    python many_processes.py --model tiny-llama --tokens 1024 --context 64 --rounds 3 --out FILE     a rehearsal

The script starts itself by torchrun. In each round the first process scores the whole text by itself while the others
wait, and then all score it together. Both must find the same, or the benchmark stops. Models are loaded beforehand; the
solves at the end, which are shared out as well, are in. With as many processes as cores, nothing else may run.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from sidebyside import RECORDS, interleaved, ratio, record, report, stopwatch

from nearlinear.inputs.load import load_model
from nearlinear.inputs.text import load_corpus
from nearlinear.inputs.windows import cut
from nearlinear.measure.many import Many
from nearlinear.measure.many_profile import profile_many
from nearlinear.measure.profile import Measured, profile
from nearlinear.results import making
from nearlinear.results.specs import TokenWindows
from nearlinear.train.parallel import joined

MADE_BY = (*making.MEASURING, "measure/many*.py")
AGREE = 1e-10
"""How far apart any score of the two may be: their sums are the same in another order."""


def run(args: argparse.Namespace, many: Many) -> dict:
    """The record; that of the first process counts."""
    loaded, corpus, started = load_model(args.model), load_corpus(args.text), time.perf_counter()
    spec = TokenWindows(context=args.context, n_tokens=args.tokens, test_fraction=args.held_out)
    windows = cut(spec, corpus, loaded.tokenizer)
    options = {"precision": args.precision, "batch_tokens": args.batch_tokens}
    found: dict[str, Measured] = {}

    def alone() -> None:
        if many.first:
            found["one"] = profile(loaded, windows, **options)

    def together() -> None:
        found["many"] = profile_many(loaded, windows, many, **options)

    works = {"one": stopwatch(alone, lambda: many.gathered(0)), "many": stopwatch(together, lambda: many.gathered(0))}
    seconds = interleaved(works, args.rounds)
    if many.first:
        check_same(found["one"], found["many"])
    threads = "1 thread" if args.threads == 1 else f"{args.threads} threads"
    return record(
        "many_processes",
        f"The scores of {loaded.source.id} by one process and by {many.n}, {threads} each",
        [ratio(f"scoring, time: 1 process / {many.n} processes, {threads} each", seconds["one"], seconds["many"])],
        details={"seconds": seconds, "processes": many.n, "model": loaded.source.model_dump()},
        settings={k: v for k, v in vars(args).items() if k != "out"} | {"text": corpus.id, "model": loaded.source.id},
        device="cpu",
        threads=args.threads,
        tokens=windows.n_fit + windows.n_test,
        seconds=time.perf_counter() - started,
        made_by=MADE_BY,
    )


def check_same(one: Measured, many: Measured) -> None:
    pairs = [(a.update_score, b.update_score) for a, b in zip(one.scores, many.scores, strict=True)]
    if one.held_out:
        pairs += zip(one.held_out.errors.score(), many.held_out.errors.score(), strict=True)
    apart = max(abs(a - b) for a, b in pairs)
    if not apart <= AGREE:
        raise SystemExit(f"one process and several do not find the same: scores are {apart:.2g} apart")


def start(args: argparse.Namespace) -> None:
    """Run this script again, on several processes."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(args.processes))
    command = [sys.executable, *launcher, str(Path(__file__).resolve()), *sys.argv[1:]]
    if subprocess.run(command, check=False).returncode:
        raise SystemExit("the processes did not come to an end: see what they say above")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--text", default="wikipedia-sample")
    parser.add_argument("--tokens", type=int, default=16384, help="tokens in one run of each alternative")
    parser.add_argument("--context", type=int, default=512, help="tokens in a window")
    parser.add_argument("--held-out", type=float, default=1 / 3, help="fraction of documents held out")
    parser.add_argument("--precision", default="exact")
    parser.add_argument("--batch-tokens", type=int, default=2048, help="tokens in a batch")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RECORDS / "many_processes.json")
    args = parser.parse_args()
    if "RANK" not in os.environ:
        start(args)
        return
    torch.set_num_threads(args.threads)
    with joined(torch.device("cpu")):
        many = Many()
        content = run(args, many)
        if many.first:
            report(content, args.out)


if __name__ == "__main__":
    main()
