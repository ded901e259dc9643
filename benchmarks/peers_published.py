"""The published pruners ReplaceMe, PruneMe and ShortGPT at work on our model and windows, in a process of their own.

    python peers_published.py NAME CHECKOUT FOLDER K THREADS      one line of JSON comes back, the last one

FOLDER holds `model/` and `windows.npy` (n, T); what they write goes there too. Their files are not touched. What is put
in their way from outside, because none runs as it is without CUDA and the Hugging Face hub:

- texts: where they load a data set and a tokenizer they get our windows of tokens, all of one length, none padded
- device: where they say "cuda" they get the CPU, unless there is CUDA
- precision: float32, where PruneMe quantises the model to 4 bits and ShortGPT computes in float16
- colours, and the packages that only evaluate or serve the cosine variant, are empty stand-ins: no number comes of them
"""

import csv
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import datasets
import numpy as np
import torch
import transformers
from torch.overrides import TorchFunctionMode

BATCH = 8
NOT_NEEDED = ("colorama", "lm_eval", "termcolor", "torchmin")


class OnThisMachine(TorchFunctionMode):
    """Inside, a tensor that is wanted on "cuda" is on the CPU where there is no CUDA."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        return function(*map(self.here, args), **{name: self.here(value) for name, value in (kwargs or {}).items()})

    def here(self, value: object) -> object:
        there_is_none = isinstance(value, str) and value == "cuda" and not torch.cuda.is_available()
        return "cpu" if there_is_none else value


class Tokens:
    """What stands for their tokenizer: the "texts" of a batch are tokens already."""

    pad_token = eos_token = "never used"

    @classmethod
    def from_pretrained(cls, *_args, **_kwargs) -> "Tokens":
        return cls()

    def __call__(self, batch: torch.Tensor, **_kwargs) -> transformers.BatchEncoding:
        return transformers.BatchEncoding({"input_ids": batch, "attention_mask": torch.ones_like(batch)})

    def save_pretrained(self, *_args, **_kwargs) -> None:
        pass


def in_their_way(windows: torch.Tensor) -> None:
    """To be called before their modules are imported."""
    datasets.load_dataset = lambda *_args, **_kwargs: {"text": list(windows)}
    transformers.AutoTokenizer = Tokens
    transformers.BitsAndBytesConfig = lambda **_kwargs: None
    sys.modules.update({name: MagicMock() for name in NOT_NEEDED})


def settings(windows: torch.Tensor, k: int) -> dict[str, object]:
    """What both call their arguments. A batch that would not be full they leave out, so every batch is."""
    n, T = windows.shape
    batch = next(size for size in range(BATCH, 0, -1) if n % size == 0)
    sizes = {"batch_size": batch, "max_length": T, "layers_to_skip": k}
    return {"model_path": "model", "dataset": "wikitext", "dataset_column": "text", **sizes}


def replaceme(windows: torch.Tensor, k: int) -> dict[str, object]:
    """Its run of k blocks by its distances, and the model that it saves with its least squares map."""
    from ReplaceMe import distance, lstsq, utils

    arguments = settings(windows, k)
    with OnThisMachine():
        distance.profile_distances(**arguments)
        saved = lstsq.lstsq(**arguments, save_path=f"pruned-{k}", distances_path="distances.pth")
    ((start, stop),) = utils.select_non_overlapping_blocks(torch.load("distances.pth"), k, 1, True)
    return {"run": [start, stop], "saved": saved}


def pruneme(windows: torch.Tensor, k: int) -> dict[str, object]:
    """Its run of k blocks: block_start to block_end are the ends of what its recipe for mergekit leaves out."""
    import layer_similarity

    layer_similarity.main(**settings(windows, k))
    with open("layer_distances.csv", newline="") as file:
        best = min(csv.DictReader(file), key=lambda row: float(row["average_distance"]))
    return {"run": [int(best["block_start"]), int(best["block_end"])]}


def shortgpt(windows: torch.Tensor, _k: int) -> dict[str, object]:
    """Its order of all blocks, one batch of windows after another, as its script has it."""
    from shortgpt import ShortGPT

    peer = ShortGPT("model", layers_path="model.layers")
    peer.model.float()
    with OnThisMachine():
        for window in windows.split(1):
            peer.eval_importance(window, stride=windows.shape[1])
    return {"order": sorted(range(len(peer.importances)), key=peer.importances.__getitem__)}


PEERS = {
    "replaceme": SimpleNamespace(work=replaceme, inside="."),
    "pruneme": SimpleNamespace(work=pruneme, inside="compute_block_similarity"),
    "shortgpt": SimpleNamespace(work=shortgpt, inside="shortgpt"),
}


def main() -> None:
    name, checkout, folder, k, threads = sys.argv[1:]
    peer = PEERS[name]
    sys.path.insert(0, str(Path(checkout).resolve() / peer.inside))
    os.chdir(folder)
    torch.set_num_threads(int(threads))
    windows = torch.from_numpy(np.load("windows.npy"))
    in_their_way(windows)
    print("\n" + json.dumps(peer.work(windows, int(k))), flush=True)


if __name__ == "__main__":
    main()
