"""What pass 1 costs: the backbone with our sums on every block, over the bare backbone, on the same batches.

Pass 1 is all that grows with the text. No head runs on either side, and the solves at the end (a constant) are not in.
"hooks alone" calls the hooks and does nothing in them: how far it is from 1 is how far the machine lets us see.
"""

import argparse
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from sidebyside import RECORDS, interleaved, ratio, record, report, stopwatch

from nearlinear.inputs.load import load_model
from nearlinear.inputs.models import backbone
from nearlinear.inputs.text import load_corpus
from nearlinear.inputs.windows import Batch, batches, cut
from nearlinear.measure.precision import choose
from nearlinear.measure.residual import residual_stream
from nearlinear.measure.stream_sums import Rows, StreamSums
from nearlinear.results.specs import TokenWindows

GOALS = {"fast": {"at_most": 1.25}, "exact": {}}


@torch.inference_mode()
def bare(model: torch.nn.Module, text: Sequence[Batch]) -> None:
    for batch in text:
        backbone(model)(input_ids=batch.input_ids, attention_mask=batch.attention_mask)


def hooks_alone(model: torch.nn.Module, text: Sequence[Batch]) -> None:
    for batch in text:
        residual_stream(model, batch, lambda layer, x, y: None)


def pass1(model: torch.nn.Module, text: Sequence[Batch], precision: str) -> None:
    sums = StreamSums(choose(precision, "cpu"))
    for batch in text:
        sums.rows = Rows.of(batch.attention_mask, "cpu")
        residual_stream(model, batch, sums.on_block)


def run(args: argparse.Namespace) -> dict:
    torch.set_num_threads(args.threads)
    loaded = load_model(args.model)
    spec = TokenWindows(context=args.context, n_tokens=args.tokens, test_fraction=0)
    corpus = load_corpus(args.text)
    windows = cut(spec, corpus, loaded.tokenizer).fit
    text = list(batches(windows, batch_tokens=args.batch_tokens))
    started = time.perf_counter()
    tasks = {
        "backbone": stopwatch(partial(bare, loaded.model, text)),
        "hooks alone": stopwatch(partial(hooks_alone, loaded.model, text)),
        **{p: stopwatch(partial(pass1, loaded.model, text, p)) for p in GOALS},
    }
    seconds = interleaved(tasks, args.rounds)
    ratios = [ratio("hooks alone / backbone", seconds["hooks alone"], seconds["backbone"])]
    ratios += [ratio(f"pass 1, {p} / backbone", seconds[p], seconds["backbone"], **goal) for p, goal in GOALS.items()]
    return record(
        "pass1_over_backbone",
        f"Pass 1 over the bare backbone ({loaded.source.id}, {loaded.source.L} blocks, d = {loaded.source.d})",
        ratios,
        details={"seconds": seconds, "model": loaded.source.model_dump()},
        settings={k: v for k, v in vars(args).items() if k != "out"} | {"text": corpus.id, "model": loaded.source.id},
        device="cpu",
        threads=args.threads,
        tokens=sum(len(w.input_ids) for w in windows),
        seconds=time.perf_counter() - started,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--text", default="wikipedia-sample")
    parser.add_argument("--tokens", type=int, default=8192, help="tokens in one run of each alternative")
    parser.add_argument("--context", type=int, default=512, help="tokens in a window")
    parser.add_argument("--batch-tokens", type=int, default=2048, help="tokens in a batch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RECORDS / "pass1_over_backbone.json")
    args = parser.parse_args()
    report(run(args), args.out)


if __name__ == "__main__":
    main()
