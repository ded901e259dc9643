"""Our training loop against a bare PyTorch loop on the same model, in alternate rounds.

    python train_loop.py                          laptop size, one thread
    python train_loop.py --size quick --rounds 2 --steps 8 --out FILE     a rehearsal

A round of either is one short training: the optimiser is made, then come `steps` steps of forward, loss, backward,
clipping and fused AdamW, at the same rates, on the same windows. The bare loop is what one would write for this model
and no other: no parts of a batch, no mixed precision, no checkpoint, no look at the loss before the end. Both must end
at the same weights, or the benchmark stops.
"""

import argparse
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import torch
import torch.nn.functional as F
from block_models import NAMES
from clocks import clock, where
from sidebyside import RECORDS, interleaved, ratio, record, report
from torch import Tensor, nn

from nearlinear.blocks.decay import decay_groups
from nearlinear.results.training import Block, TrainSpec
from nearlinear.results.training_specs import SIZES
from nearlinear.train.batches import Batches
from nearlinear.train.loop import rate_at, train
from nearlinear.train.models import fresh_model

GOAL = {"at_least": 0.95}
VOCABULARY = 256
MADE_BY = ("train/loop.py", "train/losses.py", "train/batches.py", "train/models.py", "blocks/*.py")
AGREE = 1e-4
"""How far apart any weight of the two may end: their gradients are the same sums in another order."""


def bare(model: nn.Module, windows: Tensor, order: Tensor, spec: TrainSpec) -> None:
    """The loop as one would write it for one model. windows (n, T), read in this order."""
    recipe = spec.recipe
    groups = decay_groups(model, recipe.weight_decay)
    optimiser = torch.optim.AdamW(groups, lr=recipe.lr, betas=recipe.betas, eps=recipe.eps, fused=True)
    weights = [weight for group in groups for weight in group["params"]]
    device = weights[0].device
    for k in range(recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(recipe, k)
        ids = windows[order[k * recipe.batch : (k + 1) * recipe.batch]].long().to(device)
        states = model.base_model(ids, use_cache=False).last_hidden_state[:, :-1]
        logits = F.linear(states, model.lm_head.weight)
        F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
        nn.utils.clip_grad_norm_(weights, recipe.clip)
        optimiser.step()
        optimiser.zero_grad()


def ours(model: nn.Module, batches: Batches, spec: TrainSpec) -> None:
    """The same by our loop, with its events."""
    for _ in train(model, batches, spec.recipe, spec.stops):
        pass


def works(args: argparse.Namespace, block: Block) -> dict[str, Callable[[], None]]:
    """Both loops, each on a model of its own. Stops where they do not train the same."""
    size, device = SIZES[args.size], torch.device(args.device)
    spec = size.spec(block, size.recipe(1e-3, args.steps).model_copy(update={"precision": "float32"}), seed=0)
    n, T = 2 * args.steps * size.batch, spec.architecture.T
    windows = torch.randint(VOCABULARY, (n, T), generator=torch.Generator().manual_seed(0), dtype=torch.int32)
    batches, model = Batches(windows, size.batch, seed=0), fresh_model(spec, VOCABULARY).to(device).train()
    other = deepcopy(model)
    found = {
        "bare": lambda: bare(model, windows, batches.order_of(0), spec),
        "ours": lambda: ours(other, batches, spec),
    }
    for work in found.values():
        work()
    check_same(model, other)
    return found


def check_same(model: nn.Module, other: nn.Module) -> None:
    pairs = zip(model.parameters(), other.parameters(), strict=True)
    apart = max((a - b).abs().max().item() for a, b in pairs)
    if not apart <= AGREE:
        raise SystemExit(f"the two loops do not train the same: weights are {apart:.2g} apart")


def run(args: argparse.Namespace) -> dict:
    torch.set_num_threads(args.threads)
    started, device, seconds = time.perf_counter(), torch.device(args.device), {}
    for block in args.blocks:
        tasks = {name: clock(work, device) for name, work in works(args, block).items()}
        seconds[block] = interleaved(tasks, args.rounds)
    size = SIZES[args.size]
    shape = f"L{size.architecture.L} d{size.architecture.d}"
    goal = GOAL if args.size == "laptop" else {}  # nothing is promised of a rehearsal
    return record(
        "train_loop",
        f"{args.steps} training steps of {shape}: a bare PyTorch loop against ours",
        [
            ratio(f"{shape}, {NAMES[block]}, training, time: bare loop / ours", each["bare"], each["ours"], **goal)
            for block, each in seconds.items()
        ],
        details={"seconds": seconds},
        settings={k: v for k, v in vars(args).items() if k != "out"},
        device=where(device),
        threads=torch.get_num_threads(),
        tokens=args.steps * size.batch * size.architecture.T,
        seconds=time.perf_counter() - started,
        made_by=MADE_BY,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="laptop")
    parser.add_argument("--blocks", nargs="+", choices=NAMES, default=["sas-p", "pre-ln"])
    parser.add_argument("--steps", type=int, default=50, help="in a round")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=RECORDS / "train_loop.json")
    args = parser.parse_args()
    report(run(args), args.out)


if __name__ == "__main__":
    main()
