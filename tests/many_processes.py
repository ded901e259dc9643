"""What two real processes do: started by torchrun from test_cli_many.py, with the folder to write to."""

import io
import json
import os
import signal
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from functools import partial
from pathlib import Path

import torch

from nearlinear.cli import main
from nearlinear.errors import InputError, NearlinearError
from nearlinear.measure import many_profile, many_study
from nearlinear.measure.many import Many
from nearlinear.measure.many_kept import Kept
from nearlinear.train.parallel import joined

TEXT = "".join(
    f"Line {i}: the {['cat', 'dog', 'owl'][i % 3]} saw {i * i} stars and said nothing.\n" for i in range(300)
)
SIZE = ("--model", "tiny-llama", "--context", "64", "--precision", "exact")
SCORE = ("score", *SIZE, "--tokens", "12288")
PRUNE = ("prune", *SIZE, "--tokens", "4096", "--count", "2", "--order", "greedy")
PATIENCE = 3.0


def command(what: tuple[str, ...], folder: Path) -> list[str]:
    """The arguments of `score` or `prune` that write to a folder in which there is a text."""
    out = ("--json", folder / "score.json") if what is SCORE else ("--out", folder / "pruned")
    return [*what, "--text", *map(str, (folder / "text.txt", *out))]


def said(*arguments: str) -> dict:
    """Exit code and words of a command."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as leaving:
            code = leaving.code
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def wrong(work) -> str:
    """The sentence that a piece of work ends in."""
    try:
        work()
    except NearlinearError as error:
        return str(error)
    return ""


def of_one(rank: int) -> None:
    if rank == 1:
        raise InputError("no text here")


def silent(many: Many) -> dict:
    """One process does not come where the other waits for it."""
    many.gathered("here")
    some, began = Many(timedelta(seconds=PATIENCE)), time.perf_counter()
    sentence = wrong(lambda: some.add_up(torch.ones(3))) if many.first else ""
    many.gathered("there")
    return {"sentence": sentence, "seconds": time.perf_counter() - began}


def answers(folder: Path) -> None:
    """Every process writes what it was told."""
    with joined(torch.device("cpu")):
        many = Many()
        found = {
            "score": said(*command(SCORE, folder)),
            "prune": said(*command(PRUNE, folder)),
            "refused": said("score", "--model", "nosuch"),
            "distilled": said(*command(PRUNE, folder), "--out", str(folder / "new"), "--distill-steps", "3"),
            "of one": wrong(lambda: many.together(lambda: of_one(many.rank))),
            "silent": silent(many),
        }
    (folder / f"{many.rank}.json").write_text(json.dumps(found))


def dying(folder: Path) -> int:
    """`score`, keeping what it has after every batch; the first time, one process is killed in its second pass.

    Of six batches, four of them to fit on, each process has two in the first pass and one in the second.
    """
    rank, killed, n = os.environ["RANK"], folder / "killed", 0
    real = many_profile.residual_stream

    def run(*args, **options):
        nonlocal n
        if rank == "1" and n == 2 and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        n += 1
        return real(*args, **options)

    many_profile.residual_stream, many_study.Kept = run, partial(Kept, seconds=0.0)
    code = main(command(SCORE, folder))
    (folder / f"batches-{rank}").write_text(str(n))
    return code


if __name__ == "__main__":
    assert os.environ["WORLD_SIZE"] == "2"
    torch.set_num_threads(1)
    sys.exit({"answers": answers, "dying": dying}[sys.argv[1]](Path(sys.argv[2])))
