"""One door for every model: packaged, tiny, in a folder, a GGUF file, or on the Hugging Face hub."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from nearlinear.errors import BrokenFile, InputError, OutOfMemory, UnsupportedModel, is_failure
from nearlinear.results.provenance import ModelSource

from .gguf import gguf_sha256, safetensors_copy
from .hub import hub_weights, is_hub_id
from .models import blocks
from .packaged import PACKAGES, packaged
from .plausible import check_plausible, first_line
from .tiny import FAMILIES, byte_tokenizer, tiny_config
from .twin import auto_class, random_model, state_sha256
from .weights import Weights, folder_weights

DTYPES = {name: getattr(torch, name) for name in ("float32", "float64", "bfloat16", "float16")}

TINY_SEED = 20240
"""The weights of "tiny-...": not 0, so that its random twins differ from it."""

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "tokenizer_config.json",
)

NO_LIMIT = 1 << 30
"""The context of a model without position embeddings that end (ALiBi, for one)."""


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to be measured; `context` is the most tokens it takes in one window."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    source: ModelSource
    context: int


def load_model(
    name: str,
    *,
    device: str | torch.device = "cpu",
    dtype: str = "float32",
    random_seed: int | None = None,
    trust_remote_code: bool = False,
) -> LoadedModel:
    """A model with its tokenizer by name, in eval mode, on `device`.

    Names: "smollm2-135m", "minilm" (packaged), "tiny-<family>" (random, for tests), a folder, a .gguf file, or a hub
    id "org/name[@revision]". With a `random_seed`, its random twin: the same architecture, freshly initialised.
    Raises InputError (unknown name, no model there, device or dtype), UnsupportedModel, BrokenFile, NoNetwork,
    OutOfMemory.
    """
    device, torch_dtype = torch_device(device), _dtype(dtype)
    if name.startswith("tiny-"):
        return _tiny(name, device, torch_dtype, random_seed)
    weights = find(name, trust_remote_code=trust_remote_code)
    with quiet():
        config = _config(weights, trust_remote_code)
        check_plausible(config, weights, trust_remote_code=trust_remote_code)
        tokenizer = _tokenizer(weights, trust_remote_code)
        if random_seed is None:
            model = _pretrained(weights, config, torch_dtype, trust_remote_code)
        else:
            model = random_model(config, random_seed, dtype=torch_dtype, trust_remote_code=trust_remote_code)
            weights = twin_of(weights, model, random_seed)
    return _loaded(_moved(model, device), tokenizer, weights)


def find(name: str, *, trust_remote_code: bool = False) -> Weights:
    """Where a model's files are, fetching or converting them if need be. Raises InputError, NoNetwork, BrokenFile."""
    path = Path(name).expanduser()
    if name in PACKAGES:
        return packaged(name)
    if path.is_dir():
        return folder_weights(path, id=path.resolve().name)
    if path.is_file():
        sha256 = gguf_sha256(path)
        return Weights(safetensors_copy(path, sha256), id=path.name, sha256=sha256, note="from GGUF, dequantised")
    if is_hub_id(name):
        return hub_weights(name, trust_remote_code=trust_remote_code)
    known = ", ".join([*PACKAGES, *(f"tiny-{family}" for family in FAMILIES)])
    raise InputError(f"no model {name!r}: give one of {known}, a folder, a .gguf file, or a hub id like org/name")


def torch_device(name: str | torch.device) -> torch.device:
    """The device by name; "auto" is CUDA where there is one, else the CPU. Raises InputError where it is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"no device {name!r}: choose auto, cpu, cuda or mps") from error
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (device.index or 0) >= there.get(device.type, 0):
        raise InputError(f"device {str(device)!r} is not there on this machine: choose cpu or auto")
    return device


def twin_of(weights: Weights, model: PreTrainedModel, seed: int) -> Weights:
    return Weights(
        weights.folder,
        f"{weights.id}#random-{seed}",
        state_sha256(model),
        weights.revision,
        f"random weights, seed {seed}",
    )


def _dtype(name: str) -> torch.dtype:
    if name not in DTYPES:
        raise InputError(f"no dtype {name!r}: choose one of {', '.join(DTYPES)}")
    return DTYPES[name]


def _tiny(name: str, device: torch.device, dtype: torch.dtype, random_seed: int | None) -> LoadedModel:
    config = tiny_config(name.removeprefix("tiny-"))
    seed = TINY_SEED if random_seed is None else random_seed
    model = random_model(config, seed, dtype=dtype)
    id = name if random_seed is None else f"{name}#random-{random_seed}"
    weights = Weights(Path(), id, state_sha256(model), note=f"random weights, seed {seed}")
    return _loaded(model.to(device), byte_tokenizer(), weights)


def _config(weights: Weights, trust_remote_code: bool) -> PretrainedConfig:
    try:
        config = AutoConfig.from_pretrained(weights.folder, local_files_only=True, trust_remote_code=trust_remote_code)
    except Exception as error:  # a wrong value is found out by whatever part of transformers meets it first
        raise InputError(f"transformers cannot read {weights.folder / 'config.json'}: {first_line(error)}") from error
    if config.is_encoder_decoder:
        raise UnsupportedModel(f"{weights.id} is an encoder-decoder ({config.model_type}): it has two stacks, not one")
    return config


def _tokenizer(weights: Weights, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    # transformers 5.0 makes up an empty tokenizer where there are no files; later versions raise
    if not any((weights.folder / name).exists() for name in TOKENIZER_FILES):
        raise InputError(f"{weights.folder} has no tokenizer that transformers can read")
    try:
        return AutoTokenizer.from_pretrained(weights.folder, local_files_only=True, trust_remote_code=trust_remote_code)
    except BaseException as error:  # every family of tokenizer misses its files in its own way
        if not is_failure(error):
            raise
        raise InputError(f"{weights.folder} has no tokenizer that transformers can read") from error


def _pretrained(
    weights: Weights, config: PretrainedConfig, dtype: torch.dtype, trust_remote_code: bool
) -> PreTrainedModel:
    try:
        model, report = auto_class(config).from_pretrained(
            weights.folder,
            config=config,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=trust_remote_code,
            output_loading_info=True,
        )
    except SafetensorError as error:
        raise BrokenFile(
            f"the weights in {weights.folder} are truncated or altered: delete that folder and fetch it again"
        ) from error
    except Exception as error:  # sizes that do not fit, or a file that is no JSON: each is met somewhere else
        raise InputError(f"the weights in {weights.folder} do not fit its config.json") from error
    if absent := [name for name in sorted(report["missing_keys"]) if "pooler" not in name]:
        raise InputError(f"the weights in {weights.folder} lack {absent[0]}: transformers would fill it with noise")
    return model


def _moved(model: PreTrainedModel, device: torch.device) -> PreTrainedModel:
    try:
        return model.to(device)
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(
            f"the memory of {device} does not hold the weights: take --dtype bfloat16, --device cpu or a smaller model"
        ) from error


def _loaded(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, weights: Weights) -> LoadedModel:
    """Raises UnsupportedModel where there is no list of blocks."""
    config = model.config.get_text_config()
    source = ModelSource(
        id=weights.id,
        revision=weights.revision,
        sha256=weights.sha256,
        architecture=type(model).__name__,
        n_parameters=sum(parameter.numel() for parameter in model.parameters()),
        L=len(blocks(model)),
        d=config.hidden_size,
        note=weights.note,
    )
    return LoadedModel(model=model, tokenizer=tokenizer, source=source, context=context_of(config))


def context_of(config: PretrainedConfig) -> int:
    """The most tokens the model takes at once, by its configuration. (RoBERTa's table starts after its padding row.)"""
    length = getattr(config, "max_position_embeddings", None) or getattr(config, "seq_length", None) or NO_LIMIT
    return length - config.pad_token_id - 1 if "roberta" in config.model_type else length


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, transformers draws no bars: reading weights takes a second, and the caller has a bar of its own."""
    drawn = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            transformers_logging.enable_progress_bar()
