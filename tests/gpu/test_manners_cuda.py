"""Good manners on a device: TF32 is left as it was found, and the inner loop never waits for the device."""

from types import SimpleNamespace

import pytest
import torch

from nearlinear.inputs.tiny import tiny_model
from nearlinear.measure.linearity import block_scores
from nearlinear.measure.precision import choose, tf32
from nearlinear.measure.residual import residual_stream
from nearlinear.measure.stream_sums import Rows, StreamSums

PRECISIONS = ("exact", "fast", "turbo")


@pytest.fixture
def waiting_is_an_error():
    """Inside, whatever would make the host wait for the device raises RuntimeError."""

    def switch(mode: str) -> None:
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode(mode)

    yield switch
    torch.cuda.set_sync_debug_mode("default")


def batch(device: torch.device, seed: int = 0) -> SimpleNamespace:
    ids = torch.randint(256, (4, 64), generator=torch.Generator().manual_seed(seed))
    return SimpleNamespace(input_ids=ids.to(device), attention_mask=torch.ones_like(ids).to(device))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_sums_never_wait_for_the_device(precision, device, waiting_is_an_error):
    sums = StreamSums(choose(precision, device))
    sums.rows = Rows.of(torch.ones(4, 64), device)
    x = torch.randn(4, 64, 48, device=device)
    y = x + torch.tanh(x)
    waiting_is_an_error("error")
    for layer in (0, 1, 0, 1):
        sums.on_block(layer, x, y)
    with pytest.raises(RuntimeError, match="synchroniz"):  # the check itself works
        float(sums.blocks[0].rest.sq_d)


def tf32_allowed() -> bool:
    """Found out by multiplying, because flags have two names: a product in TF32 forgets what float32 keeps."""
    a = torch.full((1024, 1024), 1 + 2**-20, device="cuda")
    return bool((a @ torch.eye(1024, device="cuda") != a).any())


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_tf32_is_left_as_it_was_found(precision, before, device):
    with tf32(before):
        sums = StreamSums(choose(precision, device))
        sums.rows = Rows.of(torch.ones(4, 64), device)
        x = torch.randn(4, 64, 48, device=device)
        sums.on_block(0, x, x + 1)
        assert tf32_allowed() is before


def test_tf32_is_put_back_after_an_exception(device):
    def break_inside():
        with tf32(True):
            assert tf32_allowed()
            raise KeyError

    with tf32(False):
        with pytest.raises(KeyError):
            break_inside()
        assert not tf32_allowed()


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_model_scores_the_same_on_the_device(family, device):
    model, found = tiny_model(family), []
    for where in (torch.device("cpu"), device):
        model, sums = model.to(where), StreamSums(choose("exact", where))
        sums.rows = Rows.of(torch.ones(4, 64), where)
        for seed in range(8):
            residual_stream(model, batch(where, seed), sums.on_block)
        found.append([block_scores(sums.blocks[layer].no_first_token()) for layer in range(sums.L)])
    for cpu, cuda in zip(*found, strict=True):
        assert cuda.update_score == pytest.approx(cpu.update_score, abs=1e-4)
        assert cuda.score == pytest.approx(cpu.score, abs=1e-4)
