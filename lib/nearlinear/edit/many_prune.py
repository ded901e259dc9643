"""`prune.prune` on several processes, but for distillation: the same blocks, maps and losses, batches shared out."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel, load_model, torch_device
from nearlinear.inputs.text import Corpus, load_corpus
from nearlinear.inputs.windows import WindowSet
from nearlinear.measure.many import Many
from nearlinear.measure.many_profile import profile_many
from nearlinear.measure.many_study import check_alike, fetched
from nearlinear.measure.precision import choose
from nearlinear.results import making
from nearlinear.results.pruning import PruningStudy
from nearlinear.results.store import results_cache, spec_sha256
from nearlinear.results.types import LinearityProfile
from nearlinear.study import provenance_of, results_of, windows_sha256

from .broken import check_finite
from .edits import blocks_as_tuple, check_layers
from .export import check_cache, check_decodes
from .many_greedy import SharedLedger, greedy_many, losses_many
from .many_moments import angular_distances_many, fitted_many
from .orders import MEASURES, by_angle, by_measure, last_first, random_order
from .prune import Pruned, PruneSpec, _check_blocks, edited, runs_of, texts_of
from .standins import AffineBlock, PassThrough
from .texts import Texts

MADE_BY = (*PruningStudy.made_by, "edit/many*.py", "measure/many*.py")
"""The code behind the steps of a search that was broken off."""


def prune_many(spec: PruneSpec, many: Many, *, device: str = "auto") -> Pruned:
    """Do what `spec` says, and give the answer to every process; a greedy search goes on where it was broken off.

    Raises as `prune` does, InputError for a distillation, and Lost where a process has died.
    """
    spec.check()
    if spec.distil_steps:
        raise InputError(
            "distillation runs on one process: leave --distill-steps out, and distil the blocks that are chosen here "
            "with --layers on one"
        )
    many.together(lambda: fetched(spec.model))
    loaded, corpus, texts = many.together(lambda: _prepared(spec, device))
    precision = choose(spec.precision, loaded.model.device).name
    check_alike(" ".join([ledger_path(spec, loaded, texts).name, precision, *making.versions().values()]), many)
    layers = check_layers(spec.layers or chosen_many(spec, corpus, loaded, texts, many), loaded.source.L)
    if spec.how == "replace":
        check_cache(loaded.model.config, layers)
    runs, maps = runs_of(layers), {}
    if spec.how == "replace":
        maps = fitted_many(loaded, texts, runs, many, precision=spec.precision)
    before = losses_many(loaded, texts.evaluate, many)
    check_finite(loaded, texts.evaluate, before)
    with edited(loaded, layers, maps) as model:
        after, n_after = losses_many(loaded, texts.evaluate, many), sum(weight.numel() for weight in model.parameters())
    source = loaded.source
    return Pruned(
        spec, source, loaded, layers, maps, corpus.source, texts, before, after, (source.n_parameters, n_after)
    )


def _prepared(spec: PruneSpec, device: str) -> tuple[LoadedModel, Corpus, Texts]:
    place = torch_device(device)
    choose(spec.precision, place)
    loaded = load_model(spec.model, device=place, dtype=spec.dtype)
    check_decodes(loaded)
    _check_blocks(spec, loaded.source.L)
    corpus = load_corpus(spec.corpus)
    return loaded, corpus, texts_of(spec, corpus, loaded)


def chosen_many(spec: PruneSpec, corpus: Corpus, loaded: LoadedModel, texts: Texts, many: Many) -> Sequence[int]:
    """`prune.chosen`, with all that has to be measured for it shared among the processes."""
    L, k = loaded.source.L, spec.count
    match spec.order:
        case "greedy":
            ledger = SharedLedger(ledger_path(spec, loaded, texts), many)
            standins = _standins(spec, loaded, texts, many)
            return greedy_many(loaded, texts.choose, k, many, standin=standins.__getitem__, ledger=ledger)
        case "angular":
            return by_angle(angular_distances_many(loaded, texts.choose, many, longest=k), k).steps[-1]
        case "last":
            return last_first(L, k).steps[-1]
        case "random":
            return random_order(L, k, spec.seed).steps[-1]
        case measured:
            assert measured in MEASURES
            return by_measure(measured, _profile(spec, corpus, loaded, texts, many), k).steps[-1]


def ledger_path(spec: PruneSpec, loaded: LoadedModel, texts: Texts) -> Path:
    """Where the steps of a search are kept: by specification, weights, tokens and code."""
    words = windows_sha256(WindowSet(texts.fit, texts.choose, group="document"))
    name = f"{spec_sha256(spec)[:16]}-{loaded.source.sha256[:16]}-{words[:16]}.ledger.jsonl"
    return results_cache() / making.library_sha256(MADE_BY)[:16] / name


def _standins(spec: PruneSpec, loaded: LoadedModel, texts: Texts, many: Many) -> dict[int, nn.Module]:
    """What would stand in each block's place, one map a block, as `prune` has it."""
    as_tuple, every = blocks_as_tuple(loaded.model), range(loaded.source.L)
    if spec.how == "remove":
        return {layer: PassThrough(as_tuple) for layer in every}
    like = next(loaded.model.parameters())
    runs = [range(layer, layer + 1) for layer in every]
    fits = fitted_many(loaded, texts, runs, many, precision=spec.precision)
    return {
        run.start: AffineBlock.of(fit.map, as_tuple=as_tuple, dtype=like.dtype, device=like.device)
        for run, fit in fits.items()
    }


def _profile(spec: PruneSpec, corpus: Corpus, loaded: LoadedModel, texts: Texts, many: Many) -> LinearityProfile:
    windows = WindowSet(texts.fit, texts.choose, group="document")
    measured = profile_many(loaded, windows, many, precision=spec.precision, perplexity=False)
    made = provenance_of(spec, loaded, corpus, windows, measured.precision, 0.0)
    return results_of(measured, windows, loaded, made, seed=spec.seed)[0]
