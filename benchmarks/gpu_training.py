"""Training at the size of a GPU: the runs of a study, one after another, whole results in one record.

    python gpu_training.py screen --out FILE                      every block at every rate
    python gpu_training.py core --seeds 0 --out FILE              every block at its own rate
    python gpu_training.py unpack --out FILE --into ../book/results

The record holds each result under details.runs; `unpack` writes them where the book looks for them. `--scale` below 1
is a rehearsal: the same runs, of models that prove nothing, on a little text. This needs the library with all that it
depends on, and no network.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import torch
from block_models import NAMES
from clocks import where
from sidebyside import read, record, report

from nearlinear.inputs.text import load_corpus
from nearlinear.results.training import TrainingRun, TrainSpec
from nearlinear.results.training_specs import SIX, SIZES, core, screen
from nearlinear.train.run import run
from nearlinear.train.stretches import any_texts, texts_from
from nearlinear.train.texts import Texts

REHEARSED_DOCUMENTS = 60


def specs(args: argparse.Namespace) -> dict[str, TrainSpec]:
    """The runs that are asked for, by the names under which they are recorded."""
    found = {"screen": screen, "core": core}[args.study](args.size, args.blocks)
    wanted = {name: spec for name, spec in found.items() if args.study == "screen" or spec.seed in args.seeds}
    return {name: _rehearsed(spec) if args.scale < 1 else spec for name, spec in wanted.items()}


def _rehearsed(spec: TrainSpec) -> TrainSpec:
    """A run like this one, in a second: its block, its rate and its seed, at the quickest size."""
    quick = SIZES["quick"]
    return quick.spec(spec.architecture.block, quick.recipe(spec.recipe.lr, 4), spec.seed)


def texts_of(spec: TrainSpec, *, rehearsed: bool) -> Texts:
    """What all the runs read."""
    if not rehearsed:
        return any_texts(spec.reading, spec.architecture.T)
    whole = load_corpus("python-stdlib")
    few = replace(whole, documents=whole.documents[:REHEARSED_DOCUMENTS])
    return texts_from(few, spec.reading, spec.architecture.T)


def measure(args: argparse.Namespace) -> dict:
    wanted, started, runs = specs(args), time.perf_counter(), {}
    texts = texts_of(next(iter(wanted.values())), rehearsed=args.scale < 1)
    for name, spec in wanted.items():
        runs[name] = run(spec, device=args.device, texts=texts)
        said = runs[name].stopped or f"held-out loss {runs[name].loss:.4f}, {runs[name].seconds[-1]:.0f} s of training"
        print(f"{name}: {said}", flush=True)
    return record(
        f"gpu_training_{args.study}",
        f"{len(runs)} trainings at size {args.size}: {args.study}",
        [],
        details={"runs": {name: json.loads(result.to_json()) for name, result in runs.items()}},
        settings={k: v for k, v in vars(args).items() if k not in ("out", "into")},
        device=where(torch.device(args.device)),
        threads=torch.get_num_threads(),
        tokens=sum(result.provenance.n_tokens for result in runs.values()),
        seconds=time.perf_counter() - started,
        made_by=TrainingRun.made_by,
    )


def unpack(file: Path, into: Path) -> list[Path]:
    """Write each result of a record where recorded results lie. Raises SystemExit for a rehearsal."""
    content = read(file)
    if content["settings"]["scale"] != 1:
        raise SystemExit(f"gpu_training: {file.name} is of a rehearsal, so nothing is unpacked")
    found = {name: TrainingRun.from_json(json.dumps(one)) for name, one in content["details"]["runs"].items()}
    paths = [into / f"{name}.{TrainingRun.recorded_as}.json" for name in found]
    for path, result in zip(paths, found.values(), strict=True):
        result.save(path)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", choices=["screen", "core", "unpack"])
    parser.add_argument("--size", choices=SIZES, default="gpu")
    parser.add_argument("--blocks", nargs="+", choices=NAMES, default=list(SIX))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of the core study")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--out", type=Path, required=True, help="the record")
    parser.add_argument("--into", type=Path, help="where to unpack it")
    args = parser.parse_args()
    if args.study != "unpack":
        report(measure(args), args.out)
    elif args.into is None:
        parser.error("say where to unpack: --into FOLDER")
    else:
        print(*unpack(args.out, args.into), sep="\n")


if __name__ == "__main__":
    main()
