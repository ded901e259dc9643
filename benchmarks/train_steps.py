"""Seconds of one training step of every block at the sizes of the training study, in turn, against Pre-LN.

    python train_steps.py                         L10 d64 and L10 d256, one thread
    python train_steps.py --size quick --rounds 2 --steps 2 --out FILE     a rehearsal

The steps are those of our loop, on random bytes, in the batches of the study. A round times a few steps of each block,
one block after the other. The seconds of every round are in the record, so that curves against steps, measured on a
machine that does other things besides, can be drawn against the time of a quiet one.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from block_models import BASE, NAMES, base_first
from clocks import clock, where
from sidebyside import RECORDS, Ratio, interleaved, ratio, record, report

from nearlinear.results.training import Block
from nearlinear.results.training_specs import SIX, SIZES, Size
from nearlinear.train.batches import Batches
from nearlinear.train.loop import Work
from nearlinear.train.losses import Loss
from nearlinear.train.models import adamw, fresh_model
from nearlinear.train.parallel import Processes

VOCABULARY = 256
MADE_BY = ("train/loop.py", "train/losses.py", "train/batches.py", "train/models.py", "blocks/*.py")
LAPTOP = SIZES["laptop"]
TIMED: dict[str, Size] = {
    "quick": SIZES["quick"],
    "laptop": LAPTOP,
    "d256": replace(LAPTOP, architecture=LAPTOP.architecture.model_copy(update={"d": 256})),
}
"""Sizes by name; d256: the laptop's at four times the width, where leaving matrices out can show."""


def steps_of(size: Size, block: Block, n: int, device: torch.device) -> tuple[Callable[[], None], int]:
    """(n steps of our loop, parameters of the model)."""
    spec = size.spec(block, size.recipe(1e-3, 1000).model_copy(update={"precision": "float32"}), seed=0)
    generator = torch.Generator().manual_seed(0)
    windows = torch.randint(VOCABULARY, (8 * size.batch, spec.architecture.T), generator=generator, dtype=torch.int32)
    model = fresh_model(spec, VOCABULARY).to(device).train()
    scaler = torch.amp.GradScaler(device.type, enabled=False)
    batches = Batches(windows, size.batch, seed=0)
    work = Work(Loss(model), batches, spec.recipe, adamw(model, spec.recipe), scaler, Processes())
    return lambda: work.steps(0, n), sum(weight.numel() for weight in model.parameters())


def measure(args: argparse.Namespace, size: Size) -> dict:
    """Seconds a step of every block, round by round."""
    device = torch.device(args.device)
    made = {block: steps_of(size, block, args.steps, device) for block in args.blocks}
    tasks = {block: clock(work, device) for block, (work, _) in made.items()}
    seconds = interleaved(tasks, args.rounds, warm=2)
    each = {block: [total / args.steps for total in rounds] for block, rounds in seconds.items()}
    return {
        "seconds_a_step": each,
        "median": {block: statistics.median(rounds) for block, rounds in each.items()},
        "parameters": {block: parameters for block, (_, parameters) in made.items()},
        "architecture": size.architecture.model_dump(mode="json", exclude={"block", "variant", "options"}),
        "batch": size.batch,
        "tokens_a_step": size.batch * size.architecture.T,
    }


def ratios(found: dict[str, dict]) -> list[Ratio]:
    """Pre-LN over every other block, at each size."""
    return [
        ratio(f"{_shape(at)}, training step, time: {NAMES[BASE]} / {NAMES[block]}", seconds[BASE], seconds[block])
        for at in found.values()
        for seconds in [at["seconds_a_step"]]
        for block in seconds
        if block != BASE
    ]


def _shape(at: dict) -> str:
    return f"L{at['architecture']['L']} d{at['architecture']['d']}, T = {at['architecture']['T']}, batch {at['batch']}"


def run(args: argparse.Namespace) -> dict:
    torch.set_num_threads(args.threads)
    started = time.perf_counter()
    found = {name: measure(args, TIMED[name]) for name in args.size}
    return record(
        "train_steps",
        "A training step of every block at the sizes of the training study, against Pre-LN",
        ratios(found),
        details=found,
        settings={k: v for k, v in vars(args).items() if k != "out"},
        device=where(torch.device(args.device)),
        threads=torch.get_num_threads(),
        tokens=sum(args.steps * at["tokens_a_step"] for at in found.values()),
        seconds=time.perf_counter() - started,
        made_by=MADE_BY,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", nargs="+", choices=TIMED, default=["laptop", "d256"])
    parser.add_argument("--blocks", nargs="+", choices=NAMES, default=list(SIX), help="to compare with Pre-LN")
    parser.add_argument("--steps", type=int, default=5, help="of each block in a round")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=RECORDS / "train_steps.json")
    args = parser.parse_args()
    args.blocks = base_first(args.blocks)
    report(run(args), args.out)


if __name__ == "__main__":
    main()
