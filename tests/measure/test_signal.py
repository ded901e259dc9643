"""Measures of rank collapse on matrices whose answers are known, beside slow twins, and in whole models."""

import math

import pytest
import torch
from torch import Tensor

from nearlinear.errors import UnsupportedModel
from nearlinear.inputs.tiny import FAMILIES, tiny_model
from nearlinear.measure.signal import MEASURES, measured, signal_of

T, D = 12, 20


@pytest.fixture
def states() -> Tensor:
    """(2, 3, T, D)"""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, T, D, generator=generator, dtype=torch.float64) + 0.3


def rotation(d: int = D) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64))[0]


def slow(name: str, X: Tensor) -> float:
    """Each measure of one sequence (T, d) by its definition, with loops and T × T matrices."""
    rest = X - torch.stack([X.mean(0)] * len(X))
    pairs = [(i, j) for i in range(len(X)) for j in range(len(X)) if i != j]
    kernel = X @ X.T / X.shape[1]

    def composite(M: Tensor) -> Tensor:
        return torch.sqrt(torch.linalg.matrix_norm(M, 1) * torch.linalg.matrix_norm(M, torch.inf))

    twins = {
        "relative_residual": lambda: torch.linalg.svdvals(rest).norm() / torch.linalg.svdvals(X).norm(),
        "composite_residual": lambda: composite(rest) / composite(X),
        "cosine": lambda: sum(torch.cosine_similarity(X[i], X[j], dim=0) for i, j in pairs) / len(pairs),
        "stable_rank": lambda: (X**2).sum() / torch.linalg.matrix_norm(X, 2) ** 2,
        "diagonal": lambda: kernel.diagonal().mean(),
        "off_diagonal": lambda: sum(kernel[i, j] for i, j in pairs) / len(pairs),
    }
    return float(twins[name]())


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_is_its_slow_twin_on_every_sequence(name, states):
    fast = MEASURES[name](states)
    assert fast.shape == (2, 3)
    for i, j in ((0, 0), (1, 2)):
        assert float(fast[i, j]) == pytest.approx(slow(name, states[i, j]), rel=1e-12)


@pytest.mark.parametrize("name", MEASURES)
def test_more_tokens_than_dimensions_is_no_other_case(name, states):
    X = states[0].reshape(3 * T, D)
    assert float(MEASURES[name](X)) == pytest.approx(slow(name, X), rel=1e-12)


def values(X: Tensor) -> dict[str, float]:
    return {name: float(measure(X)) for name, measure in MEASURES.items()}


def test_equal_tokens_have_no_residual_and_rank_one():
    found = values(torch.arange(1.0, D + 1, dtype=torch.float64).expand(T, D))
    assert found["relative_residual"] < 1e-15
    assert found["composite_residual"] < 1e-15
    assert found["cosine"] == pytest.approx(1, abs=1e-14)
    assert found["stable_rank"] == pytest.approx(1, abs=1e-12)
    assert found["off_diagonal"] == pytest.approx(found["diagonal"], rel=1e-14)


def test_one_direction_with_unequal_lengths_has_rank_one_and_a_residual():
    lengths = torch.arange(1.0, T + 1, dtype=torch.float64)
    found = values(lengths[:, None] * torch.ones(D, dtype=torch.float64))
    assert found["stable_rank"] == pytest.approx(1, abs=1e-12)
    assert found["cosine"] == pytest.approx(1, abs=1e-14)
    wanted = math.sqrt(1 - lengths.mean().item() ** 2 / (lengths**2).mean().item())
    assert found["relative_residual"] == pytest.approx(wanted, rel=1e-12)


def test_orthogonal_tokens_have_a_residual_of_one_less_one_in_t():
    found = values(rotation()[:T])
    assert found["relative_residual"] == pytest.approx(math.sqrt(1 - 1 / T), rel=1e-12)
    assert found["stable_rank"] == pytest.approx(T, rel=1e-12)
    assert found["cosine"] == pytest.approx(0, abs=1e-12)
    assert found["off_diagonal"] == pytest.approx(0, abs=1e-12)
    assert found["diagonal"] == pytest.approx(1 / D, rel=1e-12)


ABSOLUTE = {"diagonal", "off_diagonal"}


@pytest.mark.parametrize("name", MEASURES.keys() - {"composite_residual"})
def test_turning_the_space_changes_nothing(name, states):
    assert torch.allclose(MEASURES[name](states @ rotation()), MEASURES[name](states), rtol=1e-10)


@pytest.mark.parametrize("name", MEASURES)
def test_the_order_of_tokens_does_not_matter_and_the_scale_only_to_the_kernel(name, states):
    measure, factor = MEASURES[name], 49.0 if name in ABSOLUTE else 1.0
    assert torch.allclose(measure(states.flip(-2)), measure(states), rtol=1e-12)
    assert torch.allclose(measure(-7 * states), factor * measure(states), rtol=1e-12)


def test_a_mean_over_tokens_is_not_a_mean_over_sequences(states):
    X = torch.ones(4, T, D, dtype=torch.float64) * torch.arange(1.0, 5)[:, None, None]
    assert float(measured(X)[0]) < 1e-15  # sequences differ, tokens do not


def test_one_token_has_no_pair_and_zero_states_no_direction():
    found = values(torch.ones(1, D, dtype=torch.float64))
    assert math.isnan(found["cosine"])
    assert math.isnan(found["off_diagonal"])
    assert math.isnan(values(torch.zeros(T, D, dtype=torch.float64))["relative_residual"])


def test_single_precision_states_are_measured_in_double(states):
    X = (1000 + states[0]).float()
    assert measured(X).dtype == torch.float64
    assert torch.equal(measured(X), measured(X.double()))


def test_padding_is_left_out_on_either_side(states):
    X, real = states[0].clone(), torch.ones(3, T)
    real[0, :4], real[1, -5:] = 0, 0
    wanted = torch.stack([measured(X[0, 4:][None]), measured(X[1, :-5][None]), measured(X[2][None])]).mean(0)
    X[real == 0] = 1e6
    assert torch.allclose(measured(X, real), wanted, rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_signal_of_any_model_is_that_of_its_stream(family):
    model, ids = tiny_model(family, d=16, L=3), torch.arange(30).reshape(2, 15)
    with torch.no_grad():
        stream = getattr(model, "base_model", model)(input_ids=ids, output_hidden_states=True).hidden_states
    signal = signal_of(model, ids)
    assert signal.depth == (0, 1, 2, 3)
    for depth in range(3):  # the last of `hidden_states` comes after the final norm
        for name, value in zip(MEASURES, measured(stream[depth]).tolist(), strict=True):
            assert getattr(signal, name)[depth] == pytest.approx(value, rel=1e-6, abs=1e-9)


def test_the_signal_of_a_padded_batch_is_that_of_its_sequences():
    model = tiny_model("llama", d=16, L=2).double()
    ids, mask = torch.arange(24).reshape(2, 12), torch.ones(2, 12, dtype=torch.long)
    mask[1, 8:] = 0
    alone = [signal_of(model, each).cosine[2] for each in (ids[:1], ids[1:, :8])]
    assert signal_of(model, ids, mask).cosine[2] == pytest.approx(sum(alone) / 2, abs=1e-7)


def test_a_model_without_blocks_is_refused():
    with pytest.raises(UnsupportedModel, match="has no list of blocks"):
        signal_of(torch.nn.Linear(2, 2), torch.zeros(1, 2, dtype=torch.long))
