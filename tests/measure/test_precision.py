"""The ladder's arithmetic, shown on a CPU: tensor cores are imitated by cutting what goes into a product."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nearlinear.errors import InputError
from nearlinear.measure import precision
from nearlinear.measure.linearity import block_scores
from nearlinear.measure.moments import MomentSums
from nearlinear.measure.precision import Exact, Fast, FastSplit, Turbo, choose, tf32, tf32_part

n, d = 3000, 48


def cut_to_tf32(x: torch.Tensor) -> torch.Tensor:
    """What a tensor core reads of a float32: its upper 19 bits."""
    return (x.view(torch.int32) & ~0x1FFF).view(torch.float32)


def tf32_is_on() -> bool:
    matmul = torch.backends.cuda.matmul
    return matmul.fp32_precision == "tf32" if hasattr(matmul, "fp32_precision") else matmul.allow_tf32


class TensorCores(TorchDispatchMode):
    """Products inside are those of tensor cores: TF32 where it is allowed, float32 sums of half-precision inputs."""

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        if "dtype" in torch.ops.aten.mm.overloads() and op is torch.ops.aten.mm.dtype:  # from torch 2.8 on
            return args[0].float() @ args[1].float()
        if op is torch.ops.aten.mm.default and args[0].dtype == torch.float32 and tf32_is_on():
            args = tuple(cut_to_tf32(m.contiguous()) for m in args)
        return op(*args, **(kwargs or {}))


def states(massive: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """States (n, d) and updates of a mildly non-linear block, float32; every 500th token is massive in two of them."""
    rng = torch.Generator().manual_seed(seed)
    mix = torch.linalg.qr(torch.randn(d, d, generator=rng)).Q / torch.arange(1, d + 1)[:, None]
    x = 10 * torch.randn(n, d, generator=rng) @ mix + torch.randn(d, generator=rng)
    delta = torch.tanh(x @ torch.randn(d, d, generator=rng) / 2)
    x[::500, :2] += massive
    return x, delta


def scores(way, x: torch.Tensor, delta: torch.Tensor) -> torch.Tensor:
    sums = MomentSums(x.double().mean(0).float(), delta.double().mean(0).float(), way)
    with TensorCores():
        sums.add(x, delta)
    found = block_scores(sums.moments())
    return torch.tensor([found.score, found.update_score], dtype=torch.float64)


@pytest.mark.parametrize("massive", [0.0, 300.0])
def test_three_tf32_products_keep_six_digits(massive):
    x, delta = states(massive)
    exact = scores(Exact(), x, delta)
    assert 0.1 < exact[1] < 0.95
    assert (scores(FastSplit(), x, delta) - exact).abs().max() < 1e-6
    assert (scores(Fast(), x, delta) - exact).abs().max() < 1e-6


class OneTf32(Fast):
    """The case that must fail: TF32 without the split."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(precision, "tf32", lambda on: tf32(True))


def test_one_tf32_product_does_not(monkeypatch):
    x, delta = states(massive=3000.0)
    exact = scores(Exact(), x, delta)
    assert (scores(OneTf32(monkeypatch), x, delta) - exact).abs().max() > 1e-5


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("massive", [0.0, 3000.0, 1e6])
def test_turbo_is_near_enough_to_rank(half, massive):
    """1e6 does not fit in fp16, whose largest number is 65,504: the inputs are scaled."""
    x, delta = states(massive)
    assert (scores(Turbo(half), x, delta) - scores(Exact(), x, delta)).abs().max() < 2e-2


def test_tf32_part_is_read_whole_by_a_tensor_core():
    x = torch.randn(4096, generator=torch.Generator().manual_seed(0)) * torch.logspace(-30, 30, 4096)
    x = torch.cat([x, torch.tensor([0.0, -0.0, 1.0, -2.0, float("inf")])])
    part = tf32_part(x)
    assert torch.equal(cut_to_tf32(part), part)
    assert ((part - x).abs()[:-1] <= 2**-10 * x.abs()[:-1]).all()
    assert torch.equal(part[-5:], x[-5:])


@pytest.mark.parametrize(
    ("capability", "kinds"),
    [
        ((7, 5), {"auto": Fast, "fast": Fast, "exact": Exact, "turbo": Turbo}),
        ((8, 0), {"auto": Exact, "fast": FastSplit, "exact": Exact, "turbo": Turbo}),
        ((8, 6), {"auto": FastSplit, "fast": FastSplit, "exact": Exact, "turbo": Turbo}),
        ((9, 0), {"auto": Exact, "fast": FastSplit, "exact": Exact, "turbo": Turbo}),
    ],
)
def test_a_gpu_gets_what_its_generation_does_well(capability, kinds, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert {name: type(choose(name, "cuda")) for name in kinds} == kinds
    assert choose("turbo", "cuda").half == (torch.float16 if capability < (8, 0) else torch.bfloat16)


def test_a_cpu_is_exact_unless_told_otherwise():
    assert [type(choose(name, "cpu")) for name in ("auto", "exact", "fast")] == [Exact, Exact, Fast]


@pytest.mark.parametrize(
    ("name", "device", "message"),
    [("double", "cpu", "choose one of auto, exact"), ("turbo", "cpu", "tensor cores"), ("auto", "mps", "float64")],
)
def test_what_a_device_cannot_do_is_refused(name, device, message):
    with pytest.raises(InputError, match=message):
        choose(name, device)


@pytest.mark.parametrize("before", [True, False])
def test_tf32_is_put_back_even_after_an_exception(before):
    def break_inside():
        with tf32(not before):
            assert tf32_is_on() is not before
            raise KeyError

    with tf32(before):
        with pytest.raises(KeyError):
            break_inside()
        assert tf32_is_on() is before
