"""Saving a trained model so that others load it: weights, tokenizer, a card, and the whole result of its training.

What was written is read again and must give the same logits, bit for bit, before the folder appears in its place.
"""

import copy
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, PreTrainedModel, PreTrainedTokenizerBase

from nearlinear.edit.export import CARD, PART, check_new
from nearlinear.errors import InputError, NearlinearError
from nearlinear.inputs.load import LoadedModel, quiet
from nearlinear.results.store import why_not_written
from nearlinear.results.training import TrainingRun, TrainSpec

from .card import card

MASK = "<mask>"
"""What stands for a hidden token in the tokenizer of a masked model."""


def check_saves(spec: TrainSpec) -> None:
    """Raise InputError for a model that no configuration describes: a variant that only a study knows."""
    if spec.architecture.variant:
        raise InputError(
            f"the variant {spec.architecture.variant!r} is for studies, and nothing could load it from a folder: "
            "leave it out"
        )


def save_trained(loaded: LoadedModel, result: TrainingRun, out: Path) -> None:
    """Save the model of a finished training; `AutoModelForCausalLM.from_pretrained(out)` gives it back.

    A masked model is for AutoModelForMaskedLM. The reader needs `import nearlinear`. Raises InputError where `out`
    exists or cannot be written, NearlinearError where the disk is full, or what was read again is not the same.
    """
    check_saves(result.spec)
    check_new(out)
    try:
        with TemporaryDirectory(prefix=PART, dir=out.parent, ignore_cleanup_errors=True) as name, quiet():
            folder = Path(name)
            loaded.model.save_pretrained(folder)
            saved_tokenizer(loaded.tokenizer, result.spec).save_pretrained(folder)
            (folder / CARD).write_text(card(result), encoding="utf-8")
            result.save(folder / TrainingRun.filename)
            _check_same(folder, loaded.model)
            _share(folder)
            folder.rename(out)
    except Exception as error:
        if (why := why_not_written(error)) is None:
            raise
        raise NearlinearError(f"{out} cannot be written ({why}): free some space") from error


def saved_tokenizer(tokenizer: PreTrainedTokenizerBase, spec: TrainSpec) -> PreTrainedTokenizerBase:
    """A copy that knows the longest window and, for a masked model, the token that hides others: its last."""
    ours = copy.deepcopy(tokenizer)
    ours.model_max_length = spec.architecture.T
    if spec.reading.task == "masked":
        ours.add_special_tokens({"mask_token": MASK})
    return ours


def _share(folder: Path) -> None:
    """Let everybody read what was written for one's own eyes, as temporary files are."""
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)


@torch.inference_mode()
def _check_same(folder: Path, model: PreTrainedModel) -> None:
    """Raise NearlinearError unless the saved model gives the logits of the one in memory, bit for bit."""
    auto = AutoModelForCausalLM if model.config.causal else AutoModelForMaskedLM
    again = auto.from_pretrained(folder, dtype=model.dtype, local_files_only=True).to(model.device).eval()
    ids = torch.arange(min(16, model.config.max_position_embeddings), device=model.device)[None]
    if not torch.equal(again(ids % model.config.vocab_size).logits, model(ids % model.config.vocab_size).logits):
        raise NearlinearError(
            "the saved model does not answer as the one in memory does, so nothing was saved: please report this"
        )
