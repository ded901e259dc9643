"""The precision ladder: how Zᵀ[Z | W] is multiplied on its way into a float64 sum.

`exact`  float64 throughout: the reference, no dearer than float32 on A100, H100 and H200.
`fast`   float32 products of at most CHUNK tokens, added to a float64 master; on GPUs with TF32 three TF32 products
         of a two-part split, because one TF32 product keeps only 11 bits.
`turbo`  one bf16 (or fp16) tensor-core product: for ranking only, refused on a CPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from nearlinear.errors import InputError

CHUNK = 2048
"""Tokens in one product. Accumulators of tensor cores are narrower than float32: short sums keep them honest."""

PRECISIONS = ("exact", "fast", "turbo")

_FULL_RATE_FLOAT64 = {(8, 0), (9, 0)}  # A100; H100 and H200: float64 matmul at the rate of float32 or better


class Exact:
    """Float64 products."""

    name = "exact"
    dtype = torch.float64

    @staticmethod
    def product(a: Tensor, b: Tensor) -> Tensor:
        return a.T @ b


class Fast:
    """Float32 products, TF32 kept off."""

    name = "fast"
    dtype = torch.float32

    @staticmethod
    def product(a: Tensor, b: Tensor) -> Tensor:
        with tf32(False):
            return a.T @ b


class FastSplit:
    """Float32 inputs cut in a TF32 part and the rest; lo·lo is below float32's own rounding and is left out."""

    name = "fast"
    dtype = torch.float32

    @staticmethod
    def product(a: Tensor, b: Tensor) -> Tensor:
        a_hi, b_hi = tf32_part(a), tf32_part(b)
        a_lo, b_lo = a - a_hi, b - b_hi
        with tf32(True):
            return a_hi.T @ b_hi + (a_hi.T @ b_lo + a_lo.T @ b_hi)


class Turbo:
    """One half-precision product; inputs are scaled by a power of two so that fp16 cannot overflow."""

    name = "turbo"
    dtype = torch.float32

    def __init__(self, half: torch.dtype):
        self.half = half

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        scale_a, scale_b = power_of_two(a), power_of_two(b)
        small = half_product((a / scale_a).to(self.half).T, (b / scale_b).to(self.half))
        return small * (scale_a * scale_b)


def half_product(a: Tensor, b: Tensor) -> Tensor:
    """a @ b of half-precision matrices, summed and returned in float32; a plain `@` would round the sums to half again.

    Before torch 2.8 there is no such product: TF32 takes its place, in which numbers of 8 or 11 bits are exact too.
    """
    if torch.__version__ >= (2, 8):
        return torch.mm(a, b, out_dtype=torch.float32)
    with tf32(True):
        return a.float() @ b.float()


def tf32_part(x: Tensor) -> Tensor:
    """x (float32) with its mantissa cut to TF32's 10 bits, so that a TF32 product of it is exact."""
    return (x.view(torch.int32) & ~0x1FFF).view(torch.float32)


def power_of_two(x: Tensor) -> Tensor:
    """The power of two at or above max |x|, as a 0-d tensor on x's device (no synchronisation)."""
    return torch.exp2(torch.ceil(torch.log2(x.abs().amax().clamp_min(1e-30))))


@contextmanager
def tf32(on: bool) -> Iterator[None]:
    """Allow or forbid TF32 products inside the `with`, and put the caller's choice back."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = on
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def choose(name: str, device: torch.device | str):
    """The way of multiplying for a precision name on a device; `auto` takes `exact` where float64 is cheap.

    Raises InputError for an unknown name, `turbo` on a CPU, and `exact` or `auto` on a device without float64.
    """
    device = torch.device(device)
    if name not in (*PRECISIONS, "auto"):
        raise InputError(f"no precision {name!r}: choose one of auto, {', '.join(PRECISIONS)}")
    if device.type == "mps":
        raise InputError("MPS has no float64, which the sums need: use the device cpu or cuda")
    if device.type != "cuda":
        return _choose_cpu(name)
    return _choose_cuda(name, torch.cuda.get_device_capability(device))


def _choose_cpu(name: str):
    if name == "turbo":
        raise InputError("precision turbo needs the tensor cores of a GPU: on a CPU use exact or fast")
    return Fast() if name == "fast" else Exact()


def _choose_cuda(name: str, capability: tuple[int, int]):
    if name == "turbo":
        return Turbo(torch.bfloat16 if capability >= (8, 0) else torch.float16)
    if name == "exact" or (name == "auto" and capability in _FULL_RATE_FLOAT64):
        return Exact()
    return FastSplit() if capability >= (8, 0) else Fast()
