"""What two processes train, and one: started by torchrun from test_parallel.py, with the folder to write to."""

import os
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from nearlinear.train.batches import Batches
from nearlinear.train.loop import train
from nearlinear.train.models import fresh_model
from nearlinear.train.parallel import Processes, joined
from nearlinear.train.run import run

from .made import cache, small_texts, spec

CASES = {
    f"{block}-{task}-{precision}": spec(block, task=task, precision=precision, lr=1e-3, parts=2)
    for block, task in (("sas", "causal"), ("v-skipinit", "masked"))
    for precision in ("float32", "float64")
}
STUDY = spec("sas-p", lr=1e-3)


def curves(texts, processes: Processes, of) -> dict[str, torch.Tensor]:
    """Loss and length of the gradient at each step, and every weight at the end."""
    model = fresh_model(of, texts.vocabulary)
    model = model.double() if of.recipe.precision == "float64" else model
    masked = {"mask_id": texts.vocabulary, "mask_share": 0.25} if of.reading.task == "masked" else {}
    batches = Batches(texts.train.windows, of.recipe.batch, seed=0, **masked)
    events = list(train(model, batches, of.recipe, range(1, 21), processes=processes))
    found = {name: torch.tensor([getattr(e, name) for e in events]).double() for name in ("loss", "grad_norm")}
    return found | {name: weight.detach().clone() for name, weight in model.named_parameters()}


def answers(folder: Path) -> None:
    """Every process trains every case, and writes what it found; then a whole run, in a cache of its own."""
    torch.set_num_threads(1)
    texts = small_texts()
    with joined(torch.device("cpu")) as processes:
        for name, of in CASES.items():
            save_file(curves(texts, processes, of), folder / f"{name}.{processes.rank}")
        with cache(folder / "cache"):
            run(STUDY, device="cpu", texts=texts).save(folder / f"run.{processes.rank}.json")


if __name__ == "__main__":
    assert os.environ["WORLD_SIZE"] == "2"
    answers(Path(sys.argv[1]))
