"""Saving a pruned model so that others load it: with nearlinear or, where blocks were only dropped, without.

What was written is read again and must give the same logits, bit for bit, before the folder appears in its place.
"""

import copy
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from nearlinear.errors import InputError, NearlinearError, UnsupportedModel
from nearlinear.inputs.load import LoadedModel, quiet
from nearlinear.inputs.models import blocks, blocks_path, unembed
from nearlinear.results.store import why_not_written

from .edits import Runs, check_layers, check_runs, removed, replaced
from .pruned_config import PrunedConfig
from .pruned_model import PrunedForCausalLM

CARD, PART = "README.md", ".part-"


def save_pruned(
    loaded: LoadedModel,
    out: Path,
    *,
    remove: Iterable[int] = (),
    replace: Runs | None = None,
    card: str = "",
    record: Mapping[str, object] | None = None,
) -> None:
    """Save the model with blocks removed and replaced; `AutoModelForCausalLM.from_pretrained(out)` gives it back.

    The reader needs `import nearlinear`. `record`: goes into the configuration as `nearlinear`, for whoever asks how it
    was made. Raises InputError where `out` exists or cannot be written, and as `removed` and `replaced` do;
    UnsupportedModel as `check_decodes`, `check_cache` and `check_numbers` do.
    """
    remove, maps = tuple(remove), dict(replace or {})
    runs = check_runs(maps, len(blocks(loaded.model)))
    changed = check_layers([*remove, *(layer for run in runs for layer in run)], len(blocks(loaded.model)))
    check_decodes(loaded)
    check_cache(loaded.model.config, changed, plain_too=not runs)
    config = PrunedConfig(
        base_config=copy.deepcopy(loaded.model.config),
        removed=sorted(remove),
        replaced=sorted((run.start, run.stop) for run in runs),
        nearlinear=dict(record or {}),
    )
    own = numbers(loaded.model)
    with replaced(loaded.model, maps), removed(loaded.model, remove):
        check_numbers(loaded.model, own)
        _save(PrunedForCausalLM.around(loaded.model, config), None, loaded, out, card)


def save_plain(
    loaded: LoadedModel,
    out: Path,
    *,
    remove: Iterable[int],
    card: str = "",
    record: Mapping[str, object] | None = None,
) -> None:
    """Save the model without some blocks, as a shorter model of its own family: the reader needs no nearlinear.

    Raises as `save_pruned` does, and UnsupportedModel where a shorter model of the family is not the same one.
    """
    remove = check_layers(remove, len(blocks(loaded.model)))
    check_decodes(loaded)
    kept = [layer for layer in range(len(blocks(loaded.model))) if layer not in remove]
    config = shortened(loaded.model.config, kept)
    config.nearlinear = dict(record or {})
    with torch.device("meta"):
        shorter = type(loaded.model)(config)
    shorter.generation_config = loaded.model.generation_config
    weights = renumbered(loaded.model.state_dict(), blocks_path(loaded.model), kept)
    check_whole(shorter, weights)
    own = numbers(loaded.model)
    with removed(loaded.model, remove):
        check_numbers(loaded.model, own)
        _save(shorter, weights, loaded, out, card)


def check_new(out: Path) -> None:
    """Raise InputError where `out` exists or cannot be written: asked before hours of work, not after."""
    with _scratch(out):
        pass


def check_decodes(loaded: LoadedModel) -> None:
    """Raise UnsupportedModel for a model that predicts no next token."""
    if unembed(loaded.model) is None:
        raise UnsupportedModel(f"{loaded.source.id} predicts no next token: choose a decoder to prune")


def check_cache(config: PretrainedConfig, changed: Collection[int], *, plain_too: bool = False) -> None:
    """Raise UnsupportedModel where blocks mix kinds of attention and all of block 0's kind are changed.

    The key-value cache counts its tokens in its first layer, which only a block of that kind fills: whoever reads on
    from a cache, without saying at which position, would read on from the start. `plain_too`: a shorter model, whose
    cache is shorter too, would do.
    """
    kinds = getattr(config.get_text_config(), "layer_types", None) or []
    like_first = [layer for layer, kind in enumerate(kinds) if kind == kinds[0]]
    if like_first and set(like_first) <= set(changed):
        which = f"one of blocks {', '.join(map(str, like_first))}" if len(like_first) > 1 else "block 0"
        raise UnsupportedModel(
            f"the key-value cache counts its tokens in a {kinds[0]} block, and none would be left: leave {which} as it "
            f"is{', or save with --plain' if plain_too else ''}"
        )


def numbers(model: nn.Module) -> dict[nn.Module, int]:
    """The parts of all blocks that have a number, each with its own."""
    parts = (part for block in blocks(model) for part in block.modules())
    return {part: part.layer_idx for part in parts if isinstance(getattr(part, "layer_idx", None), int)}


@torch.inference_mode()
def check_numbers(model: PreTrainedModel, own: Mapping[nn.Module, int]) -> None:
    """Raise UnsupportedModel where an edited model answers otherwise once its blocks have their `own` numbers again.

    An edit numbers the blocks that are left anew, for the cache. There is none here, so the numbers should not matter;
    but GPT-2 can scale its attention by them, which some versions of transformers look up at every step.
    """
    ids, left = _some_ids(model), numbers(model)
    logits = model(ids, use_cache=False).logits
    try:
        _set_numbers({part: own[part] for part in left})
        same = torch.equal(model(ids, use_cache=False).logits, logits)
    finally:
        _set_numbers(left)
    if not same:
        raise UnsupportedModel(
            f"the blocks of this {type(model).__name__} compute by their own number, which changes when blocks before "
            "them go: nothing was saved; change only its last blocks, or take another model"
        )


def _set_numbers(numbers: Mapping[nn.Module, int]) -> None:
    for part, number in numbers.items():
        part.layer_idx = number


def _some_ids(model: PreTrainedModel) -> Tensor:
    """Sixteen tokens (1, 16) to try a model with."""
    return torch.arange(16, device=model.device)[None] % model.config.get_text_config().vocab_size


def _save(model: PreTrainedModel, weights: dict[str, Tensor] | None, loaded: LoadedModel, out: Path, card: str) -> None:
    """Write a model beside `out`, compare it with the one in memory, and move it there."""
    with _scratch(out) as folder, quiet():
        model.save_pretrained(folder, state_dict=weights)
        loaded.tokenizer.save_pretrained(folder)
        (folder / CARD).write_text(card, encoding="utf-8")
        _check_same(folder, loaded.model)
        _share(folder)
        folder.rename(out)


def _share(folder: Path) -> None:
    """Let everybody read what was written for one's own eyes, as temporary files are."""
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)


@contextmanager
def _scratch(out: Path) -> Iterator[Path]:
    """An empty folder beside `out`, gone at the end unless it was moved."""
    if out.exists() or out.is_symlink():
        raise InputError(f"{out} is there already: choose another folder, or remove it first")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{PART}{out.name}-", dir=out.parent))
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror}): choose a folder that can") from error
    try:
        yield folder
    except Exception as error:
        if (why := why_not_written(error)) is None:
            raise
        raise NearlinearError(f"{out} cannot be written ({why}): free some space") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@torch.inference_mode()
def _check_same(folder: Path, model: PreTrainedModel) -> None:
    """Raise UnsupportedModel unless the saved model gives the logits of the one in memory, bit for bit."""
    again = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=model.dtype,
        attn_implementation=model.config.get_text_config()._attn_implementation,
        local_files_only=True,
    )
    ids = _some_ids(model)
    if not torch.equal(again.to(model.device).eval()(ids).logits, model(ids).logits):
        raise UnsupportedModel(
            f"a {type(again).__name__} with these blocks changed does not answer as the model in memory does: "
            "nothing was saved, because its family ties something to a block's place"
        )


def shortened(config: PretrainedConfig, kept: list[int]) -> PretrainedConfig:
    """The configuration of a model of the kept blocks alone: their number, and every list with an entry a block.

    Raises UnsupportedModel for a configuration of several parts, and for blocks that compute by their number.
    """
    if getattr(config, "scale_attn_by_inverse_layer_idx", False) and kept != list(range(len(kept))):
        raise UnsupportedModel(
            f"this {config.model_type} scales the attention of each block by the block's number, which would change: "
            "drop only its last blocks, or save it without --plain"
        )
    if config.get_text_config() is not config:
        raise UnsupportedModel(f"a {config.model_type} has parts besides its blocks: save it without dropping any")
    fields, L = config.to_dict(), config.num_hidden_layers
    for name, value in fields.items():
        if "layer" in name and isinstance(value, list | tuple) and len(value) == L:
            fields[name] = [value[layer] for layer in kept]
    fields[config.attribute_map.get("num_hidden_layers", "num_hidden_layers")] = len(kept)
    return type(config)(**fields)


def check_whole(shorter: PreTrainedModel, weights: Mapping[str, Tensor]) -> None:
    """Raise UnsupportedModel where a shorter model wants weights that no kept block has: of a first block, say."""
    if absent := [name for name in shorter.state_dict() if name not in weights]:
        raise UnsupportedModel(
            f"the first block of a {type(shorter).__name__} has {absent[0]}, and the one that would be first has not: "
            "leave block 0 as it is, or save without --plain"
        )


def renumbered(weights: Mapping[str, Tensor], path: str, kept: list[int]) -> dict[str, Tensor]:
    """The weights of the kept blocks, under the names that they have in the shorter model, with all other weights."""
    place = {layer: i for i, layer in enumerate(kept)}
    found = {}
    for name, weight in weights.items():
        match = re.fullmatch(rf"{re.escape(path)}\.(\d+)\.(.+)", name)
        if match is None:
            found[name] = weight
        elif int(match[1]) in place:
            found[f"{path}.{place[int(match[1])]}.{match[2]}"] = weight
    return found
