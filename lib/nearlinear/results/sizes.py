"""The sizes that counts depend on: of any model, of the paper's two, and of a few to try. Pure Python: no torch."""

from dataclasses import dataclass, replace
from typing import Literal

from nearlinear.errors import InputError


@dataclass(frozen=True)
class Sizes:
    """What the counts depend on; defaults as in `SimplifiedConfig`, whose names are in brackets.

    L: blocks. d: width. h: heads. V: vocabulary. f: width inside the MLP (intermediate_size; 4 d if None), halved by
    the gate where mlp="gated". P: positions (max_position_embeddings), which are parameters where they are learned.
    tied: the head is the embedding. share: part of the tokens that logits are computed for (sparse prediction: < 1).
    Raises InputError for sizes that no model can have.
    """

    L: int = 18
    d: int = 768
    h: int = 12
    V: int = 50_000
    f: int | None = None
    P: int = 1024
    positions: Literal["learned", "sinusoidal", "rope", "alibi", "none"] = "learned"
    mlp: Literal["plain", "gated"] = "plain"
    norm: Literal["rms", "layer", "none"] = "rms"
    tied: bool = True
    causal: bool = True
    share: float = 1.0
    attention_shape: Literal["shaped", "value-skip"] = "shaped"
    vp_train_gains: bool = False

    def __post_init__(self):
        if self.f is None:
            object.__setattr__(self, "f", 4 * self.d)
        if min(self.L, self.d, self.h, self.V, self.f) < 1 or self.P < 0:
            raise InputError(
                "a model needs at least one block, head, token and number a token: give sizes of 1 or more"
            )
        if self.d % self.h:
            raise InputError(f"width {self.d} is not divisible by {self.h} heads: every head needs the same width")
        if self.mlp == "gated" and self.f % 2:
            raise InputError(f"a gated MLP halves its width, and {self.f} is odd: give an even one")
        if not 0 <= self.share <= 1:
            raise InputError(f"logits for a share of {self.share} of the tokens: give a share from 0 to 1")


def letters(sizes: Sizes, T: int = 1) -> dict[str, float]:
    """The number behind each letter; T: tokens in a window. Beyond those of `Sizes`:

    g: width of what leaves the MLP's gate (f, or f/2). p: learned positions. U: rows of a head that is not tied.
    m: numbers in a norm, for each dimension. a: gains of attention, a head. e: gains of V and P, a block (V-SkipInit).
    k: tokens that a token sees, on average: (T + 1)/2 in a decoder, T in an encoder. W: logits, a token.
    Raises InputError for a window without tokens.
    """
    if T < 1:
        raise InputError(f"a window of {T} tokens is none: give at least 1")
    f = sizes.f or 0  # never None once `Sizes` is made
    return {
        **{letter: getattr(sizes, letter) for letter in "LdhVf"},
        "g": f // 2 if sizes.mlp == "gated" else f,
        "p": sizes.P if sizes.positions == "learned" else 0,
        "U": 0 if sizes.tied else sizes.V,
        "m": {"rms": 1, "layer": 2, "none": 0}[sizes.norm],
        "a": 3 if sizes.attention_shape == "shaped" else 2,
        "e": 4 if sizes.vp_train_gains else 0,
        "k": (T + 1) / 2 if sizes.causal else T,
        "W": sizes.V * sizes.share,
        "T": T,
    }


DECODER = Sizes()
"""The paper's decoder (section 4.2, CodeParrot): 18 blocks, 50,000 tokens of vocabulary, 1,024 learned positions."""

ENCODER = Sizes(
    L=16, V=32_768, f=3072, P=512, positions="sinusoidal", mlp="gated", norm="layer", causal=False, share=0.25
)
"""Its encoder (Crammed BERT): 16 blocks, a gated MLP, and logits for the quarter of the tokens that is masked."""

PAPER_MODELS = {"CodeParrot decoder": DECODER, "BERT encoder": ENCODER}

OTHERS = {
    "72 blocks, narrow MLP (the paper's Fig. 6)": replace(DECODER, L=72, f=1536),
    "the size of GPT-2 small": Sizes(L=12, V=50_257),
    "the size of GPT-2 XL": Sizes(L=48, d=1600, h=25, V=50_257),
    "the size of Llama 2 7B": Sizes(
        L=32, d=4096, h=32, V=32_000, f=22_016, P=4096, positions="rope", mlp="gated", tied=False
    ),
    "small enough for a laptop": Sizes(L=10, d=64, h=4, V=256, P=64),
}
"""Sizes to try. The blocks are ours, without biases, so the counts are not exactly those of the models named."""
