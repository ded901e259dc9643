"""Orders that look again: after each change the model that is left is measured anew, and the next block chosen by that.

The paper (arXiv 2405.12250, section 5) does not say whether it scored its model once or again after each removal, so
both are here: `orders` go by one measurement of the dense model, this file by one for every step.
"""

from collections.abc import Collection

import numpy as np
from torch import nn

from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.models import blocks
from nearlinear.inputs.windows import WindowSet, n_tokens
from nearlinear.measure.profile import profile
from nearlinear.progress import track
from nearlinear.results.provenance import CorpusSource, Provenance
from nearlinear.results.types import LinearityProfile
from nearlinear.study import check_enough, results_of, windows_sha256

from .edits import blocks_as_tuple, with_standins
from .fitting import affine
from .one_block import one_block_moments
from .orders import Measure, Plan, check_count, least_first, nested
from .standins import AffineBlock, PassThrough

HOWS = ("remove", "replace")


def rescored(
    loaded: LoadedModel,
    windows: WindowSet,
    measure: Measure,
    k: int,
    *,
    how: str,
    precision: str = "auto",
    name: str = "rescored",
) -> Plan:
    """k steps, each by `measure` (one of `orders.MEASURES`) of the model as the steps before have left it.

    `how`: "remove", or "replace" by the affine map fitted on `windows.fit` in that same model. A block that stands in
    for another is perfectly linear and does nothing, or nothing but its map: it is measured, and never chosen again.
    Takes k passes over the text, 2k to replace. Raises InputError for k not in 1 … L-1, another `how`, and as the
    measure does; NotEnoughTokens where no score can exist.
    """
    check_count(k, len(blocks(loaded.model)))
    if how not in HOWS:
        raise InputError(f"a block cannot be changed by {how!r}: choose {' or '.join(HOWS)}")
    check_enough(windows, loaded)
    changed: dict[int, nn.Module] = {}
    for _ in track(range(k), name, k, unit=" blocks"):
        with with_standins(loaded.model, changed):
            layer = next_block(measure(profile_now(loaded, windows, precision=precision)), changed)
            standin = _standin(loaded, windows, layer, how, precision)
        changed[layer] = standin
    return nested(name, tuple(changed))


def profile_now(loaded: LoadedModel, windows: WindowSet, *, precision: str = "auto") -> LinearityProfile:
    """The profile of a model as it stands, stand-ins and all. A block that passes the state on has no update score."""
    measured = profile(loaded, windows, precision=precision, perplexity=False)
    with np.errstate(divide="ignore", invalid="ignore"):  # nothing explained of an update that is nothing: 0 / 0
        return results_of(measured, windows, loaded, _made(loaded, windows, measured.precision), seed=0)[0]


def next_block(values: np.ndarray, changed: Collection[int]) -> int:
    """The block with the least of `values` (L,) among those not changed yet, the shallowest of equals.

    Raises InputError for a block that has no value.
    """
    values = np.array(values, dtype=float)
    values[list(changed)] = np.inf
    return least_first(values, 1)[0]


def _standin(loaded: LoadedModel, windows: WindowSet, layer: int, how: str, precision: str) -> nn.Module:
    as_tuple = blocks_as_tuple(loaded.model)
    if how == "remove":
        return PassThrough(as_tuple)
    m = affine(one_block_moments(loaded, windows.fit, layer, precision=precision))
    weight = next(blocks(loaded.model)[layer].parameters())
    return AffineBlock.of(m, as_tuple=as_tuple, dtype=weight.dtype, device=weight.device)


def _made(loaded: LoadedModel, windows: WindowSet, precision: str) -> Provenance:
    """For a measurement on the way, which nobody keeps: what went in, and no more."""
    every, weight, sha256 = windows.fit + windows.test, next(loaded.model.parameters()), windows_sha256(windows)
    return Provenance(
        model=loaded.source,
        corpus=CorpusSource(id="windows", sha256=sha256, n_documents=len({window.document for window in every})),
        n_tokens=n_tokens(every),
        n_windows=len(every),
        windows_sha256=sha256,
        seed=0,
        device=str(weight.device),
        dtype=str(weight.dtype).removeprefix("torch."),
        precision=precision,
        versions={},
        seconds=0,
        commit="",
        clean=False,
        command="",
        library_sha256="",
        spec_sha256="",
        created="",
    )
