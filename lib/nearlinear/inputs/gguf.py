"""GGUF files, as quantised models are passed around: converted once to float32 safetensors, kept in the cache."""

import io
from contextlib import redirect_stderr
from importlib.metadata import version
from pathlib import Path

from nearlinear.errors import BrokenFile, is_failure

from .cache import cache_dir, is_whole, keep_folder, scratch_folder, sha256_file

CONVERTER = "1"
"""Raised when the conversion changes, so that older copies are no longer read."""


def safetensors_copy(gguf: Path, sha256: str) -> Path:
    """A folder with the dequantised model and its tokenizer: half a minute the first time, a hash after that.

    The copy is filed under the file's sha256 and the transformers version, because either may change what comes out.
    Raises BrokenFile where the file is truncated or no GGUF at all.
    """
    target = copy_folder(sha256)
    if not is_whole(target):
        with scratch_folder(target) as scratch:
            _convert(gguf, scratch / "model")
            keep_folder(scratch / "model", target)
    return target


def copy_folder(sha256: str) -> Path:
    return cache_dir() / "models" / f"gguf-{sha256[:16]}-v{CONVERTER}-transformers-{version('transformers')}"


def _convert(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name, "local_files_only": True}
    with redirect_stderr(io.StringIO()):  # its bar has no switch, and has no place on a page of the book
        try:
            tokenizer = AutoTokenizer.from_pretrained(**where)
            model = AutoModelForCausalLM.from_pretrained(**where, **_dequantised(), dtype=torch.float32)
        except BaseException as error:  # the reader fails in as many ways as a file can be broken
            if not is_failure(error):
                raise
            raise BrokenFile(f"{gguf} cannot be read as a GGUF model, it may be truncated: fetch it again") from error
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _dequantised() -> dict[str, object]:
    """The option for plain float weights. Early transformers 5 has none, and always dequantises."""
    try:
        from transformers import GgufConfig
    except ImportError:
        return {}
    return {"quantization_config": GgufConfig(dequantize=True)}


def gguf_sha256(gguf: Path) -> str:
    """The sha256 of a GGUF file. Raises BrokenFile where it does not begin as one."""
    with gguf.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise BrokenFile(f"{gguf} is not a GGUF file: it does not begin with the letters GGUF")
    return sha256_file(gguf)
