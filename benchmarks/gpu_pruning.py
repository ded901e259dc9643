"""Pruning at the size of a GPU: every order until one block is left, on 64k tokens, and what fewer blocks buy in bf16.

    python gpu_pruning.py study --orders score bi last --single --out FILE      what each order costs, both ways
    python gpu_pruning.py distil --way linear --rates 1e-6 1e-5 --out FILE      what training gives back, three seeds
    python gpu_pruning.py speed --count 8 --out FILE                            tokens read and written in a second

The record of a study, and of a distillation, holds the whole result under details.study. `--scale` below 1 is a
rehearsal on a tiny model. This needs the library with all that it depends on, and the model: a network, or a cache that
holds it.
"""

import argparse
import json
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from pruned_speed import decode, edits, prefill
from sidebyside import interleaved, ratio, record, report, stopwatch

from nearlinear.edit.cost import cost
from nearlinear.edit.distil_study import run as run_distil
from nearlinear.edit.orders import last_first
from nearlinear.edit.study import run as run_study
from nearlinear.inputs.load import load_model
from nearlinear.results.distillation import DistilSpec
from nearlinear.results.pruning import PruningSpec
from nearlinear.results.types import StoredRecord

TOKENS = {"n_fit": 65_536, "n_choose": 16_384, "n_evaluate": 65_536}
REHEARSED = {"model": "tiny-llama", "count": 2, "prompt": 32, "new": 4, "rounds": 2}
LEAST, CONTEXT = 2048, 256

DISTILLED = {"ks": (1, 2, 4, 6, 8), "seeds": (0, 1, 2), "steps": 200, "tokens_per_step": 8192}
REHEARSED_DISTILLED = {"ks": (1, 2), "seeds": (0,), "steps": 2, "tokens_per_step": 256}


def spec(args: argparse.Namespace) -> PruningSpec:
    """What to change, and on how much text."""
    tokens = {name: max(LEAST, round(n * args.scale) // CONTEXT * CONTEXT) for name, n in TOKENS.items()}
    return PruningSpec(
        model=args.model,
        context=CONTEXT,
        single=args.single,
        orders=tuple(args.orders),
        count=args.count,
        greedy=args.count,
        **tokens,
    )


def distil_spec(args: argparse.Namespace) -> DistilSpec:
    """Five numbers of blocks, three seeds each; the recipe is chosen at the one in the middle."""
    sizes = DISTILLED if args.scale == 1 else REHEARSED_DISTILLED
    return DistilSpec(
        study=spec(args),
        way=args.way,
        rates=tuple(args.rates),
        runs=tuple((k, seed) for k in sizes["ks"] for seed in sizes["seeds"]),
        steps=sizes["steps"],
        tokens_per_step=sizes["tokens_per_step"],
        mixed="none" if args.way == "linear" else "bfloat16",
        screen_k=sizes["ks"][len(sizes["ks"]) // 2],
        screen_steps=min(30, sizes["steps"]),
    )


def study(args: argparse.Namespace, device: torch.device) -> dict:
    found = run_study(spec(args), device=device)
    orders = ", ".join(args.orders)
    return kept(found, f"What changing {args.count} blocks of {found.provenance.model.id} costs, by {orders}")


def distil(args: argparse.Namespace, device: torch.device) -> dict:
    found = run_distil(distil_spec(args), device=device)
    return kept(found, f"What distilling {found.provenance.model.id} gives back ({args.way})")


def kept(found: StoredRecord, question: str) -> dict:
    return {
        "question": question,
        "ratios": [],
        "details": {"study": json.loads(found.to_json())},
        "tokens": found.n_evaluate,
    }


def speed(args: argparse.Namespace, device: torch.device) -> dict:
    """As pruned_speed.py, on a device: in bf16 on CUDA, and with the device waited for."""
    cuda = device.type == "cuda"
    loaded = load_model(args.model, device=device, dtype="bfloat16" if cuda else "float32")
    model, L, layers = loaded.model, loaded.source.L, last_first(loaded.source.L, args.count).steps[-1]
    ids = torch.randint(5, 200, (1, args.prompt), generator=torch.Generator().manual_seed(0)).to(device)
    works = {"prefill": prefill(model, ids), "decode": decode(model, ids[:, :16], args.new)}
    wait = torch.cuda.synchronize if cuda else lambda: None
    ways = edits(model, layers, loaded.source.d)

    def inside(how: str, work) -> float:
        with ways[how]():
            return stopwatch(work, wait)()

    tasks = {f"{what}, {how}": partial(inside, how, work) for what, work in works.items() for how in ways}
    seconds, counted = interleaved(tasks, args.rounds), {}
    for how, way in ways.items():
        with way():
            counted[how] = asdict(cost(model, context=args.prompt))
    return {
        "question": f"Reading {args.prompt} tokens and writing {args.new} with {args.count} of {L} blocks gone",
        "ratios": [
            ratio(
                f"{what}, time: dense / {args.count} of {L} blocks {how}",
                seconds[f"{what}, dense"],
                seconds[f"{what}, {how}"],
            )
            for what in works
            for how in ("removed", "replaced")
        ],
        "details": {"seconds": seconds, "layers": list(layers), "cost": counted},
        "tokens": args.prompt + args.new,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("question", choices=["study", "distil", "speed"])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--orders", nargs="+", default=["score", "bi", "last"])
    parser.add_argument("--single", action="store_true", help="change every block alone, too")
    parser.add_argument("--way", choices=["linear", "all"], default="linear", help="what is trained: maps, or all")
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-6, 1e-5, 1e-4], help="learning rates to try")
    parser.add_argument("--count", type=int, default=29, help="blocks to change")
    parser.add_argument("--prompt", type=int, default=2048, help="tokens to read")
    parser.add_argument("--new", type=int, default=128, help="tokens to write")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    if args.scale < 1:
        args = argparse.Namespace(**{**vars(args), **REHEARSED})
    device, started = torch.device(args.device), time.perf_counter()
    found = {"study": study, "distil": distil, "speed": speed}[args.question](args, device)
    content = record(
        f"gpu_pruning_{args.question}",
        **found,
        settings={k: v for k, v in vars(args).items() if k != "out"},
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        threads=torch.get_num_threads(),
        seconds=time.perf_counter() - started,
    )
    report(content, args.out)


if __name__ == "__main__":
    main()
