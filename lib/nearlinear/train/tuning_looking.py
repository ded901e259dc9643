"""A look at a model that is being finetuned: held-out linearity of every block, as a whole and document by document."""

import math

import numpy as np

from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.windows import WindowSet
from nearlinear.measure.profile import HeldOutPart, profile
from nearlinear.results.store import results_cache, write_atomic
from nearlinear.results.tuning_looks import DocumentSums, TuningLook
from nearlinear.study import windows_sha256

from .drift_looking import evaluating, halves, in_sample, later, norm_ratio
from .tuning_lessons import Marks


def look_at(loaded: LoadedModel, step: int, windows: WindowSet, marks: Marks, *, precision: str) -> TuningLook:
    """What stands of a model after `step` steps. `marks`: how it answered what it learns."""
    with evaluating(loaded.model):
        measured = profile(loaded, windows, precision=precision)
    held = measured.held_out
    return TuningLook(
        step=step,
        loss=math.log(measured.perplexity),
        every_token=halves(held.errors),
        no_first_token=halves(later(held)),
        in_sample=in_sample(measured.scores),
        norm_ratio=measured.norm_ratio,
        norm_ratio_no_first=norm_ratio(held.raw[:, :, held.tokens.position > 0]),
        cosine=measured.cosine,
        documents=document_sums(held, windows),
        accuracy=marks.accuracy,
        task_loss=marks.loss,
    )


def document_sums(held: HeldOutPart, windows: WindowSet) -> DocumentSums:
    """Means over the tokens of each held-out document (of each window, where there is one document)."""
    errors, of = later(held), getattr(held.tokens, windows.group)[held.tokens.position > 0]
    _, index = np.unique(of, return_inverse=True)
    counts = np.bincount(index)
    means = {
        name: tuple(tuple(np.bincount(index, weights=row) / counts) for row in getattr(errors, name))
        for name in DocumentSums.model_fields
        if name != "tokens"
    }
    return DocumentSums(tokens=tuple(counts.tolist()), **means)


def before(loaded: LoadedModel, windows: WindowSet, *, precision: str, code: str) -> TuningLook:
    """The look before the first step: kept in the user's cache, because all runs of a model share it.

    `code`: the hash of the code that looks.
    """
    device = next(loaded.model.parameters()).device.type
    name = f"{loaded.source.sha256[:24]}-{windows_sha256(windows)[:24]}-{precision}-{device}.before.json"
    path = results_cache() / code[:16] / name
    if path.exists():
        return TuningLook.model_validate_json(path.read_text(encoding="utf-8"))
    found = look_at(loaded, 0, windows, Marks(), precision=precision)
    write_atomic(path, found.to_json())
    return found
