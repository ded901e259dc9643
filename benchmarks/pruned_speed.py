"""What removing blocks buys: the unpruned model's time over that of the same model with blocks removed or replaced.

Prefill reads a prompt at once; decode writes tokens one after another with a key-value cache. Beside the times stand
parameters and operations a token, counted, and the bytes that must be held: weights, and the cache of the prompt. The
maps are the identity, which costs what any map costs.
"""

import argparse
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path

import torch
from sidebyside import RECORDS, interleaved, ratio, record, report, stopwatch

from nearlinear.edit.cost import cost
from nearlinear.edit.edits import removed, replaced
from nearlinear.edit.orders import last_first
from nearlinear.inputs.load import load_model
from nearlinear.measure.linearity import AffineMap

Edit = Callable[[], AbstractContextManager]


def edits(model: torch.nn.Module, layers: tuple[int, ...], d: int) -> dict[str, Edit]:
    """The ways to run the model: as it is, without the blocks, and with a map in place of each."""
    nothing = AffineMap(torch.zeros(d, d), torch.zeros(d), torch.zeros(d))
    return {
        "dense": nullcontext,
        "removed": lambda: removed(model, layers),
        "replaced": lambda: replaced(model, dict.fromkeys(layers, nothing)),
    }


def prefill(model: torch.nn.Module, ids: torch.Tensor) -> Callable[[], object]:
    def work():
        with torch.inference_mode():
            return model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=True)

    return work


def decode(model: torch.nn.Module, ids: torch.Tensor, n: int) -> Callable[[], object]:
    def work():
        return model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), min_new_tokens=n, max_new_tokens=n, do_sample=False
        )

    return work


def held_bytes(model: torch.nn.Module, cache) -> dict[str, int]:
    """Bytes of the weights, tied ones once, and of the keys and values that reading a prompt has left."""
    kept = [part for layer in cache.layers for part in (layer.keys, layer.values) if part is not None]
    return {"weights": _bytes(model.parameters()), "cache": _bytes(kept)}


def _bytes(tensors: Iterable[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def inside(edit: Edit, work: Callable[[], object]) -> Callable[[], float]:
    """Time the work alone, not the putting in and taking out."""
    timed = stopwatch(work)

    def task() -> float:
        with edit():
            return timed()

    return task


def run(args: argparse.Namespace) -> dict:
    torch.set_num_threads(args.threads)
    started, loaded = time.perf_counter(), load_model(args.model)
    model, layers = loaded.model, last_first(loaded.source.L, args.count).steps[-1]
    ids = torch.randint(5, 200, (1, args.prompt), generator=torch.Generator().manual_seed(0))
    works = {"prefill": prefill(model, ids), "decode": decode(model, ids[:, :16], args.new)}
    ways = edits(model, layers, loaded.source.d)
    tasks = {f"{what}, {how}": inside(edit, work) for what, work in works.items() for how, edit in ways.items()}
    seconds = interleaved(tasks, args.rounds)
    counted, held = {}, {}
    for how, edit in ways.items():
        with edit():
            counted[how] = asdict(cost(model, context=args.prompt))
            held[how] = held_bytes(model, works["prefill"]().past_key_values)
    ratios = [
        ratio(f"{what}, time: dense / {args.count} of {loaded.source.L} blocks {how}", *_pair(seconds, what, how))
        for what in works
        for how in ("removed", "replaced")
    ]
    for name in ("flops", "parameters"):
        dense, left = ([counted[how][name]] for how in ("dense", "removed"))
        ratios.append(ratio(f"{name}: dense / {args.count} of {loaded.source.L} blocks removed", dense, left))
    return record(
        "pruned_speed",
        f"Reading {args.prompt} tokens and writing {args.new} with {args.count} of {loaded.source.L} blocks gone",
        ratios,
        details={"seconds": seconds, "layers": list(layers), "cost": counted, "bytes": held},
        settings={k: v for k, v in vars(args).items() if k != "out"} | {"model": loaded.source.id},
        device="cpu",
        threads=args.threads,
        tokens=args.prompt + args.new,
        seconds=time.perf_counter() - started,
    )


def _pair(seconds: dict[str, list[float]], what: str, how: str) -> tuple[list[float], list[float]]:
    return seconds[f"{what}, dense"], seconds[f"{what}, {how}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--count", type=int, default=8, help="blocks to remove, the deepest first")
    parser.add_argument("--prompt", type=int, default=512, help="tokens to read")
    parser.add_argument("--new", type=int, default=32, help="tokens to write")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RECORDS / "pruned_speed.json")
    args = parser.parse_args()
    report(run(args), args.out)


if __name__ == "__main__":
    main()
