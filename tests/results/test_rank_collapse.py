"""The recorded study of rank collapse beside one that was made by other code, before ours was written.

Those numbers are of a single draw of weights and tokens, ours of several seeds: they may differ by 0.03, or by twice
the standard deviation of such a difference where seeds differ more than that.
"""

import math

import numpy as np
import pytest

from nearlinear.recorded import result
from nearlinear.results.signal import STACKS, collapse_spec

DEPTHS = (1, 4, 18, 72)
BEFORE = {
    ("attention", "bidirectional"): ((0.24, 0.94),),
    ("attention", "causal"): ((0.46, 0.83), (0.23, 0.98), (1.8e-4, 1.0)),
    ("attention-norm", "causal"): ((0.43, 0.85), (0.16, 0.97), (2e-4, 1.0)),
    ("skipless", "causal"): ((0.395, 0.865), (0.15, 0.975), (2e-4, 1.0)),
    ("pre-ln", "causal"): ((0.75, 0.43), (0.62, 0.61), (0.48, 0.77), (0.40, 0.84)),
    ("parallel", "causal"): ((0.80, 0.35), (0.65, 0.57), (0.50, 0.75), (0.39, 0.85)),
    ("v-skipinit", "causal"): ((0.89, 0.20), (0.89, 0.21), (0.89, 0.21), (0.85, 0.27)),
    ("sas", "causal"): ((0.89, 0.20), (0.90, 0.19), (0.89, 0.20), (0.86, 0.26)),
    ("sas-p", "causal"): ((0.89, 0.20), (0.89, 0.20), (0.89, 0.20), (0.87, 0.24)),
    ("sas-p-no-norm", "causal"): ((0.89, 0.20), (0.89, 0.20), (0.89, 0.20), (0.86, 0.25)),
}
"""Relative residual and mean cosine after DEPTHS blocks, as far as single precision could see."""

CELLS = [(*row, depth, *cell) for row, cells in BEFORE.items() for depth, cell in zip(DEPTHS, cells, strict=False)]


@pytest.fixture(scope="module")
def study():
    return result(collapse_spec("cpu"))


def seeds(study, stack: str, mask: str, depth: int, measure: str) -> np.ndarray:
    return study.values(stack, mask, "random", measure)[:, study.depths.index(depth)]


def near(values: np.ndarray, before: float) -> bool:
    """Within a factor of 3 where the number is below 0.01."""
    if before < 0.01:
        return 1 / 3 <= values.mean() / before <= 3
    spread = 2 * values.std(ddof=1) * math.sqrt(1 + 1 / len(values))
    return abs(values.mean() - before) <= max(0.03, spread)


@pytest.mark.parametrize(("stack", "mask", "depth", "residual", "cosine"), CELLS)
def test_two_codes_agree(study, stack, mask, depth, residual, cosine):
    assert near(seeds(study, stack, mask, depth, "relative_residual"), residual)
    assert near(seeds(study, stack, mask, depth, "cosine"), cosine)


def test_a_number_that_is_wrong_is_seen():
    assert near(np.array([0.50, 0.51, 0.52]), 0.535)
    assert not near(np.array([0.50, 0.51, 0.52]), 0.545)
    assert not near(np.array([1e-4, 2e-4, 3e-4]), 7e-4)


@pytest.mark.parametrize("tokens", ["random", "text"])
@pytest.mark.parametrize("stack", ["attention", "attention-norm", "skipless"])
def test_where_every_token_sees_all_skipless_stacks_are_below_ten_digits_by_block_18(study, stack, tokens):
    rest = study.values(stack, "bidirectional", tokens, "relative_residual")
    assert rest[:, study.depths.index(18)].max() < 1e-10


def test_every_stack_mask_text_and_seed_is_there_in_double_precision(study):
    assert len(study.runs) == len(STACKS) * 2 * 2 * 3
    assert (study.L, study.d, study.h, study.T, study.seeds) == (72, 256, 4, 128, (0, 1, 2))
    assert study.provenance.dtype == "float64"
