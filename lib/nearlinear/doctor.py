"""`nearlinear doctor`: what this machine has, and what would work on it."""

import os
import platform
import shutil
import socket
from collections.abc import Iterator

from nearlinear.results import making
from nearlinear.results.data import data_root

HUB = ("huggingface.co", 443)


def report() -> str:
    """Lines of "what: how it stands", for a person and for a bug report; nothing is downloaded."""
    return "\n".join(f"{what:<12} {how}" for what, how in _findings())


def _findings() -> Iterator[tuple[str, str]]:
    yield "versions", ", ".join(f"{name} {number}" for name, number in making.versions().items())
    yield "machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    yield "device", _device()
    yield "precision", _precision()
    yield "cache", _cache()
    yield from _models()
    yield "network", _network()
    yield "results", f"{sum(f.name.endswith('.json') for f in data_root('results').iterdir())} recorded"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        gpu = torch.cuda.get_device_properties(0)
        return f"cuda: {gpu.name}, {gpu.total_memory / 2**30:.0f} GiB, compute capability {gpu.major}.{gpu.minor}"
    return f"cpu with {torch.get_num_threads()} threads (no CUDA device)"


def _precision() -> str:
    import torch

    from nearlinear.measure.precision import choose

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return f"auto is '{choose('auto', device).name}' here" + ("; turbo needs a GPU" if device == "cpu" else "")


def _cache() -> str:
    from nearlinear.inputs.cache import cache_dir

    folder = cache_dir()
    there = folder
    while not there.exists():
        there = there.parent
    writable = "writable" if os.access(there, os.W_OK) else "NOT writable: set NEARLINEAR_CACHE to a folder that is"
    return f"{folder} ({shutil.disk_usage(there).free / 2**30:.0f} GiB free, {writable})"


def _models() -> Iterator[tuple[str, str]]:
    from nearlinear.inputs.packaged import PACKAGES, is_cached

    for name in PACKAGES:
        yield (
            "model",
            f"{name}: " + ("cached, works offline" if is_cached(name) else "fetched on first use, needs a network"),
        )


def _network() -> str:
    if os.environ.get("HF_HUB_OFFLINE"):
        return "HF_HUB_OFFLINE is set: packaged and cached models only"
    try:
        socket.create_connection(HUB, timeout=2).close()
    except OSError:
        return "the model hub does not answer: packaged and cached models, folders and files work; hub ids do not"
    return "the model hub answers: any causal model by id works"
