"""First tokens, massive tokens and the rest are summed apart: each set's scores equal those of its rows alone."""

import pytest
import torch

from nearlinear.measure.linearity import block_scores, linearity_score
from nearlinear.measure.precision import choose
from nearlinear.measure.stream_sums import FAR_ROWS, MASSIVE, Rows, StreamSums

B, T, D = 6, 50, 12
MASSIVE_AT = [(0, 1), (2, 30), (5, 49)]
PADDED = [(3, slice(40, None)), (4, slice(10, None))]


def states(seed=0):
    """A mildly non-linear block over windows, some of them padded with nonsense, with massive tokens planted."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(B, T, D, generator=g)
    x[:, 0] *= 100
    for where in MASSIVE_AT:
        x[where] *= 3 * MASSIVE
    y = x + torch.tanh(x @ torch.randn(D, D, generator=g))
    mask = torch.ones(B, T)
    for where in PADDED:
        mask[where], x[where], y[where] = 0, 1e4, torch.nan
    return x, y, mask


def summed(batches, precision="exact"):
    sums = StreamSums(choose(precision, "cpu"))
    for x, y, mask in batches:
        sums.rows = Rows.of(mask, "cpu")
        sums.on_block(0, x, y)
    return sums.blocks[0]


def kept(batches, *, first: bool, massive: bool):
    """The rows of a set, chosen by hand."""
    xs, ys = [], []
    for x, y, mask in batches:
        keep = mask.bool()
        if not first:
            keep[:, 0] = False
        if not massive:
            for where in MASSIVE_AT:
                keep[where] = False
        xs.append(x[keep])
        ys.append(y[keep])
    return torch.cat(xs), torch.cat(ys)


@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_each_set_scores_as_its_rows_alone(precision):
    batches = [states(0), states(1)]
    block = summed(batches, precision)
    sets = {
        block.all_tokens: {"first": True, "massive": True},
        block.no_first_token: {"first": False, "massive": True},
        block.no_massive_token: {"first": False, "massive": False},
    }
    for moments, which in sets.items():
        x, y = kept(batches, **which)
        got = block_scores(moments())
        assert got.n == len(x)
        assert got.score == pytest.approx(linearity_score(x, y), abs=1e-6)
    assert block_scores(block.no_first_token()).score > block_scores(block.no_massive_token()).score + 0.01


def test_nothing_is_massive_where_no_token_is_long():
    x, y, mask = states()
    x, y = x.nan_to_num() / x.norm(dim=2, keepdim=True), torch.nan_to_num(y / y.norm(dim=2, keepdim=True))
    block = summed([(x, y, mask)])
    assert block.no_massive_token().n == block.no_first_token().n


def test_at_most_the_far_rows_of_a_chunk_can_be_massive():
    """Half of the tokens cannot be outliers: what is left over stays among the rest, and no token is lost."""
    x = torch.randn(B, T, D, generator=torch.Generator().manual_seed(0))
    x[:, T - T // 4 :] *= 1000
    block = summed([(x, x + 1, torch.ones(B, T))])
    assert block.no_first_token().n == B * (T - 1)
    assert block.no_massive_token().n == B * (T - 1) - FAR_ROWS


def test_sums_alike_share_shift_and_limits():
    fit = StreamSums(choose("exact", "cpu"))
    x, y, mask = states()
    fit.rows = Rows.of(mask, "cpu")
    fit.on_block(0, x, y)
    other = StreamSums(choose("exact", "cpu"), like=fit)
    assert torch.equal(other.blocks[0].limit_x, fit.blocks[0].limit_x)
    assert torch.equal(other.blocks[0].rest.work_x, fit.blocks[0].rest.work_x)
    assert other.blocks[0].no_first_token().n == 0
