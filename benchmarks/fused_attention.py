"""Shaped attention without a T × T matrix against the matrix: time forward and backward, and memory.

    python fused_attention.py                                  on 2 cores: T = 128, 512, 1024, 2048
    python fused_attention.py --device cuda --out FILE         in bf16, all of it compiled

The dense way is that of the released code: I and C are made once, the matrix αI + βA − γC is formed and multiplied.
Two more are timed: softmax attention alone, which no fused way can beat, and the running mean alone. Inputs are the
heads of one block of 768; gradients go to q, k, v and the gains. The record is written after each T; a second run does
those that are missing. `--peak WAY T` is what this script calls itself with, in a process of its own.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from clocks import clock, peak_of, where
from peak_memory import peak
from resuming import Found, kept, one_by_one
from sidebyside import RECORDS, Ratio, interleaved, ratio, record, report
from torch import Tensor

from nearlinear.blocks.attention import sdpa, shaped, softmax_matrix, visible_mean
from nearlinear.blocks.visible import Visible, visible

MADE_BY = ("blocks/attention.py", "blocks/visible.py")
GOAL = {"at_least": 3.0}
"""Dense over fused at T = 1024 on a CPU."""

LINEAR = {"at_most": 1.1}
"""Memory at the longest text over that at the shortest, over how much longer it is."""

PEAKS = {"fused": (1024, 4096), "dense": (1024, 2048)}
HEADS, WIDTH = 12, 64

Way = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""(q, k, v, gains) → (B, h, T, d_k); q, k, v (B, h, T, d_k), gains (3, h)."""


def dense_way(T: int, device: torch.device, dtype: torch.dtype) -> Way:
    """αI + βA − γC formed, with I, C and the mask made beforehand."""
    seen = visible(T, causal=True, device=device)
    nothing = torch.zeros(1, 1, T, WIDTH, device=device, dtype=dtype)
    eye, C = torch.eye(T, device=device, dtype=dtype), softmax_matrix(nothing, nothing, seen)
    mask = seen.mask

    def way(q: Tensor, k: Tensor, v: Tensor, gains: Tensor) -> Tensor:
        alpha, beta, gamma = gains[:, :, None, None]
        A = (q @ k.transpose(-1, -2) * WIDTH**-0.5).masked_fill(~mask, -torch.inf).softmax(-1)
        return (alpha * eye + beta * A - gamma * C) @ v

    return way


def fused_way(seen: Visible) -> Way:
    return lambda q, k, v, gains: shaped(q, k, v, v, tuple(gains), seen, sdpa)


def ways(T: int, device: torch.device, dtype: torch.dtype, *, only: str | None = None) -> dict[str, Way]:
    """Every way by name, or one: what another would keep in memory is not made then."""
    seen = visible(T, causal=True, device=device)
    makers = {
        "dense": lambda: dense_way(T, device, dtype),
        "fused": lambda: fused_way(seen),
        "softmax": lambda: lambda q, k, v, gains: sdpa(q, k, v, seen),
        "mean": lambda: lambda q, k, v, gains: visible_mean(v, seen),
    }
    return {name: make() for name, make in makers.items() if only in (None, name)}


def inputs(batch: int, T: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """q, k, v as blocks have them, split from (B, T, d), and gains: all leaves that want a gradient."""
    torch.manual_seed(0)
    flat = [torch.randn(batch, T, HEADS * WIDTH, device=device).to(dtype).requires_grad_() for _ in range(3)]
    return *flat, torch.ones(3, HEADS, device=device).to(dtype).requires_grad_()


def forward_backward(way: Way, leaves: tuple[Tensor, ...]) -> Callable[[], None]:
    """One pass each way with a random gradient; leaves that the way does not use get none."""
    grad = torch.randn_like(leaves[2])

    def work() -> None:
        q, k, v = (x.unflatten(-1, (HEADS, WIDTH)).transpose(1, 2) for x in leaves[:3])
        out = way(q, k, v, leaves[3]).transpose(1, 2).flatten(2)
        torch.autograd.grad(out, leaves, grad, allow_unused=True)

    return work


def measure(args: argparse.Namespace, T: int, limit: float) -> dict:
    """Seconds of each way on the same inputs; on a GPU also bytes."""
    torch._dynamo.reset()
    device, dtype = torch.device(args.device), getattr(torch, args.dtype)
    batch = max(1, args.batch_tokens // T)
    leaves = inputs(batch, T, device, dtype)
    works = {
        name: forward_backward(way if args.compile == "none" else compiled(way, args.compile), leaves)
        for name, way in ways(T, device, dtype).items()
    }
    tasks = {name: clock(work, device) for name, work in works.items()}
    seconds = interleaved(tasks, args.rounds, warm=args.warm, limit=limit)
    peaks = {name: peak_of(work, device) for name, work in works.items()}
    return {"seconds": seconds, "tokens": batch * T, "batch": batch, "peak_bytes": peaks}


def compiled(way: Way, backend: str) -> Way:
    return torch.compile(way, backend=backend, fullgraph=True, dynamic=False)


def peak_here(way: str, T: int) -> int:
    """Bytes that one text of T tokens takes above the inputs, in this process, which does nothing else."""
    device, dtype = torch.device("cpu"), torch.float32
    forward_backward(ways(16, device, dtype, only=way)[way], inputs(1, 16, device, dtype))()  # what a first call loads
    leaves = inputs(1, T, device, dtype)
    work = forward_backward(ways(T, device, dtype, only=way)[way], leaves)
    before = peak()
    work()
    return peak() - before


def peaks_apart(args: argparse.Namespace) -> dict[str, dict[str, int]]:
    """Peaks of processes of their own, at two lengths each."""

    def of(way: str, T: int) -> int:
        command = [sys.executable, __file__, "--peak", way, str(T), "--threads", str(args.threads)]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    return {way: {str(T): of(way, T) for T in (n // args.shorter for n in lengths)} for way, lengths in PEAKS.items()}


def ratios(args: argparse.Namespace, found: Found) -> list[Ratio]:
    rows = []
    for T, at in found.items():
        if T == "memory":
            rows += memory_ratios(at["peak_bytes"])
            continue
        promised = GOAL if T == "1024" and args.device == "cpu" and args.scale == 1 else {}
        seconds, start = at["seconds"], f"shaped attention, T = {T}, time:"
        rows.append(ratio(f"{start} dense / fused", seconds["dense"], seconds["fused"], **promised))
        rows.append(ratio(f"{start} fused / softmax alone", seconds["fused"], seconds["softmax"]))
        rows.append(ratio(f"{start} running mean / fused", seconds["mean"], seconds["fused"]))
    return rows


def memory_ratios(peaks: dict[str, dict[str, int]]) -> list[Ratio]:
    """How much memory grows when the text does, over how much the text does: 1 is linear."""
    rows = []
    for way, bytes_at in peaks.items():
        (short, least), (long, most) = bytes_at.items()
        what = f"shaped attention, {way}: memory at T = {long} / at {short}, over {int(long) // int(short)}"
        goal = LINEAR if way == "fused" else {}
        rows.append(ratio(what, [most / (int(long) // int(short))], [least], **goal))
    return rows


def content(args: argparse.Namespace, found: Found, seconds: float) -> dict:
    return record(
        "fused_attention",
        f"Shaped attention of one block of {HEADS} × {WIDTH}, forward and backward, {args.dtype} on {args.device}",
        ratios(args, found),
        details=found,
        settings=settings(args),
        device=where(torch.device(args.device)),
        threads=torch.get_num_threads(),
        tokens=sum(at.get("tokens", 0) for at in found.values()),
        seconds=seconds,
        made_by=MADE_BY,
    )


def settings(args: argparse.Namespace) -> dict:
    """What a number depends on."""
    return {k: v for k, v in vars(args).items() if k not in ("out", "T", "again", "minutes", "peak")}


def main() -> None:
    args = filled_in(arguments().parse_args())
    torch.set_num_threads(args.threads)
    if args.peak:
        print(json.dumps(peak_here(args.peak[0], int(args.peak[1]))))
        return
    started, found = time.perf_counter(), {} if args.again else kept(args.out, settings(args), MADE_BY)
    for _ in one_by_one(args.T, found, partial(measure, args), minutes=args.minutes):
        report(content(args, found, time.perf_counter() - started), args.out)
    if args.device == "cpu" and "memory" not in found:
        found["memory"] = {"peak_bytes": peaks_apart(args)}
        report(content(args, found, time.perf_counter() - started), args.out)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--T", nargs="+", type=int, help="tokens of a text (on a GPU up to 4096)")
    parser.add_argument("--batch-tokens", type=int, help="tokens in all (16,384 on a GPU, else 2,048)")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], help="bfloat16 on a GPU, else float32")
    parser.add_argument("--compile", choices=["inductor", "eager", "none"], help="inductor on a GPU, else none")
    parser.add_argument("--rounds", type=int, help="30 on a GPU, else 7; at least three, then as many as fit")
    parser.add_argument("--minutes", type=float, default=9, help="time there is")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scale", type=float, default=1.0, help="below 1 it is a rehearsal")
    parser.add_argument("--again", action="store_true", help="measure anew what is recorded")
    parser.add_argument("--out", type=Path, default=RECORDS / "fused_attention.json")
    parser.add_argument("--peak", nargs=2, metavar=("WAY", "T"), help="print the bytes that this takes, and stop")
    return parser


ON_GPU = {
    "T": [128, 512, 1024, 2048, 4096],
    "batch_tokens": 16384,
    "dtype": "bfloat16",
    "compile": "inductor",
    "rounds": 30,
    "warm": 5,
}
ON_CPU = {
    "T": [128, 512, 1024, 2048],
    "batch_tokens": 2048,
    "dtype": "float32",
    "compile": "none",
    "rounds": 7,
    "warm": 1,
}
REHEARSAL = {"T": [8, 16], "batch_tokens": 16, "compile": "eager", "rounds": 2}


def filled_in(args: argparse.Namespace) -> argparse.Namespace:
    """What was not said, by the device; a rehearsal goes the way of a GPU, on short texts."""
    usual = ON_GPU if args.device.startswith("cuda") else ON_CPU
    given = {k: v for k, v in vars(args).items() if v is not None and k != "peak"}
    rehearsal = REHEARSAL if args.scale < 1 else {}
    shorter = 1 if args.scale == 1 else 16
    return argparse.Namespace(**{**usual, **given, **rehearsal, "shorter": shorter, "peak": args.peak})


if __name__ == "__main__":
    main()
