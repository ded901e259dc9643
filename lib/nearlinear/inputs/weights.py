"""A model on disk: its folder, its name, and a hash of its weights."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from nearlinear.errors import BrokenFile, InputError

from .cache import sha256_file

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"


@dataclass(frozen=True)
class Weights:
    """A model on disk, in the form transformers reads, and what to call it."""

    folder: Path
    id: str
    sha256: str
    revision: str = ""
    note: str = ""


def folder_weights(folder: Path, id: str, revision: str = "") -> Weights:
    """The model in a folder. Raises InputError where there is none, BrokenFile where a part is missing."""
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder} is no model: it has no config.json")
    return Weights(folder=folder, id=id, sha256=weights_sha256(folder), revision=revision)


def weights_sha256(folder: Path) -> str:
    """The sha256 of the weight file; of several, that of their sha256s in order of name."""
    files = weight_files(folder)
    if len(files) == 1:
        return sha256_file(files[0])
    return hashlib.sha256("".join(sha256_file(file) for file in files).encode()).hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that transformers will read; pickled weights (.bin) are refused, they can run code."""
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    if not (folder / INDEX).is_file():
        raise InputError(f"{folder} has no safetensors weights, and pickled ones are not read: save them as {SINGLE}")
    files = [folder / name for name in sorted(set(_index(folder / INDEX)))]
    if missing := [file.name for file in files if not file.is_file()]:
        raise BrokenFile(f"{folder} is incomplete: {INDEX} names {missing[0]}, which is not there")
    return files


def _index(path: Path) -> list[str]:
    """The names in an index of weight files. Raises BrokenFile for one that is none, or that points elsewhere."""
    try:
        names = [Path(name) for name in json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BrokenFile(f"{path} is no index of weight files: fetch it again") from error
    if outside := [name for name in names if name.name != str(name) or name.suffix != ".safetensors"]:
        raise BrokenFile(f"{path} names {str(outside[0])!r}, which is no safetensors file beside it: do not trust it")
    return list(map(str, names))
