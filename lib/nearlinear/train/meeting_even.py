"""Scores in which every coordinate of the state counts alike: a few huge ones would decide the usual score alone."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.windows import WindowSet
from nearlinear.measure.linearity import AffineMap, fit
from nearlinear.measure.precision import choose
from nearlinear.measure.profile import Runner
from nearlinear.measure.stream_sums import StreamSums


@dataclass(frozen=True)
class Even:
    """One number a block: means over coordinates of the held-out R² of y and of Δ, and the share of the variance of y
    that its largest coordinate has.
    """

    scores: tuple[float, ...]
    update_scores: tuple[float, ...]
    top_share: tuple[float, ...]


def even_scores(loaded: LoadedModel, windows: WindowSet, *, batch_tokens: int = 2048) -> Even:
    """Fit each block's map on one text and try it on the other, coordinate by coordinate; first tokens are left out.

    The maps are those of the usual held-out score: least squares fits every coordinate by itself, so its weight does
    not matter to the map, and only the summing up is another. Raises ValueError where no map can be fitted.
    """
    way = choose("auto", next(loaded.model.parameters()).device)
    runner, sums = Runner(loaded, way, None, batch_tokens), StreamSums(way)

    def on_batch(_batch, rows) -> None:
        sums.rows = rows

    runner.run(windows.fit, on_batch, sums.on_block, "fit")
    blocks = [ByCoordinate.of(fit(sums.blocks[layer].no_first_token())) for layer in range(sums.L)]

    def on_block(layer: int, x: Tensor, y: Tensor) -> None:
        blocks[layer].add(*(states.flatten(0, -2).index_select(0, sums.rows.rest) for states in (x, y)))

    runner.run(windows.test, on_batch, on_block, "held out")
    return Even(*(tuple(getattr(block, name) for block in blocks) for name in ("score", "update_score", "top_share")))


@dataclass
class ByCoordinate:
    """Sums over held-out tokens, (d,) each: squared error, y and Δ, the latter two about the means of the fit."""

    map: AffineMap
    error2: Tensor
    state2: Tensor
    update2: Tensor

    @classmethod
    def of(cls, m: AffineMap) -> "ByCoordinate":
        return cls(m, *(torch.zeros_like(m.mean_x) for _ in range(3)))

    def add(self, x: Tensor, y: Tensor) -> None:
        """Add rows x, y (k, d)."""
        x, y = x.double(), y.double()
        self.error2 += (y - x - self.map.update(x)).square().sum(0)
        self.state2 += (y - self.map.mean_y).square().sum(0)
        self.update2 += (y - x - self.map.mean_d).square().sum(0)

    @property
    def score(self) -> float:
        return float((1 - self.error2 / self.state2).nanmean())

    @property
    def update_score(self) -> float:
        return float((1 - self.error2 / self.update2).nanmean())

    @property
    def top_share(self) -> float:
        return float(self.state2.max() / self.state2.sum())
