"""The precision ladder on a device, at the widths of larger models: what each rung costs, and how wrong it is.

    python gpu_ladder.py cost  --d 4096 --blocks 8 --out FILE    pass 1 over the bare backbone, random weights in bf16
    python gpu_ladder.py error --d 4096 --out FILE               each rung against `exact`, massive activations planted

Nothing is downloaded, and of our dependencies only torch and transformers are needed. `--scale 0.01` is a rehearsal:
a hundredth of the tokens, a tenth of the width, one batch, two rounds.
"""

import argparse
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import torch
from activations import WINDOW, chunks
from sidebyside import interleaved, ratio, record, report, stopwatch

from nearlinear.errors import InputError
from nearlinear.inputs.models import backbone
from nearlinear.measure.linearity import BlockScores, block_scores
from nearlinear.measure.precision import PRECISIONS, choose
from nearlinear.measure.residual import residual_stream
from nearlinear.measure.stream_sums import Rows, StreamSums

GOALS = {"turbo": {"at_most": 1.15}, "fast": {"at_most": 1.8}, "exact": {"at_most": 2.7}}
"""Promised on a GPU with full-rate float64 (A100, H100, H200), at d ≥ 2048, over a backbone in bf16."""

TOLERANCE = {"fast": 1e-6, "turbo": 2e-2}
"""Largest error of a score; `turbo` only has to rank blocks."""


def rungs(device: torch.device) -> list[str]:
    """The precisions that this device can do."""

    def can(name: str) -> bool:
        try:
            return choose(name, device) is not None
        except InputError:
            return False

    return [name for name in PRECISIONS if can(name)]


def random_llama(d: int, n_blocks: int, device: torch.device) -> torch.nn.Module:
    """Blocks with the shapes of Llama-2 at width d, freshly initialised on the device in bf16."""
    from transformers import LlamaConfig, LlamaModel

    config = LlamaConfig(
        vocab_size=1024,
        hidden_size=d,
        intermediate_size=-(-d * 8 // 3 // 64) * 64,
        num_hidden_layers=n_blocks,
        num_attention_heads=max(d // 128, 1),
    )
    with torch.device(device):
        torch.manual_seed(0)
        return LlamaModel._from_config(config, dtype=torch.bfloat16).eval()


def scaled(args: argparse.Namespace) -> argparse.Namespace:
    """Tokens times `scale`, width times its root, both kept to multiples that everything divides."""
    if args.scale == 1:
        return args
    windows = max(1, round(args.tokens * args.scale / WINDOW))
    d = max(64, round(args.d * args.scale**0.5 / 64) * 64)
    smaller = {"tokens": windows * WINDOW, "d": d, "batches": 1, "rounds": 2}
    return argparse.Namespace(**{**vars(args), **smaller})


@torch.inference_mode()
def bare(model: torch.nn.Module, text: list) -> None:
    for batch in text:
        backbone(model)(input_ids=batch.input_ids, attention_mask=batch.attention_mask)


def pass1(model: torch.nn.Module, text: list, sums: StreamSums, rows: Rows) -> None:
    sums.rows = rows
    for batch in text:
        residual_stream(model, batch, sums.on_block)


def cost(args: argparse.Namespace, device: torch.device) -> tuple[list, dict]:
    """Seconds of the backbone and of pass 1 on each rung; the sums stand already, as they do after the first batch."""
    model = random_llama(args.d, args.blocks, device)
    mask = torch.ones(args.tokens // WINDOW, WINDOW, dtype=torch.long)
    ids = torch.randint(1024, mask.shape, generator=torch.Generator().manual_seed(1))
    text = [SimpleNamespace(input_ids=ids.to(device), attention_mask=mask.to(device))] * args.batches
    rows = Rows.of(mask, device)
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    tasks = {"backbone": stopwatch(partial(bare, model, text), wait)}
    tasks["hooks alone"] = stopwatch(lambda: [residual_stream(model, b, lambda layer, x, y: None) for b in text], wait)
    for name in rungs(device):
        tasks[name] = stopwatch(partial(pass1, model, text, StreamSums(choose(name, device)), rows), wait)
    seconds = interleaved(tasks, args.rounds)
    ratios = [
        ratio(f"d = {args.d}: {name} / backbone", seconds[name], seconds["backbone"], **GOALS.get(name, {}))
        for name in tasks
        if name != "backbone"
    ]
    return ratios, {"seconds": seconds}


def scores(args: argparse.Namespace, device: torch.device, precision: str) -> tuple[BlockScores, BlockScores]:
    """Scores with and without first tokens, of states that hold massive activations."""
    sums = StreamSums(choose(precision, device))
    for x, y in chunks(args.tokens, args.d, device=device):
        x, y = (m.view(-1, WINDOW, args.d) for m in (x, y))
        sums.rows = Rows.of(torch.ones(x.shape[:2]), device)
        sums.on_block(0, x, y)
    return block_scores(sums.blocks[0].all_tokens()), block_scores(sums.blocks[0].no_first_token())


def error(args: argparse.Namespace, device: torch.device) -> tuple[list, dict]:
    """How far each rung is from `exact`, as a fraction of what is allowed."""
    found = {name: scores(args, device, name) for name in rungs(device)}
    errors = {
        name: {
            f"{what}{suffix}": abs(getattr(got, what) - getattr(true, what))
            for suffix, got, true in zip(("", "_no_first_token"), pair, found["exact"], strict=True)
            for what in ("score", "update_score")
        }
        for name, pair in found.items()
    }
    true = {what: getattr(found["exact"][0], what) for what in ("score", "update_score")}
    return [], {"exact": true, "error": errors, "tolerance": TOLERANCE}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("question", choices=["cost", "error"])
    parser.add_argument("--d", type=int, required=True)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=8192, help="tokens of a batch (cost) or in all (error)")
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--out", type=Path, required=True)
    args = scaled(parser.parse_args())
    device, started = torch.device(args.device), time.perf_counter()
    ratios, details = {"cost": cost, "error": error}[args.question](args, device)
    content = record(
        f"gpu_ladder_{args.question}",
        f"The precision ladder at d = {args.d}: {args.question}",
        ratios,
        details=details,
        settings={k: v for k, v in vars(args).items() if k != "out"},
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        threads=torch.get_num_threads(),
        tokens=args.tokens,
        seconds=time.perf_counter() - started,
    )
    report(content, args.out)
    for name, errors in details.get("error", {}).items():
        print(f"  {name:<6} {'  '.join(f'{what} {size:.1e}' for what, size in errors.items())}")


if __name__ == "__main__":
    main()
