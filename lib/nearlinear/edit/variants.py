"""One block at a time, and every kind of map in its place: what a map owes to its intercept, its scale, its tokens."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from nearlinear.evaluate.perplexity import WindowLosses, compare, losses
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.windows import Window, batches, n_tokens
from nearlinear.measure.linearity import AffineMap
from nearlinear.measure.moments import Moments
from nearlinear.progress import track
from nearlinear.results.variants import ByVariant, Variant, VariantsSpec, VariantsStudy

from . import fitting
from .begun import Begun, begin
from .edits import blocks_as_tuple, check_layers, with_standins
from .one_block import one_block_moments
from .replay import KeptStates, replay
from .standins import AffineBlock
from .study import Work

MAPS: dict[Variant, Callable[[Moments, float], AffineMap]] = {
    "identity": lambda m, _ridge: fitting.identity(m),
    "mean_shift": lambda m, _ridge: fitting.mean_shift(m),
    "normalised_scale": lambda m, _ridge: fitting.normalised_scale(m),
    "no_intercept": lambda m, _ridge: fitting.no_intercept(m),
    "through_origin": lambda m, _ridge: fitting.through_origin(m),
    "affine": lambda m, _ridge: fitting.affine(m),
    "affine_ridge": lambda m, ridge: fitting.affine(m, ridge=ridge),
}
"""From a block's moments, and the ridge chosen for them, to the map that stands in."""


def run(spec: VariantsSpec, *, device: str = "auto") -> VariantsStudy:
    """Measure what `spec` says; every loss is written down as it comes, so that an interrupted run goes on there.

    Raises InputError for a block that is not there, NotEnoughTokens where a map has too few tokens.
    """
    begun = begin(spec, spec.study, VariantsStudy.made_by, device=device)
    work = begun.work
    check_layers(spec.blocks, work.L)
    jobs = [(block, windows) for block in spec.blocks for windows in _fit_texts(work.texts.fit, spec.n_fits)]
    found = [one for block, windows in track(jobs, "maps", unit=" maps") for one in _of_block(begun, block, windows)]
    return VariantsStudy(
        L=work.L,
        d=work.loaded.source.d,
        context=spec.study.context,
        n_choose=n_tokens(work.texts.choose),
        n_evaluate=n_tokens(work.texts.evaluate),
        n_documents=len({window.document for window in work.texts.evaluate}),
        dense_perplexity=work.dense.perplexity,
        found=tuple(found),
        provenance=begun.provenance(),
    )


def _fit_texts(windows: Sequence[Window], n_fits: Iterable[int]) -> list[tuple[Window, ...]]:
    """For each number of tokens the windows that hold about so many, each length once."""
    ends = np.cumsum([len(window.input_ids) for window in windows])
    counts = {min(int(np.searchsorted(ends, n)) + 1, len(windows)) for n in n_fits}
    return [tuple(windows[:k]) for k in sorted(counts)]


def _of_block(begun: Begun, block: int, windows: Sequence[Window]) -> list[ByVariant]:
    """Every variant for one block, from maps fitted on these windows."""
    spec, dense, n = begun.spec, begun.work.dense, n_tokens(windows)
    key = f"block {block} from {n} tokens: {' '.join(spec.variants)}"
    rows = begun.ledger.get(key, lambda: _measure(begun.work, block, windows, spec.variants).ravel())
    table = np.array(rows).reshape(len(spec.variants), -1)
    return [_by_variant(dense, block, n, v, *row, seed=spec.seed) for v, row in zip(spec.variants, table, strict=True)]


def _measure(work: Work, block: int, windows: Sequence[Window], variants: Sequence[Variant]) -> np.ndarray:
    """(variants, 1 + evaluation windows): the ridge of each variant, and the nats of each window with it in place."""
    fit, other = (
        one_block_moments(work.loaded, text, block, precision=work.spec.precision)
        for text in (windows, work.texts.choose)
    )
    ridge = fitting.choose_ridge(fit, other)
    nats = losses_with(work.loaded, work.texts.evaluate, block, {v: MAPS[v](fit, ridge) for v in variants})
    return np.array([[ridge if v == "affine_ridge" else 0.0, *nats[v]] for v in variants])


def losses_with(
    loaded: LoadedModel,
    windows: Sequence[Window],
    layer: int,
    maps: Mapping[str, AffineMap],
    *,
    batch_tokens: int = 2048,
) -> dict[str, np.ndarray]:
    """The summed log-loss, in nats, of each window (n,), with each of the maps in the place of one block.

    What comes before the block is run once a batch, not once a map.
    """
    model = loaded.model
    like, as_tuple = next(model.parameters()), blocks_as_tuple(model)
    blocks = {
        name: AffineBlock.of(m, as_tuple=as_tuple, dtype=like.dtype, device=like.device) for name, m in maps.items()
    }
    nats = {name: np.zeros(len(windows)) for name in maps}
    for batch in batches(windows, batch_tokens=batch_tokens, device=like.device):
        kept, places = KeptStates.of(model, batch, as_tuple=as_tuple), batch.window.tolist()
        group = [windows[i] for i in places]  # by themselves, they make this same batch again
        for name, block in blocks.items():
            with with_standins(model, {layer: block}), replay(model, kept, layer):
                nats[name][places] = losses(loaded, group, batch_tokens=batch_tokens).nats
    return nats


def _by_variant(
    dense: WindowLosses, block: int, n_fit: int, variant: Variant, ridge: float, *nats: float, seed: int
) -> ByVariant:
    found = replace(dense, nats=np.array(nats))
    worse = compare(found, dense, seed=seed)
    return ByVariant(
        block=block,
        n_fit=n_fit,
        variant=variant,
        ridge=ridge,
        perplexity=found.perplexity,
        difference=worse.mean,
        interval=(worse.low, worse.high),
    )
