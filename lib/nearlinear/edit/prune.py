"""Prune a model for use: choose blocks, put maps in their place, distil, and measure what it costs.

Three texts for three ends: maps are fitted and distilled on one, every choice is made on another, and the perplexity is
that of the third. No document is in two of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from torch import nn

from nearlinear.errors import InputError
from nearlinear.evaluate.perplexity import Difference, WindowLosses, compare, losses
from nearlinear.inputs.load import LoadedModel, load_model, torch_device
from nearlinear.inputs.text import Corpus, load_corpus
from nearlinear.inputs.windows import WindowSet, check_context
from nearlinear.measure.linearity import AffineMap
from nearlinear.measure.precision import choose
from nearlinear.measure.profile import profile
from nearlinear.memory import halving
from nearlinear.results.provenance import CorpusSource, ModelSource
from nearlinear.results.records import Record
from nearlinear.results.types import LinearityProfile
from nearlinear.study import check_enough, provenance_of, results_of

from .angles import angular_distances
from .broken import check_finite
from .distil import distil_all, distil_linear
from .edits import blocks_as_tuple, check_layers, removed, replaced
from .export import check_cache, check_decodes
from .fitting import affine, choose_ridge
from .greedy import greedy
from .orders import MEASURES, ORDERS, by_angle, by_measure, check_count, last_first, random_order
from .runs import run_moments
from .standins import AffineBlock, PassThrough
from .texts import Texts, three_texts


class PruneSpec(Record):
    """What to prune, and how. Either `layers` names the blocks, or `count` of them are found by an order of ORDERS.

    `tokens`: to fit on; a quarter as many each to choose on and to evaluate on. `distil_steps`: 0 for no distillation.
    """

    model: str
    corpus: str = "wikipedia-sample"
    how: Literal["remove", "replace"] = "replace"
    layers: tuple[int, ...] = ()
    count: int = 0
    order: str = "greedy"
    distil_steps: int = 0
    tokens: int = 16384
    context: int = 512
    precision: Literal["auto", "exact", "fast", "turbo"] = "auto"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    seed: int = 0

    def check(self) -> None:
        """Raise InputError where it does not say which blocks, or names an order that does not exist."""
        if bool(self.layers) == bool(self.count):
            raise InputError("say which blocks to change: their numbers, or how many of them, and not both")
        if self.order not in ORDERS:
            raise InputError(f"no order {self.order!r}: choose one of {', '.join(ORDERS)}")


@dataclass(frozen=True)
class Fitted:
    """The map of a run of blocks, and the λ of its ridge."""

    map: AffineMap
    ridge: float


@dataclass(frozen=True)
class Pruned:
    """A model, the edits that prune it, and what they cost on text that took no part in choosing or fitting them.

    `source`: the dense model. `loaded`: it, or a copy of which all weights were distilled. `fits`: one for each
    replaced run, empty where blocks are removed. `before`, `after`: losses on the same windows. `parameters`: likewise.
    """

    spec: PruneSpec
    source: ModelSource
    loaded: LoadedModel
    layers: tuple[int, ...]
    fits: dict[range, Fitted]
    corpus: CorpusSource
    texts: Texts
    before: WindowLosses
    after: WindowLosses
    parameters: tuple[int, int]

    @property
    def removed(self) -> tuple[int, ...]:
        """The blocks that nothing stands in for."""
        return () if self.fits else self.layers

    @property
    def maps(self) -> dict[range, AffineMap]:
        return {run: fitted.map for run, fitted in self.fits.items()}

    @property
    def difference(self) -> Difference:
        """Log-loss after less that before, in nats a token, with its paired interval over documents."""
        return compare(self.after, self.before, seed=self.spec.seed)


def prune(spec: PruneSpec, *, device: str = "auto", checkpoint: Path | None = None) -> Pruned:
    """Do what `spec` says; an interrupted distillation goes on from `checkpoint`.

    Raises InputError for blocks, orders, models and texts that cannot be used, NotEnoughTokens for a text too short,
    OutOfMemory for what is too large.
    """
    spec.check()
    where = torch_device(device)
    choose(spec.precision, where)
    loaded = load_model(spec.model, device=where, dtype=spec.dtype)
    check_decodes(loaded)
    _check_blocks(spec, loaded.source.L)
    corpus = load_corpus(spec.corpus)
    texts = texts_of(spec, corpus, loaded)
    source, before = loaded.source, _losses(loaded, texts)
    check_finite(loaded, texts.evaluate, before)
    layers = check_layers(spec.layers or chosen(spec, corpus, loaded, texts), loaded.source.L)
    if spec.how == "replace":
        check_cache(loaded.model.config, layers)  # now, not after hours of distillation
    fits = fitted(spec, loaded, texts, runs_of(layers)) if spec.how == "replace" else {}
    if spec.distil_steps:
        loaded, fits = _distilled(spec, loaded, texts, layers, fits, checkpoint)
    with edited(loaded, layers, fits) as model:
        after, n_after = _losses(loaded, texts), sum(weight.numel() for weight in model.parameters())
    return Pruned(
        spec, source, loaded, layers, fits, corpus.source, texts, before, after, (source.n_parameters, n_after)
    )


def _losses(loaded: LoadedModel, texts: Texts) -> WindowLosses:
    """On the text that is reported."""
    return halving(lambda n: losses(loaded, texts.evaluate, batch_tokens=n), texts.evaluate)


@contextmanager
def edited(loaded: LoadedModel, layers: Sequence[int], fits: dict[range, Fitted]) -> Iterator[nn.Module]:
    """The model with the maps in the place of the blocks or, where there are none, without the blocks."""
    maps: dict[int | range, AffineMap] = {run: fit.map for run, fit in fits.items()}
    with replaced(loaded.model, maps) if maps else removed(loaded.model, layers) as model:
        yield model


def texts_of(spec: PruneSpec, corpus: Corpus, loaded: LoadedModel) -> Texts:
    """The three texts. Raises NotEnoughTokens where they are too short, InputError for windows above the context."""
    texts = three_texts(
        corpus,
        loaded.tokenizer,
        context=spec.context,
        n_fit=spec.tokens,
        n_choose=spec.tokens // 4,
        n_evaluate=spec.tokens // 4,
        seed=spec.seed,
    )
    assert apart(texts), "a document serves two ends"
    windows = WindowSet(texts.fit, texts.choose + texts.evaluate, group="document")
    check_context(windows, loaded.context)
    if spec.how == "replace" or (spec.count and spec.order in MEASURES):
        check_enough(windows, loaded)
    return texts


def apart(texts: Texts) -> bool:
    """Whether no document is in two of the three texts; of a single one, each has a stretch."""
    documents = [{window.document for window in part} for part in (texts.fit, texts.choose, texts.evaluate)]
    every = set.union(*documents)
    return len(every) == 1 or len(every) == sum(map(len, documents))


def _check_blocks(spec: PruneSpec, L: int) -> None:
    """Raise InputError before any work where the blocks are not there, or too many."""
    if spec.layers:
        check_layers(spec.layers, L)
    else:
        check_count(spec.count, L)


def chosen(spec: PruneSpec, corpus: Corpus, loaded: LoadedModel, texts: Texts) -> Sequence[int]:
    """`count` blocks by the order; what has to be measured for it is measured on the texts to fit and to choose on."""
    L, k = loaded.source.L, spec.count
    match spec.order:
        case "greedy":
            standin = _standins(spec, loaded, texts).__getitem__
            return halving(lambda n: greedy(loaded, texts.choose, k, standin=standin, batch_tokens=n), texts.choose)
        case "angular":
            found = halving(lambda n: angular_distances(loaded, texts.choose, longest=k, batch_tokens=n), texts.choose)
            return by_angle(found, k).steps[-1]
        case "last":
            return last_first(L, k).steps[-1]
        case "random":
            return random_order(L, k, spec.seed).steps[-1]
        case measured:
            return by_measure(measured, _profile(spec, corpus, loaded, texts), k).steps[-1]


def _profile(spec: PruneSpec, corpus: Corpus, loaded: LoadedModel, texts: Texts) -> LinearityProfile:
    windows = WindowSet(texts.fit, texts.choose, group="document")
    how: dict[str, Any] = {"precision": spec.precision, "perplexity": False}
    measured = halving(lambda n: profile(loaded, windows, **how, batch_tokens=n), windows.fit + windows.test)
    made = provenance_of(spec, loaded, corpus, windows, measured.precision, 0.0)
    return results_of(measured, windows, loaded, made, seed=spec.seed)[0]


def _standins(spec: PruneSpec, loaded: LoadedModel, texts: Texts) -> dict[int, nn.Module]:
    """What would stand in each block's place, one map a block."""
    as_tuple, every = blocks_as_tuple(loaded.model), range(loaded.source.L)
    if spec.how == "remove":
        return {layer: PassThrough(as_tuple) for layer in every}
    like = next(loaded.model.parameters())
    fits = fitted(spec, loaded, texts, [range(layer, layer + 1) for layer in every])
    return {
        run.start: AffineBlock.of(fit.map, as_tuple=as_tuple, dtype=like.dtype, device=like.device)
        for run, fit in fits.items()
    }


def runs_of(layers: Iterable[int]) -> list[range]:
    """Sorted blocks as runs. Neighbours share a map: two maps in a row are one, and one fitted to both errs no more."""
    runs: list[range] = []
    for layer in layers:
        if runs and runs[-1].stop == layer:
            runs[-1] = range(runs[-1].start, layer + 1)
        else:
            runs.append(range(layer, layer + 1))
    return runs


def fitted(spec: PruneSpec, loaded: LoadedModel, texts: Texts, runs: Sequence[range]) -> dict[range, Fitted]:
    """A map for each run, fitted on one text, its λ chosen on another."""
    how: dict[str, Any] = {"longest": max(map(len, runs)), "precision": spec.precision}
    fit = halving(lambda n: run_moments(loaded, texts.fit, **how, batch_tokens=n), texts.fit)
    other = halving(lambda n: run_moments(loaded, texts.choose, **how, batch_tokens=n), texts.choose)
    ridges = {run: choose_ridge(fit[run], other[run]) for run in runs}
    return {run: Fitted(affine(fit[run], ridge=ridge), ridge) for run, ridge in ridges.items()}


def _distilled(
    spec: PruneSpec,
    loaded: LoadedModel,
    texts: Texts,
    layers: Sequence[int],
    fits: dict[range, Fitted],
    checkpoint: Path | None,
) -> tuple[LoadedModel, dict[range, Fitted]]:
    """The maps distilled or, where blocks are removed, all the weights of a copy of the model."""
    options: dict[str, Any] = {"steps": spec.distil_steps, "seed": spec.seed, "checkpoint": checkpoint}
    if not fits:
        return distil_all(loaded, layers, texts.fit, **options).loaded, fits
    maps = distil_linear(loaded, {run: fit.map for run, fit in fits.items()}, texts.fit, **options).maps
    return loaded, {run: replace(fit, map=maps[run]) for run, fit in fits.items()}
