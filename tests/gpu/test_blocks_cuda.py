"""Simplified blocks on the device: the same answers as on a CPU, no waiting, no T × T memory, and compiled once."""

import inspect
from functools import partial
from pathlib import Path

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers.cache_utils import DynamicCache, StaticCache

from nearlinear import HalfCache, SimplifiedConfig, SimplifiedForCausalLM, SimplifiedForMaskedLM
from nearlinear.blocks.attention import sdpa, shaped, shaped_matrix, visible_mean
from nearlinear.blocks.config import BLOCK_NAMES
from nearlinear.blocks.visible import Visible, visible

B, h, T, d_k = 2, 3, 24, 16
SIMPLIFIED = ("sas", "sas-p", "sas-p-no-norm")
ERROR = {torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 4e-2}
"""What rounding may do to states of size 1, a type each."""


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()


def heads(device: torch.device, dtype: torch.dtype = torch.float64, T: int = T) -> list[torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return [
        torch.randn(B, h, T, d_k, generator=rng, dtype=torch.float64).to(device, dtype).requires_grad_()
        for _ in range(3)
    ]


def gains(device: torch.device, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, ...]:
    return tuple((torch.linspace(0.5, 1.5, h, dtype=dtype, device=device) + i).requires_grad_() for i in range(3))


def masks(device: torch.device) -> dict[str, Visible]:
    left = torch.ones(B, T, dtype=torch.long)
    left[0, :7] = 0
    packed = (torch.arange(T) // 9).expand(B, T).to(device)
    return {
        "causal": visible(T, causal=True, device=device),
        "bidirectional": visible(T, causal=False, device=device),
        "left padding": visible(T, causal=True, attention_mask=left.to(device), device=device),
        "window": visible(T, causal=True, window=5, device=device),
        "packed": visible(T, causal=True, segments=packed, device=device),
    }


def model(block: str, device: torch.device, dtype: torch.dtype = torch.float32, **words) -> torch.nn.Module:
    """A small model whose queries are not zero, the same on every device."""
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "hidden_size": 48, "num_hidden_layers": 4, "num_attention_heads": 3}
    config = SimplifiedConfig(block=block, max_position_embeddings=64, **{**sizes, **words})
    made = (SimplifiedForCausalLM if config.causal else SimplifiedForMaskedLM)(config)
    for layer in made.model.layers:
        torch.nn.init.normal_(layer.reads.part("q").detach(), std=0.3)
    return made.to(device, dtype).eval()


def ids(device: torch.device, T: int = T) -> torch.Tensor:
    return torch.randint(64, (B, T), generator=torch.Generator().manual_seed(2)).to(device)


@pytest.mark.parametrize("kind", masks(torch.device("cpu")))
def test_fused_equals_the_matrix_in_float64(kind, device):
    seen = masks(device)[kind]
    found = []
    for way in ("fused", "dense"):
        (q, k, v), abc = heads(device), gains(device)
        out = shaped(q, k, v, v, abc, seen, sdpa) if way == "fused" else shaped_matrix(q, k, abc, seen) @ v
        real = torch.ones(B, 1, T, 1, device=device) if seen.real is None else seen.real[:, None, :, None]
        found.append([out * real, *torch.autograd.grad((out * real).square().sum(), (q, k, v, *abc))])
    for fused, dense in zip(*found, strict=True):
        assert (fused - dense).abs().max() < 1e-11 * dense.abs().max().clamp(min=1)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_without_padding_the_flash_kernel_is_used(dtype, causal, device):
    seen, (q, k, v), abc = visible(T, causal=causal, device=device), heads(device, dtype), gains(device, dtype)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):  # any other raises RuntimeError
        out = shaped(q, k, v, v, abc, seen, sdpa)
        out.sum().backward()
    wide = shaped_matrix(q.double(), k.double(), tuple(g.double() for g in abc), seen) @ v.double()
    assert (out - wide).abs().max() < 4 * ERROR[dtype]


def test_a_mask_would_take_the_flash_kernel_away(device):
    """The case that must fail: it is the missing mask that lets the fast kernel in."""
    seen, (q, k, v) = masks(device)["window"], heads(device, torch.bfloat16)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION), pytest.raises((RuntimeError, UserWarning)):  # the reason comes first
        sdpa(q, k, v, seen)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_running_mean_of_a_long_text_is_summed_in_float32(dtype, device):
    long = 16384
    v = (torch.randn(1, 1, long, 8, generator=torch.Generator().manual_seed(0)) + 0.5).to(device, dtype)
    got = visible_mean(v, visible(long, causal=True, device=device)).double()
    true = v.double().cumsum(-2) / torch.arange(1, long + 1, device=device)[:, None]
    assert got.isfinite().all()
    assert ((got - true).abs() / true.abs().clamp(min=0.1))[:, :, -1].max() < {torch.bfloat16: 4e-3}.get(dtype, 5e-4)


@pytest.mark.parametrize("dtype", ERROR)
@pytest.mark.parametrize("block", SIMPLIFIED)
def test_attention_is_the_identity_at_initialisation(block, dtype, device):
    torch.manual_seed(0)
    config = SimplifiedConfig(block, 64, hidden_size=48, num_hidden_layers=2, num_attention_heads=3, beta_ff=0.0)
    made = SimplifiedForCausalLM(config).to(device, dtype).eval()
    layer, x = made.model.layers[1], torch.randn(B, T, 48, device=device).to(dtype)
    seen = {}
    layer.attn.register_forward_hook(lambda module, given, out: seen.update(given=given[2], out=out))
    made.model(inputs_embeds=x)
    assert (seen["out"] - seen["given"]).abs().max() < ERROR[dtype] * seen["given"].abs().max()


@pytest.mark.parametrize("block", BLOCK_NAMES)
def test_a_model_answers_as_on_the_cpu(block, device):
    logits = [model(block, where)(input_ids=ids(where)).logits.cpu() for where in (torch.device("cpu"), device)]
    assert (logits[0] - logits[1]).abs().max() < 1e-4 * logits[0].abs().max().clamp(min=1)


@pytest.mark.parametrize("kind", ["dynamic", "half", "static"])
@pytest.mark.parametrize("block", SIMPLIFIED)
def test_token_by_token_with_a_cache_equals_all_at_once(block, kind, device):
    made = model(block, device)
    whole = made(input_ids=ids(device)).logits
    cache = {"dynamic": DynamicCache, "half": HalfCache}.get(kind, partial(StaticCache, made.config, T))()
    with torch.no_grad():
        parts = [made(input_ids=part, past_key_values=cache).logits for part in ids(device).split(1, dim=1)]
    assert (torch.cat(parts, dim=1) - whole).abs().max() < 1e-4


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("block", BLOCK_NAMES)
def test_a_step_never_waits_for_the_device(block, device):
    made, tokens = model(block, device), ids(device)

    def step() -> None:
        made(input_ids=tokens, labels=tokens, use_cache=False).loss.backward()

    step()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.filterwarnings("ignore::UserWarning")  # the compiler's advice on TF32 and the like
@pytest.mark.parametrize("block", BLOCK_NAMES)
def test_a_block_is_compiled_once_and_used_again(block, device):
    """One graph a class, two where the first block has a W_V; the same loss and gradients."""
    plain, made, tokens = model(block, device), model(block, device), ids(device)
    counter = CompileCounterWithBackend("inductor")
    layers = made.model.layers
    forward = inspect.unwrap(type(layers[0]).forward)
    compiled = torch.compile(forward, backend=counter, fullgraph=True, dynamic=False)
    for layer in layers:
        layer.forward = partial(compiled, layer)
    losses = [m(input_ids=tokens, labels=tokens, use_cache=False).loss for m in (plain, made)]
    for loss in losses:
        loss.backward()
    assert counter.frame_count == (2 if block in SIMPLIFIED else 1)
    assert losses[1].item() == pytest.approx(losses[0].item(), rel=1e-5)
    for one, two in zip(plain.parameters(), made.parameters(), strict=True):
        assert (one.grad - two.grad).abs().max() < 1e-4 * one.grad.abs().max().clamp(min=1e-3)


def test_memory_is_linear_in_the_length_of_the_text(device):
    def peak(length: int, way: str) -> int:
        q, k, v = (torch.randn(1, 8, length, 64, device=device).bfloat16().requires_grad_() for _ in range(3))
        abc = tuple(torch.ones(8, device=device).bfloat16().requires_grad_() for _ in range(3))
        seen = visible(length, causal=True, device=device)
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        out = shaped(q, k, v, v, abc, seen, sdpa) if way == "fused" else shaped_matrix(q, k, abc, seen) @ v
        out.sum().backward()
        return torch.cuda.max_memory_allocated() - before

    for way in ("fused", "dense"):
        peak(256, way)
    assert peak(8192, "fused") < 2.2 * peak(4096, "fused")
    assert peak(4096, "dense") > 3.5 * peak(2048, "dense")  # the case that must fail


def test_left_padding_changes_nothing_in_bf16(device):
    made = model("sas-p", device, torch.bfloat16)
    mask = torch.cat([torch.zeros(B, 5), torch.ones(B, T)], dim=1).long().to(device)
    padded = torch.cat([ids(device)[:, :5], ids(device)], dim=1)
    got = made(input_ids=padded, attention_mask=mask).logits[:, 5:]
    assert (got - made(input_ids=ids(device)).logits).abs().max() < 10 * ERROR[torch.bfloat16]
    assert got.isfinite().all()


@pytest.mark.parametrize("block", ["pre-ln", *SIMPLIFIED])
def test_decoding_in_a_cuda_graph_writes_the_same_tokens(block, device, monkeypatch):
    """The decoder of benchmarks/blocks_speed.py, which times what is checked here."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    from decoding import Greedy, static

    made, prompt = model(block, device), ids(device, 8)
    recorded, step = static(made, prompt, 8, None)
    plain = Greedy(made, prompt, DynamicCache())
    for _ in range(2):  # a second time: going back to the prompt works
        recorded.begin()
        plain.begin()
        for _ in range(6):
            step()
            plain.step()
            assert recorded.token.tolist() == plain.token.tolist()
