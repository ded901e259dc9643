"""Both scores of one block from states that stream by: what pass 1 does, without a model."""

from collections.abc import Iterable

import torch
from activations import WINDOW
from torch import Tensor

from nearlinear.measure.linearity import BlockScores, block_scores
from nearlinear.measure.precision import choose
from nearlinear.measure.stream_sums import Rows, StreamSums


def our_scores(parts: Iterable[tuple[Tensor, Tensor]], precision: str, device: str = "cpu") -> BlockScores:
    """Scores of all tokens, from parts (k, d) of the states before and after, k a multiple of WINDOW."""
    sums = StreamSums(choose(precision, device))
    for x, y in parts:
        x, y = (m.view(-1, WINDOW, m.shape[1]) for m in (x, y))  # (B, T, d)
        sums.rows = Rows.of(torch.ones(x.shape[:2]), device)
        sums.on_block(0, x, y)
    return block_scores(sums.blocks[0].all_tokens())
