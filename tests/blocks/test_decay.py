"""No weight decay on gains, norms and biases, by us and by Trainer; and Eq. 6 as a learning rate (appendix A)."""

import pytest
import torch
from transformers import Trainer, TrainingArguments

from nearlinear import SimplifiedConfig, SimplifiedForCausalLM, decay_groups
from nearlinear.blocks.config import BLOCK_NAMES
from nearlinear.blocks.parts import Reparametrised
from nearlinear.inputs.tiny import tiny_model
from nearlinear.inputs.twin import seeded

IDS = torch.arange(2 * 10).view(2, 10) % 40


def model_of(block, **words):
    config = SimplifiedConfig(
        block=block, vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=32, **words,
    )  # fmt: skip
    with seeded(2):
        return SimplifiedForCausalLM(config)


def names_without_decay(model, groups):
    """Which parameters of the model are in the group that does not decay; every parameter is in one group."""
    decayed, rest = ([id(weight) for weight in group["params"]] for group in groups)
    assert sorted(decayed + rest) == sorted(id(weight) for weight in model.parameters() if weight.requires_grad)
    return {name for name, weight in model.named_parameters() if id(weight) in rest}


@pytest.mark.parametrize("norm", ["rms", "layer", "none"])
@pytest.mark.parametrize("block", BLOCK_NAMES)
def test_gains_and_norms_do_not_decay(block, norm):
    model = model_of(block, norm=norm, vp_train_gains=True)
    groups = decay_groups(model, 0.1)
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    free = names_without_decay(model, groups)
    assert free == {name for name, _ in model.named_parameters() if "bias" in name or "norm." in name}


@pytest.mark.parametrize("norm", ["rms", "layer"])
@pytest.mark.parametrize("block", BLOCK_NAMES)
def test_trainer_comes_to_the_same_groups(block, norm, tmp_path):
    model = model_of(block, norm=norm, vp_train_gains=True)
    trainer = Trainer(model, TrainingArguments(tmp_path, weight_decay=0.1, report_to=[], use_cpu=True))
    theirs = trainer.create_optimizer().param_groups
    assert [group["weight_decay"] for group in theirs] == [0.1, 0.0]
    assert names_without_decay(model, theirs) == names_without_decay(model, decay_groups(model, 0.1))


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_other_families_too(family):
    model = tiny_model(family)
    free = names_without_decay(model, decay_groups(model, 0.1))
    assert free == {
        name for name, _ in model.named_parameters() if name.endswith(".bias") or "norm" in name or "ln_" in name
    }


def test_a_step_of_pure_decay_moves_matrices_alone():
    model = model_of("sas-p")
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimiser = torch.optim.AdamW(decay_groups(model, 0.5), lr=0.1)
    (0.0 * model(IDS, labels=IDS).loss).backward()
    optimiser.step()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight.detach(), before[name] * (0.95 if weight.ndim == 2 else 1.0))


def test_frozen_parameters_are_left_out():
    model = model_of("sas")
    model.get_input_embeddings().requires_grad_(False)
    frozen = model.get_input_embeddings().weight
    assert all(weight is not frozen for group in decay_groups(model, 0.1) for weight in group["params"])


def reparametrised(beta):
    """W = U + β·ΔW (6 × 6) in float64, U the same for every β."""
    part = Reparametrised(6, beta=beta).double()
    with seeded(3):
        part.initialise()
    return part


def after(part, optimiser, steps):
    """W after some steps on a loss that is not linear in it."""
    with seeded(4):
        x, y = torch.randn(2, 20, 6, dtype=torch.float64)
    for _ in range(steps):
        optimiser.zero_grad()
        (part(x).tanh() - y).square().mean().backward()
        optimiser.step()
    return part.weight().detach()


@pytest.mark.parametrize("beta", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("steps", [1, 20])
def test_sgd_moves_w_as_with_beta_squared_times_the_learning_rate(beta, steps):
    scaled, plain = reparametrised(beta), reparametrised(1.0)
    beta = scaled.beta.bias_free.item()  # as float32 has it
    W = after(scaled, torch.optim.SGD(scaled.parameters(), lr=0.5), steps)
    expected = after(plain, torch.optim.SGD(plain.parameters(), lr=0.5 * beta**2), steps)
    assert not torch.allclose(W, plain.initial, atol=1e-4)
    torch.testing.assert_close(W, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("beta", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("steps", [1, 20])
def test_adamw_moves_w_as_with_beta_times_the_learning_rate(beta, steps):
    """Adam does not see the size of gradients, but for its epsilon."""
    options = {"weight_decay": 0.0, "eps": 1e-15}
    scaled, plain = reparametrised(beta), reparametrised(1.0)
    beta = scaled.beta.bias_free.item()
    W = after(scaled, torch.optim.AdamW(scaled.parameters(), lr=0.01, **options), steps)
    expected = after(plain, torch.optim.AdamW(plain.parameters(), lr=0.01 * beta, **options), steps)
    torch.testing.assert_close(W, expected, rtol=1e-8, atol=1e-10)


def test_the_duality_needs_the_right_power_and_no_weight_decay():
    """Decay pulls β·ΔW to zero, so W to U, and not W itself to zero."""
    scaled, plain = reparametrised(0.5), reparametrised(1.0)
    W = after(scaled, torch.optim.SGD(scaled.parameters(), lr=0.5), 1)
    wrong = after(plain, torch.optim.SGD(plain.parameters(), lr=0.5 * 0.5), 1)
    assert (W - wrong).abs().max() > 1e-3

    scaled = reparametrised(0.5)
    W = after(scaled, torch.optim.SGD(scaled.parameters(), lr=0.5, weight_decay=1.9), 300)
    assert (W - scaled.initial).norm() < 0.2 * scaled.initial.norm()
