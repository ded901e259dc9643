"""The one loop: text through the model once, every score of every block out of it.

Fit windows fill moments (pass 1). Held-out windows meet the maps fitted on them (pass 2) and fill moments of their own,
so each token is run through the model exactly once, and the in-sample scores cover all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.models import unembed
from nearlinear.inputs.windows import Batch, Window, WindowSet, batches
from nearlinear.progress import track

from .heldout import Errors, HeldOutSums
from .linearity import AffineMap, BlockScores, block_scores, conditioning, fit, why_not
from .moments import Moments, merge
from .perplexity import NextTokenLoss
from .precision import choose
from .residual import residual_stream
from .stream_sums import BlockSums, Rows, StreamSums

LOGITS = 2**27
"""Logits held at once, where perplexity is asked for: half a gigabyte in float32."""


@dataclass(frozen=True)
class TokenTable:
    """Who the held-out tokens are, each (n,): id, window, position in the window, document."""

    token_id: np.ndarray
    window: np.ndarray
    position: np.ndarray
    document: np.ndarray

    def __len__(self) -> int:
        return len(self.token_id)


@dataclass(frozen=True)
class HeldOutPart:
    """Pass 2: errors of the maps of all tokens, of all but first ones, and of all but first and massive ones.

    `fit_scores…`: the fit's own. raw (2, L, n): ‖Δ_t‖² and ‖y_t‖². massive (L, n): whether a token is, in a block.
    """

    errors: Errors
    errors_no_first: Errors
    errors_no_massive: Errors
    raw: np.ndarray
    massive: np.ndarray
    tokens: TokenTable
    fit_scores: tuple[BlockScores, ...]
    fit_scores_no_first: tuple[BlockScores, ...]
    fit_scores_no_massive: tuple[BlockScores, ...]


@dataclass(frozen=True)
class Milestone:
    """The state of the fit after its first n tokens (without first tokens), and what those maps do on held-out text."""

    n: int
    scores: tuple[BlockScores, ...]
    errors: Errors | None = None


@dataclass(frozen=True)
class Measured:
    """All that came out of one run, one entry a block; `nearlinear.study` makes results with provenance of it."""

    scores: tuple[BlockScores, ...]
    no_first: tuple[BlockScores, ...]
    no_massive: tuple[BlockScores, ...]
    conditioning: tuple[tuple[int, float], ...]
    norm_ratio: tuple[float, ...]
    cosine: tuple[float, ...]
    perplexity: float
    precision: str
    held_out: HeldOutPart | None
    milestones: tuple[Milestone, ...]

    def first_broken_block(self) -> int | None:
        """The first block whose states hold NaN or infinite numbers, if any."""
        return next((i for i, s in enumerate(self.scores) if "NaN" in s.reason), None)


@dataclass(frozen=True)
class KindsOfMoments:
    """One block's moments of all tokens, of all but first ones, and of all but first and massive ones."""

    all: Moments
    no_first: Moments
    no_massive: Moments

    @classmethod
    def of(cls, block: BlockSums) -> "KindsOfMoments":
        return cls(block.all_tokens(), block.no_first_token(), block.no_massive_token())

    def merged(self, other: "KindsOfMoments") -> "KindsOfMoments":
        return KindsOfMoments(
            merge(self.all, other.all),
            merge(self.no_first, other.no_first),
            merge(self.no_massive, other.no_massive),
        )


@dataclass
class Runner:
    """The model, the way to multiply, and the loss that is collected on the way; runs windows into sums."""

    loaded: LoadedModel
    precision: object
    loss: NextTokenLoss | None
    batch_tokens: int

    def run(self, windows: Sequence[Window], on_batch, on_block, what: str) -> None:
        device = next(self.loaded.model.parameters()).device
        total = sum(len(w.input_ids) for w in windows)
        for batch in track(
            batches(windows, batch_tokens=self.batch_tokens), what, total, size=_n_tokens, unit=" tokens"
        ):
            on_batch(batch, Rows.of(batch.attention_mask, device))
            on_device = replace(batch, **{k: getattr(batch, k).to(device) for k in ("input_ids", "attention_mask")})
            output = residual_stream(self.loaded.model, on_device, on_block, head=self.loss is not None)
            if self.loss is not None:
                self.loss.add(output.logits, on_device.input_ids, batch.attention_mask)


def _n_tokens(batch: Batch) -> int:
    return int(batch.attention_mask.sum())


def profile(
    loaded: LoadedModel,
    windows: WindowSet,
    *,
    precision: str = "auto",
    perplexity: bool = True,
    batch_tokens: int = 2048,
    milestones: Sequence[int] = (),
) -> Measured:
    """Run the windows through the model once and score every block.

    `milestones`: numbers of fit tokens after which to keep the scores and maps, in rising order.
    Raises InputError for a precision the device cannot do. Blocks with NaN activations, or too few tokens, get NaN
    scores with the reason, never an exception: what stands before them is still right.
    """
    device = next(loaded.model.parameters()).device
    way = choose(precision, device)
    loss = NextTokenLoss(device) if perplexity and unembed(loaded.model) is not None else None
    if loss is not None:
        batch_tokens = min(batch_tokens, max(256, LOGITS // loaded.model.config.get_text_config().vocab_size))
    runner = Runner(loaded, way, loss, batch_tokens)

    sums, marks = _fit_pass(runner, windows.fit, tuple(milestones))
    test_sums, held_out, marks = _test_pass(runner, windows, sums, marks)

    every = [_merged(sums, test_sums, layer) for layer in range(sums.L)]
    geometry = [[s.blocks[layer].geometry for s in (sums, test_sums) if s] for layer in range(sums.L)]
    return Measured(
        scores=tuple(block_scores(m.all) for m in every),
        no_first=tuple(block_scores(m.no_first) for m in every),
        no_massive=tuple(block_scores(m.no_massive) for m in every),
        conditioning=tuple(conditioning(m.all) for m in every),
        norm_ratio=tuple(_mean(parts, "ratio") for parts in geometry),
        cosine=tuple(_mean(parts, "cosine") for parts in geometry),
        perplexity=loss.perplexity if loss else float("nan"),
        precision=way.name,
        held_out=held_out,
        milestones=marks,
    )


@dataclass(frozen=True)
class _Mark:
    """A milestone on its way: its maps are needed until the held-out text has been seen."""

    milestone: Milestone
    maps: list[AffineMap]


def _fit_pass(runner: Runner, windows: Sequence[Window], milestones: tuple[int, ...]) -> tuple[StreamSums, list[_Mark]]:
    sums = StreamSums(runner.precision)

    def on_batch(_batch, rows):
        sums.rows = rows

    marks = []
    for part, is_milestone in _parts(windows, milestones):
        runner.run(part, on_batch, sums.on_block, "fit")
        if is_milestone:
            marks.append(_mark(sums))
    return sums, marks


def _parts(windows: Sequence[Window], milestones: tuple[int, ...]) -> Iterator[tuple[Sequence[Window], bool]]:
    """Cut the windows where each milestone's number of tokens is first reached; the rest comes last."""
    ends = np.cumsum([len(w.input_ids) for w in windows])
    start = 0
    for n in milestones:
        stop = int(np.searchsorted(ends, n)) + 1
        if start < stop <= len(windows):
            yield windows[start:stop], True
            start = stop
    if start < len(windows):
        yield windows[start:], False


def _mark(sums: StreamSums) -> _Mark:
    moments = [sums.blocks[layer].no_first_token() for layer in range(sums.L)]
    scores = tuple(block_scores(m) for m in moments)
    return _Mark(Milestone(moments[0].n, scores), [_fit_or_nan(m) for m in moments])


def _test_pass(runner: Runner, windows: WindowSet, sums: StreamSums, marks: list[_Mark]):
    if not windows.test:
        return None, None, tuple(mark.milestone for mark in marks)
    moments = [KindsOfMoments.of(sums.blocks[layer]) for layer in range(sums.L)]
    maps = [
        [*map(_fit_or_nan, (m.all, m.no_first, m.no_massive)), *(mark.maps[layer] for mark in marks)]
        for layer, m in enumerate(moments)
    ]
    n = sum(len(w.input_ids) for w in windows.test)
    errors = HeldOutSums(maps, [sums.blocks[layer] for layer in range(sums.L)], n)
    test_sums, seen = StreamSums(runner.precision, like=sums), []

    def on_batch(batch, rows):
        test_sums.rows = rows
        seen.append(_token_table(batch, rows, windows.test))

    def on_block(layer, x, y):
        test_sums.on_block(layer, x, y)
        errors.add(layer, x, y, test_sums.rows)

    runner.run(windows.test, on_batch, on_block, "held out")
    tokens = TokenTable(*(np.concatenate(columns) for columns in zip(*seen, strict=True)))
    all_errors = errors.errors()
    held_out = HeldOutPart(
        errors=all_errors[0],
        errors_no_first=all_errors[1],
        errors_no_massive=all_errors[2],
        raw=errors.raw_sizes(),
        massive=errors.massive(),
        tokens=tokens,
        fit_scores=tuple(block_scores(m.all) for m in moments),
        fit_scores_no_first=tuple(block_scores(m.no_first) for m in moments),
        fit_scores_no_massive=tuple(block_scores(m.no_massive) for m in moments),
    )
    done = (replace(mark.milestone, errors=e) for mark, e in zip(marks, all_errors[3:], strict=True))
    return test_sums, held_out, tuple(done)


def _fit_or_nan(m: Moments) -> AffineMap:
    """The fitted map, or a map of NaN where there is none, so that its errors are NaN too."""
    if not why_not(m):
        return fit(m)
    nan = torch.full((m.d, m.d), float("nan"), dtype=torch.float64, device=m.sum_x.device)
    return AffineMap(nan, nan[0], nan[0])


def _token_table(batch: Batch, rows: Rows, windows: Sequence[Window]) -> tuple[np.ndarray, ...]:
    """Columns of TokenTable for one batch, in the order of HeldOutSums: the rest first, then the first tokens."""
    T = batch.input_ids.shape[1]
    flat = torch.cat([rows.rest, rows.first]).cpu()
    window = batch.window[flat // T]
    document = np.array([windows[int(w)].document for w in window])
    return batch.input_ids.flatten()[flat].numpy(), window.numpy(), (flat % T).numpy(), document


def _merged(sums: StreamSums, test_sums: StreamSums | None, layer: int) -> KindsOfMoments:
    """Moments of one block over every token of the run."""
    fit_part = KindsOfMoments.of(sums.blocks[layer])
    return fit_part.merged(KindsOfMoments.of(test_sums.blocks[layer])) if test_sums else fit_part


def _mean(parts: list, name: str) -> float:
    return float(sum(getattr(p, name) for p in parts)) / sum(p.n for p in parts)
