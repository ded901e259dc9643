"""What simplified blocks gain in time: a training step, and decoding, of Pre-LN over those of the other blocks.

    python blocks_speed.py train --size 18x256                on 2 cores: T = 128, 512, 2048
    python blocks_speed.py decode --size 18x256
    python blocks_speed.py train --size 18x768 --T 128 --batch-tokens 512
    python blocks_speed.py train --size 18x768 --device cuda --out FILE

A step is forward, loss, backward and AdamW on random tokens, with fused attention in every model. Beside each ratio
stands what the sizes of the matrix products allow, and the share of that which was reached, (ratio − 1)/(ceiling − 1).
On a GPU weights are bf16, each block's class is compiled once, the head with the loss too, and events of the device are
the clock. The record is written after each T; a second run does those that are missing. `--scale` below 1 rehearses the
way of a GPU on tiny models.
"""

import argparse
import statistics
import time
from functools import partial

import torch
from block_models import (
    BASE,
    NAMES,
    SPARSE,
    build,
    compile_blocks,
    config_of,
    head_loss,
    random_ids,
    training_step,
)
from blocks_options import GOALS, PRECISIONS, options
from clocks import clock, peak_of, product_rate, where
from decoding import Greedy, static, timed
from resuming import Found, kept, one_by_one
from sidebyside import Ratio, interleaved, ratio, record, report
from torch._dynamo.testing import CompileCounterWithBackend
from transformers.cache_utils import DynamicCache

from nearlinear import HalfCache, SimplifiedConfig
from nearlinear.blocks.counting import sizes_of
from nearlinear.results.counting import cache_terms, forward, forward_terms, letters, share_of_ceiling, total

MADE_BY = ("blocks/*.py", "results/counting.py")
HALF = ", half cache"


def train(args: argparse.Namespace, T: int, limit: float) -> dict:
    """Seconds of a training step of every block on the same tokens."""
    torch._dynamo.reset()
    device, every = torch.device(args.device), SPARSE.get(args.size, 1)
    dtype, autocast = PRECISIONS[args.precision]
    batch = max(1, args.batch_tokens // T)
    loss_of = head_loss if args.compile == "none" else torch.compile(head_loss, backend=args.compile, dynamic=False)
    works, graphs, counted = {}, {}, {}
    for name in args.blocks:
        config = config_of(name, args.size, T, rehearsed=args.scale < 1)
        model = build(config, device, dtype).train()
        if args.compile != "none":
            graphs[name] = CompileCounterWithBackend(args.compile)
            compile_blocks(model, graphs[name])
        ids = random_ids(batch, T, config.vocab_size, device)
        works[name] = training_step(model, ids, every, loss_of, autocast)
        counted[name] = forward(name, sizes_of(config, share=1 / every), T)
    tasks = {name: clock(work, device) for name, work in works.items()}
    seconds = interleaved(tasks, args.rounds, warm=args.warm, limit=limit)
    rates = {name: 3 * counted[name] * batch * T / statistics.median(s) for name, s in seconds.items()}
    return {
        **compared(seconds, counted),
        "tokens": batch * T,
        "batch": batch,
        "compiled_graphs": {name: counter.frame_count for name, counter in graphs.items()},
        "peak_bytes": {name: peak_of(work, device) for name, work in works.items()},
        "operations_a_second": rates,
        "operations_a_second_of_one_product": product_rate(device, autocast or dtype, args.product),
    }


def decode(args: argparse.Namespace, T: int, limit: float) -> dict:
    """Seconds of writing `new` tokens after a prompt of T, by every block."""
    torch._dynamo.reset()
    device, (dtype, _) = torch.device(args.device), PRECISIONS[args.precision]
    tasks, counted = {}, {}
    for name in args.blocks:
        config = config_of(name, args.size, T + args.new, rehearsed=args.scale < 1)
        model = build(config, device, dtype).eval()
        prompt = random_ids(args.batch, T, config.vocab_size, device)
        for label, greedy, step in ways(args, model, prompt):
            tasks[name + label] = timed(greedy, step, args.new, partial(clock, device=device))
            counted[name + label] = numbers_read(config, T, args.batch, half=label == HALF)
    seconds = interleaved(tasks, args.rounds, warm=args.warm, limit=limit)
    return {**compared(seconds, counted), "tokens": args.batch * args.new, "batch": args.batch}


def numbers_read(config: SimplifiedConfig, T: int, batch: int, *, half: bool) -> float:
    """Numbers of weights and cache that a step of decoding reads, after T tokens: memory is what decoding waits for.

    At batch 1 each is used in one multiplication, so the same ratio follows from the operations.
    """
    numbers = letters(sizes_of(config), T)
    weights = total([term for term in forward_terms(config.block) if term.kind != "tokens"], numbers) / 2
    return weights + batch * total(cache_terms(config.block, half=half), numbers)


def ways(args: argparse.Namespace, model: torch.nn.Module, prompt: torch.Tensor):
    """(label, decoder, step) of each cache that the model is run with."""
    if args.cache == "static":
        yield "", *static(model, prompt, args.new, None if args.compile == "none" else args.compile)
        return
    caches = {"": DynamicCache()} | ({HALF: HalfCache()} if model.config.block.startswith("sas") else {})
    for label, cache in caches.items():
        greedy = Greedy(model, prompt, cache)
        yield label, greedy, greedy.step


def compared(seconds: dict[str, list[float]], counted: dict[str, float]) -> dict:
    """Times, and for every name what Pre-LN counts over what it counts, and the share of it that was reached."""
    reached = {name: ratio(name, seconds[BASE], s).median for name, s in seconds.items()}
    ceilings = {name: counted[BASE] / n for name, n in counted.items()}
    return {
        "seconds": seconds,
        "counted": counted,
        "ceiling": ceilings,
        "share": {name: _share(reached[name], ceilings[name]) for name in seconds if name != BASE},
    }


def _share(reached: float, ceiling: float) -> float | None:
    """None where nothing can be gained: a record holds no NaN."""
    return share_of_ceiling(reached, ceiling) if ceiling > 1 else None


def ratios(args: argparse.Namespace, found: Found) -> list[Ratio]:
    """One a block and T, with its ceiling and the share of it in its name."""
    what = "training step" if args.question == "train" else "decode"
    return [
        ratio(
            f"{_shown(args.size)}, {what}, T = {T}, time: {NAMES[BASE]} / {_called(name)}{_of_ceiling(at, name)}",
            at["seconds"][BASE],
            at["seconds"][name],
            **_goal(args, int(T), at["batch"], name),
        )
        for T, at in found.items()
        for name in at["seconds"]
        if name != BASE
    ]


def _shown(size: str) -> str:
    return size.replace("x", "×")


def _called(name: str) -> str:
    block, _, cache = name.partition(", ")
    return ", ".join(filter(None, [NAMES[block], cache]))


def _of_ceiling(at: dict, name: str) -> str:
    reached = at["share"][name]
    return f" (ceiling {at['ceiling'][name]:.2f}" + (")" if reached is None else f", share {reached:.2f})")


def _goal(args: argparse.Namespace, T: int, batch: int, name: str) -> dict[str, float]:
    promised = ("train", "18x768", "bf16", "inductor", 1.0)
    asked = (args.question, args.size, args.precision, args.compile, args.scale)
    fits = asked == promised and (T, batch) == (128, 128) and args.device.startswith("cuda")
    return {"at_least": GOALS[name]} if fits and name in GOALS else {}


def content(args: argparse.Namespace, found: Found, seconds: float) -> dict:
    return record(
        f"blocks_speed_{args.question}",
        f"{_shown(args.size)}: {args.question}, simplified blocks against Pre-LN, {args.precision} on {args.device}",
        ratios(args, found),
        details=found,
        settings=settings(args),
        device=where(torch.device(args.device)),
        threads=torch.get_num_threads(),
        tokens=sum(at["tokens"] for at in found.values()),
        seconds=seconds,
        made_by=MADE_BY,
    )


def settings(args: argparse.Namespace) -> dict:
    """What a number depends on."""
    return {k: v for k, v in vars(args).items() if k not in ("out", "T", "again", "minutes")}


def main() -> None:
    args = options(__doc__.splitlines()[0])
    torch.set_num_threads(args.threads)
    started, found = time.perf_counter(), {} if args.again else kept(args.out, settings(args), MADE_BY)
    measure = partial({"train": train, "decode": decode}[args.question], args)
    share_of_time = 60 * args.minutes / len(args.T)
    for _ in one_by_one(args.T, found, lambda T, left: measure(T, min(left, share_of_time)), minutes=args.minutes):
        report(content(args, found, time.perf_counter() - started), args.out)


if __name__ == "__main__":
    main()
