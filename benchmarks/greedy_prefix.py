"""What sharing prefixes saves the greedy search: the plain loop, the whole model for every candidate, over ours.

Both remove the block whose removal costs the least loss, step by step, by the same losses on the same batches, and must
find the same blocks. Ours keeps the states before every candidate, so it runs half the blocks on average; the head, and
all else around the blocks, runs in full on both sides. "blocks run" counts the tokens that go through blocks, no time.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from sidebyside import RECORDS, interleaved, ratio, record, report, stopwatch

from nearlinear.edit.edits import blocks_as_tuple, with_standins
from nearlinear.edit.greedy import greedy
from nearlinear.edit.standins import PassThrough
from nearlinear.evaluate.perplexity import losses
from nearlinear.inputs.load import LoadedModel, load_model
from nearlinear.inputs.models import blocks
from nearlinear.inputs.text import load_corpus
from nearlinear.inputs.windows import Window, cut
from nearlinear.results.specs import TokenWindows

GOAL = {"at_least": 1.5}


Chosen = tuple[int, ...]


def plain(loaded: LoadedModel, windows: Sequence[Window], k: int, batch_tokens: int) -> Chosen:
    """The loop as SLEB has it: for every step and candidate, the whole model."""
    nothing, changed = PassThrough(blocks_as_tuple(loaded.model)), ()
    for _ in range(k):
        found = {}
        for layer in set(range(loaded.source.L)) - set(changed):
            with with_standins(loaded.model, dict.fromkeys((*changed, layer), nothing)):
                found[layer] = losses(loaded, windows, batch_tokens=batch_tokens).mean
        changed += (min(found, key=found.get),)
    return changed


def shared(loaded: LoadedModel, windows: Sequence[Window], k: int, batch_tokens: int) -> Chosen:
    """Ours."""
    nothing = PassThrough(blocks_as_tuple(loaded.model))
    return greedy(loaded, windows, k, standin=lambda _layer: nothing, batch_tokens=batch_tokens)


def counted(model: torch.nn.Module, search: Callable[[], Chosen]) -> tuple[Chosen, int]:
    """What a search chooses, and how many tokens go through blocks for it, all blocks together."""
    seen: list[int] = []

    def hook(_block, args, kwargs):
        states = args[0] if args else kwargs["hidden_states"]
        seen.append(states.shape[0] * states.shape[1])

    handles = [block.register_forward_pre_hook(hook, with_kwargs=True) for block in blocks(model)]
    chosen = search()
    for handle in handles:
        handle.remove()
    return chosen, sum(seen)


def run(args: argparse.Namespace) -> dict:
    torch.set_num_threads(args.threads)
    loaded, corpus = load_model(args.model), load_corpus(args.text)
    spec = TokenWindows(context=args.context, n_tokens=args.tokens, test_fraction=0)
    windows = cut(spec, corpus, loaded.tokenizer).fit
    started = time.perf_counter()
    options = (loaded, windows, args.count, args.batch_tokens)
    searches = {"plain": partial(plain, *options), "shared": partial(shared, *options)}
    (chosen, n_plain), (ours, n_shared) = (counted(loaded.model, search) for search in searches.values())
    if chosen != ours:
        raise SystemExit(f"the two searches disagree: {chosen} and {ours}")
    seconds = interleaved({name: stopwatch(search) for name, search in searches.items()}, args.rounds)
    ratios = [
        ratio("greedy search, blocks run: plain loop / shared prefixes", [n_plain], [n_shared]),
        ratio("greedy search, time: plain loop / shared prefixes", seconds["plain"], seconds["shared"], **GOAL),
    ]
    return record(
        "greedy_prefix",
        f"The greedy search for {args.count} of {loaded.source.L} blocks of {loaded.source.id} to remove",
        ratios,
        details={"seconds": seconds, "chosen": list(chosen), "model": loaded.source.model_dump()},
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
    parser.add_argument("--tokens", type=int, default=512, help="tokens to choose on")
    parser.add_argument("--context", type=int, default=256, help="tokens in a window")
    parser.add_argument("--count", type=int, default=1, help="blocks to remove")
    parser.add_argument("--batch-tokens", type=int, default=2048, help="tokens in a batch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RECORDS / "greedy_prefix.json")
    args = parser.parse_args()
    report(run(args), args.out)


if __name__ == "__main__":
    main()
