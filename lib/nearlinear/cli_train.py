"""`nearlinear train …`: a small model trained from scratch, in a folder, for others to load."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

from nearlinear.errors import InputError, NearlinearError

PLACES = {
    "block": ("architecture", "block"),
    "corpus": ("reading", "corpus"),
    "tokens": ("reading", "tokens"),
    "task": ("reading", "task"),
    "steps": ("recipe", "steps"),
    "batch": ("recipe", "batch"),
    "lr": ("recipe", "lr"),
    "precision": ("recipe", "precision"),
}
"""Where in a specification an option stands; seeds stand in none of its sections."""


def add_train(commands) -> None:
    """Add the command to the parser of `nearlinear.cli`."""
    train = commands.add_parser("train", help="train a small model from scratch, and save it", allow_abbrev=False)
    train.set_defaults(run=_train, parser=train)
    base, add = train.add_mutually_exclusive_group(), train.add_argument
    base.add_argument("--size", help="quick, laptop, colab or gpu: decides all that is not said (default: laptop)")
    base.add_argument("--spec", type=Path, metavar="FILE.yaml", help="take all from a file; other options change it")
    add("--block", help="pre-ln, parallel, v-skipinit, sas, sas-p or sas-p-no-norm (default: sas-p)")
    add("--corpus", help="a packaged corpus, a text file, or hf:dataset[:config[:split[:column]]] "
        "(default: python-stdlib)")  # fmt: skip
    add("--tokens", help="bytes, or bpe-8192 for so many pieces learnt from the text (default: bytes)")
    add("--task", help="causal: guess the next token; masked: guess hidden ones (default: causal)")
    add("--steps", type=int, metavar="N", help="how long (default: the size's)")
    add("--batch", type=int, metavar="B", help="windows a step (default: the size's)")
    add("--lr", type=float, metavar="RATE", help="peak learning rate (default: what the size's screen chose)")
    add("--seed", type=int, help="of the weights (default: 0)")
    add("--order-seed", type=int, metavar="SEED", help="of the order of the text (default: that of --seed)")
    add("--precision", help="float32, bf16, fp16 or float64 (default: the size's)")
    add("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    add("--write-spec", action="store_true", help="print what would be trained as YAML, and stop")
    add("--out", type=Path, metavar="DIR", help="the folder to write; it must not exist")


def _train(options: argparse.Namespace) -> None:
    try:
        _work(options)
    except NearlinearError:
        if first():
            raise
        raise SystemExit(2) from None  # the first process says it


def _work(options: argparse.Namespace) -> None:
    from nearlinear.train.yaml_specs import to_yaml

    spec = asked(options)
    if options.write_spec:
        if first():
            print(to_yaml(spec), end="")
        return
    if options.out is None:
        raise InputError("say where to save the model: --out DIR, or --write-spec to see what would be trained")
    from nearlinear.edit.export import check_new
    from nearlinear.train.models import config_of
    from nearlinear.train.save import check_saves

    check_new(options.out)
    check_saves(spec)
    config_of(spec.architecture, 1, causal=spec.reading.task == "causal")  # bad words are refused before any work
    try:
        _run(spec, options)
    except KeyboardInterrupt:
        if first():
            print(f"nearlinear: interrupted; {_left(spec)}.", file=sys.stderr)
        raise SystemExit(130) from None


def _run(spec, options: argparse.Namespace) -> None:
    """Train, save and print; with several processes the first alone does the last two."""
    from nearlinear.train.card import summary
    from nearlinear.train.kept import kept
    from nearlinear.train.loop import Diverged
    from nearlinear.train.run import run
    from nearlinear.train.save import save_trained
    from nearlinear.train.stretches import any_texts

    with bar_of_the_first():
        texts = any_texts(spec.reading, spec.architecture.T)
        result = run(spec, device=own_device(options.device), texts=texts)
    if result.stopped:
        raise Diverged(result.stopped)
    if first():
        save_trained(kept(spec, device="cpu", texts=texts), result, options.out)
        print(f"{summary(result)}\nsaved in {options.out}")


def asked(options: argparse.Namespace):
    """The specification: that of the file, or of the size, with what the options change. Raises InputError."""
    from nearlinear.train.yaml_specs import fields_of, read_spec, spec_of

    spec = read_spec(options.spec) if options.spec else of_size(options)
    fields = fields_of(spec)
    for name, (section, key) in PLACES.items():
        if (value := getattr(options, name)) is not None:
            fields[section][key] = value
    seeds = {"seed": options.seed, "order_seed": options.order_seed}
    return spec_of(fields | {name: seed for name, seed in seeds.items() if seed is not None})


def of_size(options: argparse.Namespace):
    """What the size says of the block, at the seed. Raises InputError for a block whose rate nobody has looked for."""
    from nearlinear.results.training_specs import size_of
    from nearlinear.train.yaml_specs import spec_of

    name, block = options.size or "laptop", options.block or "sas-p"
    size = size_of(name)
    spec_of({"architecture": {"block": block}})  # raises where there is no such block
    if options.lr is None and block not in size.chosen:
        raise InputError(f"no rate was looked for at which {block} learns at size {name}: say --lr, for instance 1e-3")
    recipe = size.recipe(size.chosen.get(block, 1e-3), size.steps)
    return size.spec(block, recipe, seed=options.seed or 0)


def _left(spec) -> str:
    """What an interrupted run has left, and what to do."""
    from nearlinear.edit.checkpoint import SECONDS
    from nearlinear.train.run import run_folder

    if (run_folder(spec) / "checkpoint.safetensors").exists():
        return "the same command goes on from the last checkpoint"
    return f"there is no checkpoint yet (one is written every {SECONDS / 60:.0f} minutes), so it will begin anew"


def first() -> bool:
    """Whether this process prints and saves: the first that torchrun has started, or the only one."""
    return os.environ.get("RANK", "0") == "0"


def own_device(name: str) -> str:
    """Under torchrun each process of a machine has a GPU of its own."""
    place = os.environ.get("LOCAL_RANK")
    if place is None or name not in ("auto", "cuda"):
        return name
    import torch

    return f"cuda:{place}" if name == "cuda" or torch.cuda.is_available() else "cpu"


@contextmanager
def bar_of_the_first() -> Iterator[None]:
    """Inside, only the first process draws a progress bar."""
    if first():
        yield
        return
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
        yield
