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


STRIPS = 4
"""xᵀx is symmetric: computed in four strips, of which each leaves out what lies left of its square, it costs 5/8."""


def strips(d: int) -> list[tuple[slice, slice]]:
    """Rows of G, and the columns of G = xᵀ[x | δ] that are computed for them."""
    width = -(-d // STRIPS)
    return [(slice(i, min(i + width, d)), slice(i, None)) for i in range(0, d, width)]


class Exact:
    """Float64 products."""

    name = "exact"
    dtype = torch.float64

    @staticmethod
    def add_gram(G: Tensor, z: Tensor) -> None:
        """G (d, 2d) += xᵀ[x | δ] for z = [x | δ] (k, 2d), on and above the diagonal of xᵀx."""
        for rows, columns in strips(len(G)):
            G[rows, columns].addmm_(z[:, rows].T, z[:, columns])


class Fast:
    """Float32 products, TF32 kept off."""

    name = "fast"
    dtype = torch.float32

    @staticmethod
    def add_gram(G: Tensor, z: Tensor) -> None:
        with tf32(False):
            for rows, columns in strips(len(G)):
                G[rows, columns] += z[:, rows].T @ z[:, columns]


class FastSplit:
    """Float32 inputs cut in a TF32 part and the rest; lo·lo is below float32's own rounding and is left out."""

    name = "fast"
    dtype = torch.float32

    @staticmethod
    def add_gram(G: Tensor, z: Tensor) -> None:
        hi = tf32_part(z)
        lo = z - hi
        with tf32(True):
            for rows, columns in strips(len(G)):
                cross = hi[:, rows].T @ lo[:, columns] + lo[:, rows].T @ hi[:, columns]
                G[rows, columns] += hi[:, rows].T @ hi[:, columns] + cross


class Turbo:
    """One half-precision product; columns are scaled by powers of two so that fp16 neither overflows nor underflows."""

    name = "turbo"
    dtype = torch.float32

    def __init__(self, half: torch.dtype):
        self.half = half

    def add_gram(self, G: Tensor, z: Tensor) -> None:
        scale = power_of_two(z)
        small = (z / scale).to(self.half)
        for rows, columns in strips(len(G)):
            G[rows, columns] += half_product(small[:, rows].T, small[:, columns]) * scale[rows, None] * scale[columns]


def half_product(a: Tensor, b: Tensor) -> Tensor:
    """a @ b of half-precision matrices, summed and returned in float32; a plain `@` would round the sums to half again.

    Before torch 2.8 there is no such product: TF32 takes its place, in which numbers of 8 or 11 bits are exact too.
    """
    if torch.__version__ >= (2, 8):
        return torch.mm(a, b, out_dtype=torch.float32)
    with tf32(True):
        return a.float() @ b.float()


def tf32_part(x: Tensor) -> Tensor:
    """x (float32) rounded to TF32's 10 bits of mantissa, so that a TF32 product of it is exact."""
    return ((x.view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)


def power_of_two(x: Tensor) -> Tensor:
    """Of each column, the power of two at or above its largest |x|."""
    return torch.exp2(torch.ceil(torch.log2(x.abs().amax(0).clamp_min(1e-30))))


@contextmanager
def tf32(on: bool) -> Iterator[None]:
    """Allow or forbid TF32 products inside the `with`, and put the caller's choice back."""
    matmul = torch.backends.cuda.matmul
    if hasattr(matmul, "fp32_precision"):  # torch 2.9: a caller who used this name cannot read the old one
        name, value = "fp32_precision", "tf32" if on else "ieee"
    else:
        name, value = "allow_tf32", on
    before = getattr(matmul, name)
    setattr(matmul, name, value)
    try:
        yield
    finally:
        setattr(matmul, name, before)


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
