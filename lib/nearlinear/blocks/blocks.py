"""The eight blocks (arXiv 2311.01906, Figs. 1, 10 and 11), each as its equation. States x are (B, T, d)."""

from torch import Tensor, nn

from .config import SimplifiedConfig
from .context import Context
from .mixing import Mixing, Shaped, ValueSkip
from .parts import Gain, Reads, Reparametrised, mlp, norm
from .simplified import SimplifiedAttention


class PreLN(nn.Module):
    """x̂ = x + MHA(Norm x), then x̂ + MLP(Norm x̂) (Eq. 1, all gains 1)."""

    def __init__(self, config: SimplifiedConfig, layer_idx: int):
        super().__init__()
        d = config.hidden_size
        self.attn_norm, self.mlp_norm = norm(config), norm(config)
        self.reads = Reads(d, {"q": d, "k": d, "v": d})
        self.attn, self.project = Mixing(config, layer_idx), nn.Linear(d, d, bias=False)
        self.up, self.mlp = Reads(d, {"mlp": config.intermediate_size}), mlp(config)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        q, k, v = self.reads.parts(self.attn_norm(x))
        x = x + self.project(self.attn(q, k, v, context))
        return x + self.mlp(self.up(self.mlp_norm(x)))


class PostLN(PreLN):
    """x̂ = Norm(x + MHA(x)), then Norm(x̂ + MLP(x̂)): the block of Vaswani et al. (arXiv 1706.03762)."""

    def forward(self, x: Tensor, context: Context) -> Tensor:
        q, k, v = self.reads.parts(x)
        x = self.attn_norm(x + self.project(self.attn(q, k, v, context)))
        return self.mlp_norm(x + self.mlp(self.up(x)))


class Skipless(PreLN):
    """x̂ = MHA(Norm x), then x̂ + MLP(Norm x̂): Pre-LN without its attention skip, and nothing put right. It collapses."""

    def forward(self, x: Tensor, context: Context) -> Tensor:
        q, k, v = self.reads.parts(self.attn_norm(x))
        x = self.project(self.attn(q, k, v, context))
        return x + self.mlp(self.up(self.mlp_norm(x)))


class Parallel(nn.Module):
    """x + MHA(Norm x) + MLP(Norm x) (Eq. 7, all gains 1): one norm, one reading matrix."""

    def __init__(self, config: SimplifiedConfig, layer_idx: int):
        super().__init__()
        d = config.hidden_size
        self.norm = norm(config)
        self.reads = Reads(d, {"q": d, "k": d, "v": d, "mlp": config.intermediate_size})
        self.attn, self.project = Mixing(config, layer_idx), nn.Linear(d, d, bias=False)
        self.mlp = mlp(config)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        q, k, v, u = self.reads.parts(self.norm(x))
        return x + self.project(self.attn(q, k, v, context)) + self.mlp(u)


class VSkipInit(nn.Module):
    """x̂ = W_P Attn(W_V Norm x), then x̂ + β_FF MLP(Norm x̂): no attention skip; attention is the identity at first.

    W_V and W_P are α·W_init + β·ΔW (Eq. 6). Attn is αI + βA − γC, as in the paper's curves, or αI + βA (Eq. 4).
    """

    def __init__(self, config: SimplifiedConfig, layer_idx: int):
        super().__init__()
        d = config.hidden_size
        self.attn_norm, self.mlp_norm = norm(config), norm(config)
        self.reads = Reads(d, {"q": d, "k": d}, zero=("q",))
        gains = {"alpha": config.vp_alpha, "beta": config.vp_beta, "train_gains": config.vp_train_gains}
        self.value, self.project = Reparametrised(d, **gains), Reparametrised(d, **gains)
        self.attn = (Shaped if config.attention_shape == "shaped" else ValueSkip)(config, layer_idx)
        self.up, self.mlp = Reads(d, {"mlp": config.intermediate_size}), mlp(config)
        self.beta_ff = Gain(config.beta_ff)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        y = self.attn_norm(x)
        q, k = self.reads.parts(y)
        x = self.project(self.attn(q, k, self.value(y), context))
        return x + self.beta_ff(self.mlp(self.up(self.mlp_norm(x))))


class SAS(nn.Module):
    """y = Norm x, x̂ = (αI + βA − γC) y, then x̂ + β_FF MLP(Norm x̂): no attention skip, no W_V, no W_P (Eq. 12, 13)."""

    def __init__(self, config: SimplifiedConfig, layer_idx: int):
        super().__init__()
        d = config.hidden_size
        self.attn_norm, self.mlp_norm = norm(config), norm(config)
        self.reads = Reads(d, {"q": d, "k": d}, zero=("q",))
        self.attn = SimplifiedAttention(config, layer_idx)
        self.up, self.mlp = Reads(d, {"mlp": config.intermediate_size}), mlp(config)
        self.beta_ff = Gain(config.beta_ff)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        y = self.attn_norm(x)
        q, k = self.reads.parts(y)
        x = self.attn(q, k, y, context, self.reads)
        return x + self.beta_ff(self.mlp(self.up(self.mlp_norm(x))))


class SASP(nn.Module):
    """y = Norm x, then β_SA (αI + βA − γC) y + β_FF MLP(y): both halves in parallel, no skip at all (Eq. 7)."""

    def __init__(self, config: SimplifiedConfig, layer_idx: int):
        super().__init__()
        d = config.hidden_size
        self.norm = self.norm_of(config, layer_idx)
        self.reads = Reads(d, {"q": d, "k": d, "mlp": config.intermediate_size}, zero=("q",))
        self.attn, self.mlp = SimplifiedAttention(config, layer_idx), mlp(config)
        self.beta_sa, self.beta_ff = Gain(1.0), Gain(config.beta_ff)

    @staticmethod
    def norm_of(config: SimplifiedConfig, layer_idx: int) -> nn.Module:
        return norm(config)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        y = self.norm(x)
        q, k, u = self.reads.parts(y)
        return self.beta_sa(self.attn(q, k, y, context, self.reads)) + self.beta_ff(self.mlp(u))


class SASPNoNorm(SASP):
    """SAS-P without its norms; as in the released code, the first block keeps one, so that its input has unit size."""

    @staticmethod
    def norm_of(config: SimplifiedConfig, layer_idx: int) -> nn.Module:
        return norm(config) if layer_idx == 0 else nn.Identity()


BLOCKS: dict[str, type[nn.Module]] = {
    "pre-ln": PreLN,
    "post-ln": PostLN,
    "parallel": Parallel,
    "v-skipinit": VSkipInit,
    "sas": SAS,
    "sas-p": SASP,
    "sas-p-no-norm": SASPNoNorm,
    "skipless": Skipless,
}
"""Name → class, in the order of the configuration's names."""
