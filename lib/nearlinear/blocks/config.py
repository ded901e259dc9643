"""The configuration of a model of simplified blocks: its words are those of Llama's, and a few of its own."""

from transformers.configuration_utils import PretrainedConfig

from nearlinear.errors import InputError

BLOCK_NAMES = ("pre-ln", "post-ln", "parallel", "v-skipinit", "sas", "sas-p", "sas-p-no-norm", "skipless")
ACTIVATIONS = ("relu", "gelu", "silu")
CHOICES = {
    "block": BLOCK_NAMES,
    "norm": ("rms", "layer", "none"),
    "positions": ("learned", "sinusoidal", "rope", "alibi", "none"),
    "hidden_act": ACTIVATIONS,
    "mlp": ("plain", "gated"),
    "attention_shape": ("shaped", "value-skip"),
    "vp_init": ("orthogonal", "identity", "tied-blocks", "tied-last"),
}
"""What each word may be."""

SIZES = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "max_position_embeddings",
)
"""What is at least 1."""


class SimplifiedConfig(PretrainedConfig):
    """A stack of `num_hidden_layers` blocks of one kind.

    block: "pre-ln", "post-ln", "parallel", "v-skipinit", "sas", "sas-p", "sas-p-no-norm" or "skipless".
    causal: each token sees the ones before it (a decoder), or all (an encoder). window: at most so many on each side.
    intermediate_size: width inside the MLP, 4 × hidden_size if None; mlp="gated" halves it by a gate (GLU).
    positions: "learned" as in the released code (the paper's text says "sinusoidal"), "rope", "alibi" or "none".
    beta_ff: β_FF at initialisation; None: 0.424 / √L, which is 0.1 at 18 blocks, and in an encoder 0.2 / √L, which is
    0.05 at the paper's 16. Pre-LN, Post-LN, parallel and skipless have none: 1, fixed.
    attention_shape, vp_*: of "v-skipinit" alone. Shaped attention, or αI + βA ("value-skip", Eq. 4). Value and
    projection W = α·W_init + β·ΔW (Eq. 6): W_init "orthogonal", "identity", or orthogonal and tied so that the
    product of a block's two matrices ("tied-blocks"), or of the whole stack's ("tied-last"), is the identity.
    vp_layers: for each block, which of them are plain matrices or left out since (`nearlinear.fold` writes it).

    sparse_prediction: a masked language model computes logits where there are labels only.

    Raises InputError for a word that is none of these, a size below 1, and a width that the heads do not divide.
    """

    model_type = "nearlinear-simplified"
    keys_to_ignore_at_inference = ("past_key_values",)
    attribute_map = {"rms_norm_eps": "norm_eps"}  # noqa: RUF012  Llama's word

    def __init__(
        self,
        block: str = "sas-p",
        vocab_size: int = 50_000,
        hidden_size: int = 768,
        intermediate_size: int | None = None,
        num_hidden_layers: int = 18,
        num_attention_heads: int = 12,
        max_position_embeddings: int = 1024,
        causal: bool = True,
        window: int | None = None,
        norm: str = "rms",
        norm_eps: float = 1e-8,
        hidden_act: str = "relu",
        mlp: str = "plain",
        positions: str = "learned",
        rope_theta: float = 10_000.0,
        beta_ff: float | None = None,
        attention_shape: str = "shaped",
        vp_init: str = "orthogonal",
        vp_alpha: float = 1.0,
        vp_beta: float = 1.0,
        vp_train_gains: bool = False,
        vp_layers: list[dict[str, str]] | None = None,
        sparse_prediction: bool = False,
        initializer_range: float = 0.02,
        use_cache: bool = True,
        tie_word_embeddings: bool = True,
        pad_token_id: int | None = None,
        bos_token_id: int | None = None,
        eos_token_id: int | None = None,
        **kwargs,
    ):
        if theirs := sorted(kwargs.keys() & {"sliding_window", "layer_types"}):
            raise InputError(f"{theirs[0]} is another family's word, which no block here honours: say window=…")
        self.block = block
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.intermediate_size = 4 * hidden_size if intermediate_size is None else intermediate_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.max_position_embeddings = max_position_embeddings
        self.causal = causal
        self.window = window
        self.norm = norm
        self.norm_eps = norm_eps
        self.hidden_act = hidden_act
        self.mlp = mlp
        self.positions = positions
        self.rope_theta = rope_theta
        self.beta_ff = beta_ff
        self.attention_shape = attention_shape
        self.vp_init = vp_init
        self.vp_alpha = vp_alpha
        self.vp_beta = vp_beta
        self.vp_train_gains = vp_train_gains
        self.vp_layers = vp_layers
        self.sparse_prediction = sparse_prediction
        self.initializer_range = initializer_range
        self.use_cache = use_cache
        self.pad_token_id, self.bos_token_id, self.eos_token_id = pad_token_id, bos_token_id, eos_token_id
        self.tie_word_embeddings = tie_word_embeddings
        self._check()
        if beta_ff is None:
            self.beta_ff = (0.424 if causal else 0.2) * num_hidden_layers**-0.5
        super().__init__(
            pad_token_id=pad_token_id,
            bos_token_id=bos_token_id,
            eos_token_id=eos_token_id,
            tie_word_embeddings=tie_word_embeddings,
            **kwargs,
        )

    @property
    def is_decoder(self) -> bool:
        """As transformers asks it of a family that is known as encoder and as decoder."""
        return self.causal

    @property
    def head_dim(self) -> int:
        """d_k = d / h."""
        return self.hidden_size // self.num_attention_heads

    def _check(self) -> None:
        for word, allowed in CHOICES.items():
            if getattr(self, word) not in allowed:
                raise InputError(f"{word}={getattr(self, word)!r} is not known: choose one of {', '.join(allowed)}")
        for word in SIZES:
            if getattr(self, word) < 1:
                raise InputError(f"{word}={getattr(self, word)} leaves nothing: give 1 or more")
        if self.hidden_size % self.num_attention_heads:
            raise InputError(
                f"hidden_size {self.hidden_size} is not divisible by num_attention_heads {self.num_attention_heads}: "
                "every head needs the same width"
            )
        if self.positions == "rope" and self.head_dim % 2:
            raise InputError(f"rope turns pairs of numbers, and {self.head_dim} a head is odd: choose another width")
        if self.mlp == "gated" and self.intermediate_size % 2:
            raise InputError(f"a gated MLP halves intermediate_size, and {self.intermediate_size} is odd")
        if self.window is not None and self.window < 1:
            raise InputError(f"a window of {self.window} tokens sees nothing: give 1 or more, or None")


from transformers import AutoConfig  # noqa: E402  loading it imports this file, so the class must be there first

AutoConfig.register(SimplifiedConfig.model_type, SimplifiedConfig)
