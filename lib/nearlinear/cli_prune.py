"""`nearlinear prune …`: a pruned model in a folder, for others to load."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nearlinear.cli_many import many_on, one_voice, several
from nearlinear.cli_train import first
from nearlinear.errors import InputError

if TYPE_CHECKING:
    from nearlinear.edit.prune import Pruned


def add_prune(commands) -> None:
    """Add the command to the parser of `nearlinear.cli`."""
    from nearlinear.cli import positive  # which imports this file

    prune = commands.add_parser(
        "prune", help="remove or replace blocks of a model, and save what is left", allow_abbrev=False
    )
    prune.set_defaults(run=_prune, parser=prune)
    add = prune.add_argument
    add("--model", default="smollm2-135m", help="smollm2-135m, a folder, or a Hugging Face id[@revision]")
    add("--layers", type=numbers, default=(), metavar="7,12,20", help="the blocks to change, counted from 0")
    add("--count", type=positive, metavar="K", help="how many blocks to change, chosen by --order")
    add("--order", help="score, heldout, energy, bi, angular, greedy, last or random (default: greedy)")
    add("--how", choices=["replace", "remove"], default="replace", help="by affine maps, or not (default: replace)")
    add("--distill-steps", type=int, default=0, metavar="N", help="distil so many steps of 1,024 tokens (default: 0)")
    add("--text", default="wikipedia-sample", help="a text file, a packaged corpus, or hf:dataset[:config[:split]]")
    add("--tokens", type=positive, default=16384, metavar="N", help="to fit on; a quarter as many each to choose and "
        "evaluate on (default: %(default)s)")  # fmt: skip
    add("--context", type=positive, default=512, help="tokens a window (default: %(default)s)")
    add("--precision", choices=["auto", "exact", "fast", "turbo"], default="auto", help="of the fit (default: auto)")
    add("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    add("--dtype", choices=["float32", "bfloat16", "float16"], default="float32", help="of the model's weights")
    add("--seed", type=int, default=0, help="of splits, random order, distillation and bootstrap (default: 0)")
    add("--plain", action="store_true", help="save a shorter model that needs no nearlinear (with --how remove)")
    add("--out", type=Path, required=True, metavar="DIR", help="the folder to write; it must not exist")


def numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of blocks: write it like 7,12,20") from error


def _prune(options: argparse.Namespace) -> None:
    with one_voice():
        _check(options)
        if several():
            _prune_by_many(options)
        else:
            _prune_alone(options)


def _prune_alone(options: argparse.Namespace) -> None:
    from nearlinear.edit.export import check_new
    from nearlinear.edit.prune import PruneSpec, prune

    check_new(options.out)
    checkpoint = options.out.with_name(f"{options.out.name}.distil.safetensors")
    pruned = prune(_spec(options, PruneSpec), device=options.device, checkpoint=checkpoint)
    _save(pruned, options)
    checkpoint.unlink(missing_ok=True)
    _say(pruned, options)


def _prune_by_many(options: argparse.Namespace) -> None:
    """The same by all processes that torchrun has started; the first alone saves and speaks."""
    from nearlinear.edit.export import check_new
    from nearlinear.edit.many_prune import prune_many
    from nearlinear.edit.prune import PruneSpec

    if first():
        check_new(options.out)
    with many_on(options.device) as (many, device):
        pruned = prune_many(_spec(options, PruneSpec), many, device=device)
    if first():
        _save(pruned, options, processes=many.n)
        _say(pruned, options)


def _save(pruned: "Pruned", options: argparse.Namespace, **more: object) -> None:
    """Write the folder; `more` goes into the record that the configuration keeps."""
    from nearlinear.edit.card import card, record
    from nearlinear.edit.export import save_plain, save_pruned

    written = {"card": card(pruned, plain=options.plain), "record": record(pruned) | more}
    if options.plain:
        save_plain(pruned.loaded, options.out, remove=pruned.layers, **written)
    else:
        save_pruned(pruned.loaded, options.out, remove=pruned.removed, replace=pruned.maps, **written)


def _say(pruned: "Pruned", options: argparse.Namespace) -> None:
    from nearlinear.edit.card import summary
    from nearlinear.inputs.windows import n_tokens
    from nearlinear.measure.linearity import unreliable

    print(f"{summary(pruned)}\nsaved in {options.out}")
    if pruned.fits and (reason := unreliable(n_tokens(pruned.texts.fit), pruned.loaded.source.d)):
        print(f"nearlinear: not reliable: {reason}.", file=sys.stderr)


def _check(options: argparse.Namespace) -> None:
    """Raise InputError for options that do not go together, before anything is loaded."""
    if options.layers and (options.count or options.order):
        raise InputError("--layers names the blocks already: leave --count and --order out")
    if not options.layers and not options.count:
        raise InputError("say which blocks to change: --layers 7,12,20, or --count 5 and an --order")
    if options.plain and options.how == "replace":
        raise InputError("--plain needs --how remove: a model of the family itself has no place for a map")
    if options.distill_steps < 0:
        raise InputError(f"{options.distill_steps} steps cannot be distilled: give 0 or more")


def _spec(options: argparse.Namespace, kind):
    return kind(
        model=options.model,
        corpus=options.text,
        how=options.how,
        layers=options.layers,
        count=options.count or 0,
        order=options.order or "greedy",
        distil_steps=options.distill_steps,
        tokens=options.tokens,
        context=options.context,
        precision=options.precision,
        dtype=options.dtype,
        seed=options.seed,
    )
