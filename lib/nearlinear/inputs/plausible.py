"""A configuration that asks for more than its weights can be: refused before any memory is taken.

A configuration is a file of somebody else's. One with a billion blocks, or a vocabulary as large as a disk, would stop
the machine before anything could say that the weights do not fit.
"""

import torch
from safetensors import SafetensorError, safe_open
from transformers import PretrainedConfig

from nearlinear.errors import InputError

from .twin import auto_class
from .weights import Weights, weight_files

MOST_BLOCKS = 10_000
MOST_TIMES = 16
"""How many times more numbers a model may have than its files hold: some pack several into one."""


def check_plausible(config: PretrainedConfig, weights: Weights, *, trust_remote_code: bool = False) -> None:
    """Raise InputError where the model of `config` is far larger than the files of its weights."""
    place = weights.folder / "config.json"
    L = getattr(config.get_text_config(), "num_hidden_layers", 1)
    if not isinstance(L, int) or L > MOST_BLOCKS:
        raise InputError(f"{place} asks for {L!r} blocks, and {MOST_BLOCKS:,} is the most: it cannot be right")
    there = _numbers_in_files(weights)
    try:
        with torch.device("meta"):
            model = auto_class(config).from_config(config, trust_remote_code=trust_remote_code)
    except Exception as error:  # each architecture stumbles in its own way over a size that cannot be
        raise InputError(f"transformers can make no model of {place}: {first_line(error)}") from error
    asked = sum(parameter.numel() for parameter in model.parameters())
    if there is not None and asked > MOST_TIMES * there:
        raise InputError(f"{place} asks for {asked:,} numbers, and its weights hold {there:,}: one of them is wrong")


def _numbers_in_files(weights: Weights) -> int | None:
    """How many numbers the weight files say that they hold; None where they cannot be read, which loading will say."""
    total = 0
    try:
        for file in weight_files(weights.folder):
            with safe_open(file, framework="pt") as opened:
                shapes = (opened.get_slice(name).get_shape() for name in opened.keys())  # noqa: SIM118
                total += sum(torch.Size(shape).numel() for shape in shapes)
    except (SafetensorError, OSError, RuntimeError):
        return None
    return total


def first_line(error: Exception) -> str:
    """What an error says, without what a terminal would obey: the words may be those of somebody else's file."""
    line = str(error).strip().split("\n")[0].rstrip(".")
    return "".join(letter if letter.isprintable() else "�" for letter in line)
