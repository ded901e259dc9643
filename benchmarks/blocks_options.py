"""The options of blocks_speed.py: what is usual on a GPU, on a CPU, and in a rehearsal."""

import argparse
from pathlib import Path

import torch
from block_models import NAMES, SIZES, base_first
from sidebyside import RECORDS

GOALS = {"sas": 1.06, "sas-p": 1.10, "sas-p-no-norm": 1.12}
"""Promised for a training step on a GPU: 18x768 in bf16, T = 128, batch 128, both sides compiled."""

PRECISIONS = {"float32": (torch.float32, None), "bf16": (torch.bfloat16, None), "amp": (torch.float32, torch.bfloat16)}
"""Type of the weights, and of autocast."""


def options(description: str) -> argparse.Namespace:
    """The command line, with what it leaves open filled in. Exits where an encoder is asked to decode."""
    parser = _parser(description)
    args = parser.parse_args()
    if args.question == "decode" and not SIZES[args.size].get("causal", True):
        parser.error(f"{args.size} is an encoder and writes nothing: choose another size")
    return filled_in(args)


def _parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("question", choices=["train", "decode"])
    parser.add_argument("--size", choices=SIZES, default="18x256")
    parser.add_argument("--blocks", nargs="+", choices=NAMES, default=list(GOALS), help="to compare with Pre-LN")
    parser.add_argument("--T", nargs="+", type=int, default=[128, 512, 2048], help="tokens of a text, or of a prompt")
    parser.add_argument("--batch-tokens", type=int, help="tokens of a training step (16,384 on a GPU, else 2,048)")
    parser.add_argument("--batch", type=int, default=1, help="texts decoded at once")
    parser.add_argument("--new", type=int, default=16, help="tokens to write")
    parser.add_argument("--precision", choices=PRECISIONS, help="bf16 on a GPU, else float32")
    parser.add_argument("--compile", choices=["inductor", "eager", "none"], help="inductor on a GPU, else none")
    parser.add_argument("--cache", choices=["dynamic", "static"], help="static on a GPU, else dynamic")
    parser.add_argument("--rounds", type=int, help="30 on a GPU, else 7; at least three, then as many as fit")
    parser.add_argument("--minutes", type=float, default=9, help="time there is")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scale", type=float, default=1.0, help="below 1 it is a rehearsal of what a GPU does")
    parser.add_argument("--again", action="store_true", help="measure anew what is recorded")
    parser.add_argument("--out", type=Path, help="the record")
    return parser


ON_GPU = {"batch_tokens": 16384, "precision": "bf16", "compile": "inductor", "cache": "static", "rounds": 30, "warm": 5}
ON_CPU = {"batch_tokens": 2048, "precision": "float32", "compile": "none", "cache": "dynamic", "rounds": 7, "warm": 1}
REHEARSAL = {**ON_GPU, "batch_tokens": 32, "compile": "eager", "rounds": 2, "warm": 1, "new": 3, "batch": 2}


def filled_in(args: argparse.Namespace) -> argparse.Namespace:
    """What was not said, by the device; a rehearsal goes the way of a GPU, with shorter texts."""
    usual = ON_GPU if args.device.startswith("cuda") else ON_CPU
    given = {k: v for k, v in vars(args).items() if v is not None}
    filled = {**usual, **given, "blocks": base_first(args.blocks), "product": 8192 if usual is ON_GPU else 1024}
    if args.scale < 1:
        filled |= {**REHEARSAL, "T": [max(8, T // 16) for T in args.T], "product": 64}
    filled.setdefault("out", RECORDS / f"blocks_{args.question}_{args.size}.json")
    return argparse.Namespace(**filled)
