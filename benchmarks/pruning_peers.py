"""Our replacements beside published pruners: perplexity with 10, 20 and 30 % of a model's blocks gone.

    python pruning_peers.py --replaceme CLONE --pruneme CLONE --shortgpt CLONE     their code, where a clone is given
    python pruning_peers.py                                                        else their rule, as we read it
    python pruning_peers.py --table                                    renew the table in README.md from the record

Everybody gets the same model and the same texts, those of the recorded pruning studies: one to fit on, one to choose
on, one to evaluate on. The published pruners choose and fit on the first: their pipelines know one text only.
Every finished number is kept in build/peers, so an interrupted run goes on where it was.
"""

import argparse
import hashlib
import time
from pathlib import Path

import torch
from peers_checkouts import PUBLISHED, Checkout
from peers_methods import Comparison
from sidebyside import HERE, RECORDS, read, record, write

from nearlinear.edit.ledger import Ledger
from nearlinear.edit.study import Work
from nearlinear.edit.texts import three_texts
from nearlinear.inputs.load import load_model
from nearlinear.inputs.text import load_corpus
from nearlinear.inputs.windows import n_tokens
from nearlinear.results import making
from nearlinear.results.pruning import PruningSpec, PruningStudy
from nearlinear.results.store import spec_sha256

BENCHMARK, KEPT = "pruning_peers", HERE.parent / "build" / "peers"
START, END = "<!-- peers: written by pruning_peers.py --table -->", "<!-- end of peers -->"


def work_of(spec: PruningSpec, kept: Path) -> Work:
    """Model and texts as `edit.study.run` has them, with a ledger of this comparison's own."""
    loaded = load_model(spec.model, dtype=spec.dtype)
    sizes = {name: getattr(spec, name) for name in ("context", "n_fit", "n_choose", "n_evaluate", "seed")}
    texts = three_texts(load_corpus(spec.corpus), loaded.tokenizer, **sizes)
    return Work(spec, loaded, texts, Ledger(kept / f"{code_sha256(spec)[:16]}.ledger.jsonl"))


def code_sha256(spec: PruningSpec) -> str:
    """Of all that the numbers hang on: the specification, the code that edits and measures, and this comparison's."""
    digest = hashlib.sha256(f"{spec_sha256(spec)} {making.library_sha256(PruningStudy.made_by)}".encode())
    for file in sorted(HERE.glob("peers_*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def counts(shares: list[float], L: int) -> tuple[int, ...]:
    """How many of L blocks each share is."""
    return tuple(sorted({min(max(1, round(share * L)), L - 1) for share in shares}))


def run(args: argparse.Namespace) -> dict:
    torch.set_num_threads(args.threads)
    started = time.perf_counter()
    making.commit(), making.library_sha256(PruningStudy.made_by)  # remembered now: the files may change meanwhile
    given = {name: getattr(args, name) for name in PUBLISHED if getattr(args, name)}
    checkouts = {name: Checkout(name, folder, args.threads) for name, folder in given.items()}
    for checkout in checkouts.values():
        checkout.check()
    sizes = {name: getattr(args, name) for name in ("context", "n_fit", "n_choose", "n_evaluate")}
    spec = PruningSpec(model=args.model, corpus=args.text, **sizes)
    work = work_of(spec, args.kept)
    comparison = Comparison(work, counts(args.shares, work.L), checkouts)
    rows = [
        {
            "method": method.name,
            "by": method.by,
            "cells": {str(k): comparison.entry(method, k) for k in comparison.counts},
        }
        for method in comparison.methods()
    ]
    source = work.loaded.source
    return record(
        BENCHMARK,
        f"Perplexity of {source.id} with {', '.join(map(str, comparison.counts))} of {source.L} blocks gone",
        [],
        details={
            "model": source.model_dump(),
            "corpus": load_corpus(args.text).source.model_dump(),
            "tokens": {part: n_tokens(getattr(work.texts, part)) for part in ("fit", "choose", "evaluate")},
            "documents": len({window.document for window in work.texts.evaluate}),
            "dense": {"perplexity": work.dense.perplexity, "parameters": source.n_parameters},
            "rows": rows,
            "published": {
                name: {"repository": repository, "commit": commit, "run": name in checkouts}
                for name, (repository, commit) in PUBLISHED.items()
            },
        },
        settings=sizes
        | {"model": source.id, "text": load_corpus(args.text).id, "shares": args.shares, "seed": spec.seed},
        device="cpu",
        threads=args.threads,
        tokens=n_tokens(work.texts.evaluate),
        seconds=time.perf_counter() - started,
    )


def table(content: dict) -> str:
    """A record as Markdown: perplexities with the difference to the dense model; the least of each column is bold."""
    details = content["details"]
    rows, L, dense = details["rows"], details["model"]["L"], details["dense"]
    ks = list(rows[0]["cells"])
    best = {k: min(row["cells"][k]["perplexity"] for row in rows) for k in ks}
    gone = [f"{k} of {L} blocks gone" for k in ks]
    head = ["method", "whose code", *gone, "parameters left"]
    body = [["the whole model", "", *[f"{dense['perplexity']:.2f}"] * len(ks), "100 %"]]
    for row in rows:
        left = [f"{100 * row['cells'][k]['parameters'] / dense['parameters']:.0f}" for k in ks]
        cells = [cell(row["cells"][k], best[k]) for k in ks]
        body.append([row["method"], row["by"], *cells, f"{', '.join(left)} %"])
    lines = [f"| {' | '.join(line)} |" for line in (head, *body)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:], "", note(details, content["provenance"])])


def recorded_table() -> str:
    """The table of the record that travels with the repository."""
    path = RECORDS / f"{BENCHMARK}.json"
    return table(read(path)) if path.exists() else "Nothing is recorded yet."


def cell(entry: dict, best: float) -> str:
    """ "18.92 (+0.06: 0.05 to 0.08)", bold where it is the best."""
    low, high = entry["interval"]
    perplexity = f"{entry['perplexity']:.2f}" if entry["perplexity"] < 1e4 else f"{entry['perplexity']:.1e}"
    perplexity = f"**{perplexity}**" if entry["perplexity"] == best else perplexity
    return f"{perplexity} ({entry['difference']:+.2f}: {low:.2f} to {high:.2f})"


def note(details: dict, made: dict) -> str:
    """Under the table: which model, texts and commits."""
    n, source, corpus = details["tokens"], details["model"]["id"], details["corpus"]["id"]
    run = [f"{p['repository']} at {p['commit'][:7]}" for p in details["published"].values() if p["run"]]
    return (
        f"{source} and {corpus}: {n['fit']:,} tokens to fit on, {n['choose']:,} to choose on, {n['evaluate']:,} of "
        f"{details['documents']} documents to evaluate on. In brackets: log-loss less that of the whole model, nats a "
        "token, with its 95 % interval, paired, over documents. "
        f"Run: {' and '.join(run) or 'none of the published tools'}; torch {made['versions']['torch']}, "
        f"transformers {made['versions']['transformers']}, {made['created'][:10]}."
    )


def with_table(page: str, new: str) -> str:
    """A page with what stands between the two markers replaced. Raises ValueError where a marker is missing."""
    before, rest = page.split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n{new}\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, (repository, _commit) in PUBLISHED.items():
        parser.add_argument(f"--{name}", type=Path, metavar="CLONE", help=f"a clone of {repository}")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--text", default="wikipedia-sample")
    parser.add_argument(
        "--shares", type=float, nargs="+", default=[0.1, 0.2, 0.3], help="of the blocks, that are to go"
    )
    for name in ("context", "n_fit", "n_choose", "n_evaluate"):
        default = PruningSpec.model_fields[name].default
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=int, default=default, help="tokens (default: %(default)s)"
        )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kept", type=Path, default=KEPT, help="where finished numbers are kept")
    parser.add_argument("--out", type=Path, default=RECORDS / f"{BENCHMARK}.json")
    parser.add_argument("--table", action="store_true", help="run nothing")
    args = parser.parse_args()
    if not args.table:
        content = run(args)
        write(args.out, content)
        print(table(content))
    if args.table or args.out == RECORDS / f"{BENCHMARK}.json":
        page = HERE / "README.md"
        page.write_text(with_table(page.read_text(encoding="utf-8"), recorded_table()), encoding="utf-8")


if __name__ == "__main__":
    main()
