"""`profile.profile` on several processes: the same batches and the same sums, in another order of adding.

Each process runs whole batches of its own. Then blocks are dealt out, too: the sums of a block are added up at the one
process that fits its maps and takes its scores, and what it finds is told to all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.models import unembed
from nearlinear.inputs.windows import Window, WindowSet, n_tokens
from nearlinear.progress import track

from .linearity import AffineMap, BlockScores, block_scores, conditioning
from .many import Many
from .many_heldout import SharedErrors, SharedLoss
from .many_kept import Kept, Summed
from .many_sums import SharedSums, spread_map
from .many_windows import Round, rounds
from .precision import choose
from .profile import LOGITS, HeldOutPart, KindsOfMoments, Measured, Runner, _fit_or_nan, _mean, _n_tokens
from .residual import residual_stream
from .stream_sums import BlockSums, Rows


def profile_many(
    loaded: LoadedModel,
    windows: WindowSet,
    many: Many,
    *,
    precision: str = "auto",
    perplexity: bool = True,
    batch_tokens: int = 2048,
    kept: Kept | None = None,
) -> Measured:
    """Run the windows through the model once, shared among the processes, and score every block; all get the answer.

    It is that of `profile` for the same windows and `batch_tokens`, but for the order in which sums are added; there
    are no milestones. A run that was broken off goes on from what it has `kept`. Raises InputError for a precision the
    device cannot do, Lost where a process has died.
    """
    device = next(loaded.model.parameters()).device
    way = choose(precision, device)
    loss = SharedLoss(device) if perplexity and unembed(loaded.model) is not None else None
    if loss is not None:
        batch_tokens = min(batch_tokens, max(256, LOGITS // loaded.model.config.get_text_config().vocab_size))
    runner = SharedRunner(loaded, way, loss, batch_tokens, many, kept)

    sums = _fit_pass(runner, windows.fit)
    fit = sums.added_up()
    kinds = {layer: KindsOfMoments.of(block) for layer, block in fit.items()}
    test, errors = {}, None
    if windows.test:
        test_sums, errors = _test_pass(runner, windows.test, sums, _maps_for_all(kinds, sums))
        test = test_sums.added_up()
    found = _told({layer: _of_block(kinds[layer], fit[layer], test.get(layer)) for layer in fit}, many)
    if loss is not None:
        loss.add_up(many)
    return Measured(
        scores=tuple(each.scores[0] for each in found),
        no_first=tuple(each.scores[1] for each in found),
        no_massive=tuple(each.scores[2] for each in found),
        conditioning=tuple(each.conditioning for each in found),
        norm_ratio=tuple(each.norm_ratio for each in found),
        cosine=tuple(each.cosine for each in found),
        perplexity=loss.perplexity if loss else float("nan"),
        precision=way.name,
        held_out=_held_out(errors, found) if errors else None,
        milestones=(),
    )


@dataclass
class SharedRunner(Runner):
    """Runs one batch of every round, this process's own; the bar counts the tokens of all."""

    many: Many
    kept: Kept | None = None

    def run(self, windows, on_batch, on_block, what: str, sums: Sequence[Summed] = ()) -> None:
        """`sums`: all that the run fills, which is kept from time to time. Rounds that they hold already are left out.

        Raises Lost.
        """
        device = next(self.loaded.model.parameters()).device
        sums = [*sums, self.loss] if self.loss is not None else list(sums)
        done, k = self.kept.restore(what, sums) if self.kept else 0, 0
        every = rounds(windows, self.many.n, batch_tokens=self.batch_tokens)
        for k, each in enumerate(track(every, what, n_tokens(windows), size=_n_tokens_of, unit=" tokens"), 1):
            batch = each[self.many.rank]
            if k <= done or batch is None:
                continue
            on_batch(batch, Rows.of(batch.attention_mask, device))
            on_device = replace(
                batch, input_ids=batch.input_ids.to(device), attention_mask=batch.attention_mask.to(device)
            )
            output = residual_stream(self.loaded.model, on_device, on_block, head=self.loss is not None)
            if self.loss is not None:
                self.loss.add(output.logits, on_device.input_ids, batch.attention_mask)
            if self.kept:
                self.kept.keep(what, k, sums)
        if self.kept and k > done:
            self.kept.keep(what, k, sums, last=True)


def _n_tokens_of(each: Round) -> int:
    return sum(_n_tokens(batch) for batch in each if batch is not None)


def _fit_pass(runner: SharedRunner, windows: Sequence[Window]) -> SharedSums:
    """This process's sums."""
    source, device = runner.loaded.source, next(runner.loaded.model.parameters()).device
    sums = SharedSums(runner.precision, runner.many, source.L, source.d, device)

    def on_batch(_batch, rows: Rows) -> None:
        sums.rows = rows

    runner.run(windows, on_batch, sums.on_block, "fit", [sums])
    sums.begin_without_text()
    return sums


def _test_pass(
    runner: SharedRunner, windows: Sequence[Window], sums: SharedSums, maps: Sequence[Sequence[AffineMap]]
) -> tuple[SharedSums, SharedErrors]:
    """This process's sums, and the errors of all."""
    test_sums = sums.like()
    errors = SharedErrors(maps, [sums.blocks[layer] for layer in range(sums.n_blocks)], windows, runner.batch_tokens)

    def on_batch(batch, rows: Rows) -> None:
        test_sums.rows = rows
        errors.go_to(batch)

    def on_block(layer: int, x: Tensor, y: Tensor) -> None:
        test_sums.on_block(layer, x, y)
        errors.add(layer, x, y, test_sums.rows)

    runner.run(windows, on_batch, on_block, "held out", [test_sums, errors])
    errors.add_up(runner.many)
    return test_sums, errors


def _maps_for_all(kinds: Mapping[int, KindsOfMoments], sums: SharedSums) -> list[list[AffineMap]]:
    """The maps of all tokens, of all but first ones, and of all but massive ones: of every block, for every process."""
    own = {layer: [_fit_or_nan(m) for m in (k.all, k.no_first, k.no_massive)] for layer, k in kinds.items()}
    return [
        [spread_map(each, layer, sums.many, d=sums.d, device=sums.device) for each in own.get(layer, [None] * 3)]
        for layer in range(sums.n_blocks)
    ]


@dataclass(frozen=True)
class OfBlock:
    """What the process that solves a block tells of it; `scores` and `fit` of each kind of moments."""

    scores: tuple[BlockScores, ...]
    fit: tuple[BlockScores, ...]
    conditioning: tuple[int, float]
    norm_ratio: float
    cosine: float


def _of_block(kinds: KindsOfMoments, fit: BlockSums, test: BlockSums | None) -> OfBlock:
    every = kinds.merged(KindsOfMoments.of(test)) if test else kinds
    geometry = [block.geometry for block in (fit, test) if block]
    return OfBlock(
        scores=_scores(every),
        fit=_scores(kinds),
        conditioning=conditioning(every.all),
        norm_ratio=_mean(geometry, "ratio"),
        cosine=_mean(geometry, "cosine"),
    )


def _scores(kinds: KindsOfMoments) -> tuple[BlockScores, ...]:
    return tuple(block_scores(m) for m in (kinds.all, kinds.no_first, kinds.no_massive))


def _told(own: Mapping[int, OfBlock], many: Many) -> list[OfBlock]:
    """Of every block, what its process has found."""
    found = {layer: each for theirs in many.gathered(dict(own)) for layer, each in theirs.items()}
    return [found[layer] for layer in sorted(found)]


def _held_out(errors: SharedErrors, found: Sequence[OfBlock]) -> HeldOutPart:
    every, no_first, no_massive = errors.errors()
    fit, fit_no_first, fit_no_massive = zip(*(each.fit for each in found), strict=True)
    return HeldOutPart(
        errors=every,
        errors_no_first=no_first,
        errors_no_massive=no_massive,
        raw=errors.raw_sizes(),
        massive=errors.massive(),
        tokens=errors.tokens,
        fit_scores=fit,
        fit_scores_no_first=fit_no_first,
        fit_scores_no_massive=fit_no_massive,
    )
