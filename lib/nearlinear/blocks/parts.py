"""What blocks are made of: the wide reading matrix, the MLP, gains, norms, and W = α·W_init + β·ΔW."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import SimplifiedConfig

ACT = {"relu": F.relu, "gelu": F.gelu, "silu": F.silu}


class Reads(nn.Linear):
    """One matrix for everything that reads the same states, so one GEMM: (…, d) → one tensor a part.

    `zero`: parts that start at zero. W_Q = 0 makes every logit 0, so A = C at initialisation (section 4.1).
    """

    def __init__(self, d: int, parts: dict[str, int], *, zero: tuple[str, ...] = ()):
        super().__init__(d, sum(parts.values()), bias=False)
        self.widths, self.zero = dict(parts), zero

    def parts(self, x: Tensor) -> tuple[Tensor, ...]:
        return self(x).split(tuple(self.widths.values()), dim=-1)

    def part(self, name: str) -> Tensor:
        """W of one part, (width, d): a view."""
        return dict(zip(self.widths, self.weight.split(tuple(self.widths.values())), strict=True))[name]

    @torch.no_grad()
    def initialise(self, std: float) -> None:
        if fresh(self.weight):
            nn.init.normal_(self.weight, std=std)
            for name in self.zero:
                self.part(name).zero_()


class MLP(nn.Module):
    """W_2 φ(u) of u = W_1 x, which is read by the block: u (…, d_ff) → (…, d)."""

    def __init__(self, config: SimplifiedConfig):
        super().__init__()
        self.act = ACT[config.hidden_act]
        self.down = nn.Linear(self.width_inside(config), config.hidden_size, bias=False)

    @staticmethod
    def width_inside(config: SimplifiedConfig) -> int:
        return config.intermediate_size

    def forward(self, u: Tensor) -> Tensor:
        return self.down(self.act(u))


class GatedMLP(MLP):
    """W_2 (φ(u_1) ⊙ u_2), where u_1 and u_2 are the halves of u (GLU, as in Crammed BERT)."""

    @staticmethod
    def width_inside(config: SimplifiedConfig) -> int:
        return config.intermediate_size // 2

    def forward(self, u: Tensor) -> Tensor:
        gate, value = u.chunk(2, dim=-1)
        return self.down(self.act(gate) * value)


def mlp(config: SimplifiedConfig) -> MLP:
    return GatedMLP(config) if config.mlp == "gated" else MLP(config)


class Gain(nn.Module):
    """A number (or one a head) that states are multiplied by; trainable, and never decayed, unless it is fixed.

    The tensor is called `bias_free`, although there is no bias, because transformers' Trainer goes by names: it leaves
    parameters whose name holds "bias" without weight decay, and the paper decays no gain.
    """

    def __init__(self, initial: float, n: int = 1, *, trainable: bool = True):
        super().__init__()
        self.start = initial
        if trainable:
            self.bias_free = nn.Parameter(torch.empty(n))
        else:
            self.register_buffer("bias_free", torch.empty(n))
        self.initialise()

    def forward(self, x: Tensor) -> Tensor:
        return self.bias_free.to(x.dtype) * x

    def initialise(self) -> None:
        if fresh(self.bias_free):
            nn.init.constant_(self.bias_free, self.start)


class Delta(nn.Linear):
    """ΔW (d, d) of Eq. 6, which starts at zero. A class of its own, so that no other way of starting finds it."""

    def __init__(self, d: int):
        super().__init__(d, d, bias=False)

    def initialise(self) -> None:
        if fresh(self.weight):
            nn.init.zeros_(self.weight)


class Reparametrised(nn.Module):
    """x (α·W_init + β·ΔW)ᵀ (Eq. 6): W_init stays, ΔW starts at zero and is trained; α, β fixed unless `train_gains`.

    By the duality of appendix A, β scales the learning rate: SGD moves W as plain SGD does with β² times the rate.
    """

    def __init__(self, d: int, *, alpha: float = 1.0, beta: float = 1.0, train_gains: bool = False):
        super().__init__()
        self.alpha, self.beta = Gain(alpha, trainable=train_gains), Gain(beta, trainable=train_gains)
        self.delta = Delta(d)
        self.register_buffer("initial", torch.empty(d, d))

    def weight(self) -> Tensor:
        """W (d, d), rows are outputs."""
        return self.alpha(self.initial) + self.beta(self.delta.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight())

    @torch.no_grad()
    def initialise(self) -> None:
        """W_init: a random rotation or reflection, drawn in float32 (QR has no half precision). ΔW: zero."""
        if fresh(self.initial):
            self.initial.copy_(nn.init.orthogonal_(self.initial.float()))
        self.delta.initialise()

    @torch.no_grad()
    def start_from(self, initial: Tensor) -> None:
        """W_init: the one given, unless a file gave one. ΔW stays."""
        if fresh(self.initial):
            self.initial.copy_(initial)


class FirstValue(nn.Module):
    """x + x ΔWᵀ: Eq. 6 with W_init = I and α = β = 1. SAS keeps W_V in its first block alone (section 4.2)."""

    def __init__(self, d: int):
        super().__init__()
        self.delta = Delta(d)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.delta(x)

    def weight(self) -> Tensor:
        """W_V (d, d), rows are outputs."""
        W = self.delta.weight
        return W + torch.eye(len(W), dtype=W.dtype, device=W.device)


def fresh(tensor: Tensor) -> bool:
    """Whether a tensor is still to be initialised: transformers marks those that it has read from a file."""
    return not getattr(tensor, "_is_hf_initialized", False)


class RMSNorm(nn.RMSNorm):
    """x / rms(x) ⊙ weight, with the weight in x's dtype: torch's fused kernel wants both alike, in autocast too."""

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)


def norm(config: SimplifiedConfig) -> nn.Module:
    """RMSNorm, LayerNorm or nothing, over the d numbers of a token."""
    d, eps = config.hidden_size, config.norm_eps
    if config.norm == "none":
        return nn.Identity()
    return RMSNorm(d, eps=eps) if config.norm == "rms" else nn.LayerNorm(d, eps=eps)
