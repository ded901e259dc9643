"""Embedding, L blocks of one kind, a final norm; and what transformers must know of every model around them."""

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.modeling_utils import PreTrainedModel
from transformers.utils.generic import can_return_tuple

from nearlinear.errors import InputError

from .blocks import BLOCKS
from .checks import (
    check_cache,
    check_dtype,
    check_gaps,
    check_length,
    check_mask,
    check_segments,
    check_weights,
    refuse_cache,
)
from .config import SimplifiedConfig
from .context import Context
from .fold import place_folded
from .initial import initialise, tie_values
from .kernels import OURS
from .parts import norm
from .positions import Positions, alibi_slopes, places_of, rotary
from .visible import Visible, visible


class SimplifiedPreTrained(PreTrainedModel):
    """What all of them share: names that transformers asks for, loading, and the initialisation."""

    config_class = SimplifiedConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules = [block.__name__ for block in BLOCKS.values()]  # noqa: RUF012
    _skip_keys_device_placement = ["past_key_values"]  # noqa: RUF012
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True
    _can_compile_fullgraph = True

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path,
        *args,
        output_loading_info: bool = False,
        ignore_mismatched_sizes: bool = False,
        **kwargs,
    ):
        """As transformers does. Raises InputError where the file holds other blocks, which it would draw anew."""
        path = pretrained_model_name_or_path
        saved = None if path is None else cls.config_class.get_config_dict(path, **kwargs)[0].get("block")
        wanted = {"output_loading_info": True, "ignore_mismatched_sizes": True, **kwargs}
        model, info = super().from_pretrained(path, *args, **wanted)
        check_weights(info, model.config, saved, other_shapes=ignore_mismatched_sizes)
        return (model, info) if output_loading_info else model

    def _init_weights(self, module: nn.Module) -> None:
        """One module of the model; whoever applies this to all of them gets what `initialize_weights` gives."""
        initialise(module, self.config.initializer_range)
        if isinstance(module, SimplifiedModel):
            module.tie_values()

    def init_weights(self) -> None:
        """As transformers does; 5.0 leaves heads untied on the meta device, where parameters would count twice."""
        super().init_weights()
        self.tie_weights(recompute_mapping=False)

    def initialize_weights(self) -> None:
        """As transformers does, which asks only modules that have tensors of their own; then what joins several."""
        super().initialize_weights()
        self.base_model.tie_values()


class SimplifiedModel(SimplifiedPreTrained):
    """Ids (B, T) → states (B, T, d)."""

    def __init__(self, config: SimplifiedConfig):
        super().__init__(config)
        self.embed = nn.Embedding(config.vocab_size, config.hidden_size)
        self.positions = Positions(config)
        self.layers = nn.ModuleList(BLOCKS[config.block](config, i) for i in range(config.num_hidden_layers))
        place_folded(self.layers, config)
        self.norm = norm(config)
        self.gradient_checkpointing = False
        self.post_init()

    def tie_values(self) -> None:
        """Join W_init of value and projection as the config says; they are V-SkipInit's alone."""
        if self.config.block == "v-skipinit" and not self.config.vp_layers:
            tie_values(self.layers, self.config.vp_init)

    def get_input_embeddings(self) -> nn.Module:
        return self.embed

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.embed = value

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        segments: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        **kwargs,
    ) -> BaseModelOutputWithPast | tuple:
        """`attention_mask`: (B, T), 0 at padding on either side. `segments`: (B, T), a number for each packed document.

        `output_attentions` gives the matrix that acts on the values, αI + βA − γC where the block has one.
        `output_hidden_states` gives what each block reads, and last what the final norm makes of the last one's answer.
        Raises InputError for a mask of another shape, too many tokens, and a cache that the block cannot use.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise InputError("give either input_ids or inputs_embeds, and not both")
        x = self.embed(input_ids) if inputs_embeds is None else inputs_embeds
        cache = self._cache(past_key_values, use_cache if segments is None else False)
        seen = self._seen(x, attention_mask, segments, cache)
        places = places_of(seen) if position_ids is None else position_ids
        matrices = [] if self._asked("output_attentions", output_attentions) else None
        states = [] if self._asked("output_hidden_states", output_hidden_states) else None
        context = Context(seen, self._rotary(places), cache, matrices)

        x = self.positions(x, places)
        for block in self.layers:
            if states is not None:
                states.append(x)
            x = self._through(block, x, context)
        x = self.norm(x)

        return BaseModelOutputWithPast(
            last_hidden_state=x,
            past_key_values=cache,
            hidden_states=None if states is None else (*states, x),
            attentions=None if matrices is None else tuple(matrices),
        )

    def _through(self, block: nn.Module, x: Tensor, context: Context) -> Tensor:
        """What a block makes of x; computed again in the backward pass where gradient checkpointing is on."""
        if self.gradient_checkpointing and self.training:
            return self._gradient_checkpointing_func(block.__call__, x, context)
        return block(x, context)

    def _asked(self, name: str, given: bool | None) -> bool:
        return getattr(self.config, name) if given is None else given

    def _cache(self, given: Cache | None, use_cache: bool | None) -> Cache | None:
        """The cache given, or a new one where it is of use: in a decoder that is not being trained."""
        if not self.config.causal or (self.gradient_checkpointing and self.training):
            refuse_cache(given, self.config)
            return None
        check_cache(given, self.config)
        wanted = use_cache if use_cache is not None else (self.config.use_cache and not self.training)
        return DynamicCache() if given is None and wanted else given

    def _seen(self, x: Tensor, attention_mask: Tensor | None, segments: Tensor | None, cache: Cache | None) -> Visible:
        """What each token of x (B, T, d) sees."""
        T, n_past = x.shape[1], 0 if cache is None else cache.get_seq_length()
        n_past = n_past.clone() if isinstance(n_past, Tensor) else n_past  # a static cache counts on in place
        check_dtype(x.dtype, x.device)
        roomy = cache is not None and cache.is_compileable
        check_mask(attention_mask, x, n_past, roomy=roomy)
        check_segments(segments, x, cache)
        check_gaps(attention_mask, segments, self.config)
        seen = visible(
            T,
            causal=self.config.causal,
            n_past=n_past,
            window=self.config.window,
            attention_mask=None if all_real(attention_mask, T) else attention_mask,
            segments=segments,
            device=x.device,
        )
        places = None if segments is None else places_of(seen)
        check_length(T + n_past if isinstance(n_past, int) else T, self.config, places)
        if self.config.positions == "alibi":
            seen = seen.with_slopes(alibi_slopes(self.config.num_attention_heads, x.device))
        return seen if roomy or self.config._attn_implementation not in OURS else seen.prepared(x.dtype)

    def _rotary(self, places: Tensor) -> tuple[Tensor, Tensor] | None:
        return rotary(places, self.config.head_dim, self.config.rope_theta) if self.config.positions == "rope" else None


def all_real(attention_mask: Tensor | None, T: int) -> bool:
    """Whether nothing is padding, so that kernels need no mask.

    This reads the mask, so it is asked once a pass, and not where the answer saves nothing or cannot be waited for:
    for one query, while compiling, on the meta device.
    """
    if attention_mask is None:
        return True
    if T == 1 or torch.compiler.is_compiling() or attention_mask.is_meta:
        return False
    return bool(attention_mask.all())
