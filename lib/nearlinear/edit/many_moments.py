"""Maps of runs of blocks on several processes: each takes moments of whole batches, and runs are dealt out to fit."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.windows import Window, n_tokens
from nearlinear.measure.many import Many
from nearlinear.measure.many_sums import parts_of, row_of, spread_map
from nearlinear.measure.many_windows import own_windows
from nearlinear.measure.moments import Moments

from .angles import angular_distances
from .fitting import affine, choose_ridge
from .prune import Fitted
from .runs import RunMoments, run_moments
from .texts import Texts


def fitted_many(
    loaded: LoadedModel, texts: Texts, runs: Sequence[range], many: Many, *, precision: str
) -> dict[range, Fitted]:
    """`prune.fitted`: a map for each run, fitted on one text, its λ chosen on another; for every process.

    Raises as that does, and Lost where a process has died.
    """
    fit, other = (moments_many(loaded, part, runs, many, precision=precision) for part in (texts.fit, texts.choose))
    own = many.together(lambda: {run: _fitted(fit[run], other[run]) for run in fit})
    told = many.gathered({run: each.ridge for run, each in own.items()})
    ridges = {run: ridge for theirs in told for run, ridge in theirs.items()}
    d, device = loaded.source.d, next(loaded.model.parameters()).device
    maps = [own[run].map if run in own else None for run in runs]
    return {
        run: Fitted(spread_map(each, place, many, d=d, device=device), ridges[run])
        for place, (run, each) in enumerate(zip(runs, maps, strict=True))
    }


def _fitted(fit: Moments, other: Moments) -> Fitted:
    ridge = choose_ridge(fit, other)
    return Fitted(affine(fit, ridge=ridge), ridge)


def moments_many(
    loaded: LoadedModel, windows: Sequence[Window], runs: Sequence[range], many: Many, *, precision: str
) -> dict[range, Moments]:
    """Over the batches of all processes, the moments of those runs that fall to this one, at the first one's shift.

    Raises as `run_moments` does, and Lost.
    """
    own = own_windows(windows, many)
    found = run_moments(loaded, own, longest=max(map(len, runs)), precision=precision) if own else None
    d, device = loaded.source.d, next(loaded.model.parameters()).device
    added = {}
    for place, run in enumerate(runs):
        shift = many.spread(_shift(found, run, d, device), owner=0)
        row = many.add_up(_row(found, run, shift), at=many.owner(place))
        if many.owner(place) == many.rank:
            parts = parts_of(row, d)
            added[run] = Moments(shift_x=shift[:d], shift_d=shift[d:], **(parts | {"n": int(parts["n"])}))
    return added


def _shift(found: RunMoments | None, run: range, d: int, device: torch.device) -> Tensor:
    """(2d,) by which this process has shifted x and Δ; anything, where it has no text."""
    if found is None:
        return torch.empty(2 * d, dtype=torch.float64, device=device)
    moments = found[run]
    return torch.cat([moments.shift_x, moments.shift_d])


def _row(found: RunMoments | None, run: range, shift: Tensor) -> Tensor:
    """The sums of this process at a shift (2d,), in one row; zeros, where it has no text."""
    d = len(shift) // 2
    if found is None:
        return torch.zeros(2 + 2 * d + 2 * d * d, dtype=torch.float64, device=shift.device)
    return row_of(found[run].shifted_to(shift[:d], shift[d:]))


def angular_distances_many(
    loaded: LoadedModel, windows: Sequence[Window], many: Many, *, longest: int
) -> dict[range, float]:
    """`angles.angular_distances` over the batches of all processes. Raises as that does, and Lost."""
    own, L = own_windows(windows, many), loaded.source.L
    runs = [range(start, start + length) for length in range(1, longest + 1) for start in range(L - length + 1)]
    means = angular_distances(loaded, own, longest=longest) if own else dict.fromkeys(runs, 0.0)
    device, n = next(loaded.model.parameters()).device, n_tokens(own)
    row = torch.tensor([*(means[run] * n for run in runs), n], dtype=torch.float64, device=device)
    *totals, n = many.add_up(row).tolist()
    return {run: total / n for run, total in zip(runs, totals, strict=True)}
