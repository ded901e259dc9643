"""Models of simplified blocks for Hugging Face's transformers: backbone, and heads for three tasks."""

import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSequenceClassification
from transformers.cache_utils import Cache, DynamicCache
from transformers.generation import GenerationMixin
from transformers.modeling_outputs import (
    BaseModelOutputWithPast,
    CausalLMOutputWithPast,
    MaskedLMOutput,
    SequenceClassifierOutputWithPast,
)
from transformers.modeling_utils import PreTrainedModel

from nearlinear.errors import InputError

from .blocks import BLOCKS, VSkipInit
from .cache import HalfCache
from .config import SimplifiedConfig
from .context import Context
from .initial import initialise, tie_values
from .parts import norm
from .positions import Embedding, alibi_slopes, places_of, rotary
from .visible import Visible, visible


class SimplifiedPreTrained(PreTrainedModel):
    """What all of them share: names that transformers asks for, and the initialisation."""

    config_class = SimplifiedConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules = [block.__name__ for block in BLOCKS.values()]  # noqa: RUF012
    _skip_keys_device_placement = ["past_key_values"]  # noqa: RUF012
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True
    _can_compile_fullgraph = True

    def _init_weights(self, module: nn.Module) -> None:
        initialise(module, self.config.initializer_range)
        if isinstance(module, SimplifiedModel):
            tie_values([block for block in module.layers if isinstance(block, VSkipInit)], self.config.vp_init)


class SimplifiedModel(SimplifiedPreTrained):
    """Embedding, L blocks of one kind, a final norm: ids (B, T) → states (B, T, d)."""

    def __init__(self, config: SimplifiedConfig):
        super().__init__(config)
        self.embed = Embedding(config)
        self.layers = nn.ModuleList(BLOCKS[config.block](config, i) for i in range(config.num_hidden_layers))
        self.norm = norm(config)
        self.gradient_checkpointing = False
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        return self.embed.tokens

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.embed.tokens = value

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
        return_dict: bool | None = None,
        **kwargs,
    ) -> BaseModelOutputWithPast | tuple:
        """`attention_mask`: (B, T), 0 at padding on either side. `segments`: (B, T), rising from document to document.

        `output_attentions` gives the matrix that acts on the values, αI + βA − γC where the block has one.
        Raises InputError for a mask of another shape, too many tokens, and a cache that the block cannot use.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise InputError("give either input_ids or inputs_embeds, and not both")
        x = self.embed.tokens(input_ids) if inputs_embeds is None else inputs_embeds
        cache = self._cache(past_key_values, use_cache)
        seen, places = self._seen(x, attention_mask, position_ids, segments, cache)
        matrices = [] if self._asked("output_attentions", output_attentions) else None
        states = [] if self._asked("output_hidden_states", output_hidden_states) else None
        context = Context(seen, self._rotary(places), cache, matrices)

        x = self.embed(x, places)
        for block in self.layers:
            if states is not None:
                states.append(x)
            x = block(x, context)
        x = self.norm(x)
        if states is not None:
            states.append(x)
        out = BaseModelOutputWithPast(
            last_hidden_state=x,
            past_key_values=cache,
            hidden_states=None if states is None else tuple(states),
            attentions=None if matrices is None else tuple(matrices),
        )
        return out if return_dict is not False else out.to_tuple()

    def _asked(self, name: str, given: bool | None) -> bool:
        return getattr(self.config, name) if given is None else given

    def _cache(self, given: Cache | None, use_cache: bool | None) -> Cache | None:
        if not self.config.causal or (self.gradient_checkpointing and self.training):
            return None
        if isinstance(given, HalfCache):
            self._check_half()
        wanted = use_cache if use_cache is not None else (self.config.use_cache and not self.training)
        return DynamicCache() if given is None and wanted else given

    def _check_half(self) -> None:
        if not self.config.block.startswith("sas"):
            raise InputError(
                f"a HalfCache keeps inputs, and {self.config.block!r} attends to values: use a DynamicCache"
            )
        if self.config.positions == "rope":
            raise InputError("a HalfCache keeps inputs, and rope turns keys one by one: use a DynamicCache")

    def _seen(
        self,
        x: Tensor,
        attention_mask: Tensor | None,
        position_ids: Tensor | None,
        segments: Tensor | None,
        cache: Cache | None,
    ) -> tuple[Visible, Tensor]:
        """What each token sees, and the positions (1 or B, T)."""
        T, device = x.shape[1], x.device
        n_past = 0 if cache is None else cache.get_seq_length()
        if attention_mask is not None and attention_mask.dim() != 2:
            raise InputError(
                f"an attention_mask of shape {tuple(attention_mask.shape)} cannot be honoured: give (B, T), 0 at "
                "padding, and say causal, window and segments by name"
            )
        seen = visible(
            T,
            causal=self.config.causal,
            n_past=n_past,
            window=self.config.window,
            attention_mask=attention_mask,
            segments=segments,
            device=device,
        )
        self.embed.check_length(T + n_past if isinstance(n_past, int) else T)
        if position_ids is None:
            first = None if segments is None else seen.first
            position_ids = places_of(T, n_past=n_past, attention_mask=attention_mask, first=first, device=device)
        if self.config.positions == "alibi":
            seen = seen.with_slopes(alibi_slopes(self.config.num_attention_heads, device))
        return seen, position_ids

    def _rotary(self, places: Tensor) -> tuple[Tensor, Tensor] | None:
        return rotary(places, self.config.head_dim, self.config.rope_theta) if self.config.positions == "rope" else None


class SimplifiedForCausalLM(SimplifiedPreTrained, GenerationMixin):
    """A decoder that predicts the next token; `generate` works with every search and cache of transformers."""

    _tied_weights_keys = {"lm_head.weight": "model.embed.tokens.weight"}  # noqa: RUF012

    def __init__(self, config: SimplifiedConfig):
        super().__init__(config)
        if not config.causal:
            raise InputError("a causal language model sees the past alone: give SimplifiedConfig(causal=True)")
        self.model = SimplifiedModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    @staticmethod
    def create_masks_for_generate(config, *args, attention_mask: Tensor | None = None, **kwargs) -> Tensor | None:
        """The padding mask as it is: blocks make what they need of it, so no T × T mask is ever built."""
        return attention_mask

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
        **kwargs,
    ) -> CausalLMOutputWithPast:
        """Logits (B, T, V), of the last `logits_to_keep` tokens unless that is 0; a loss where there are labels."""
        num_items = {key: kwargs.pop(key) for key in ("num_items_in_batch",) if key in kwargs}
        out = self.model(input_ids=input_ids, attention_mask=attention_mask, **{**kwargs, "return_dict": True})
        keep = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(out.last_hidden_state[:, keep])
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.vocab_size, **num_items)
        answer = CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=out.past_key_values,
            hidden_states=out.hidden_states,
            attentions=out.attentions,
        )
        return answer if kwargs.get("return_dict") is not False else answer.to_tuple()


class SimplifiedForMaskedLM(SimplifiedPreTrained):
    """An encoder that guesses hidden tokens. With `sparse_prediction`, logits are computed at labels only."""

    _tied_weights_keys = {"lm_head.weight": "model.embed.tokens.weight"}  # noqa: RUF012

    def __init__(self, config: SimplifiedConfig):
        super().__init__(config)
        if config.causal:
            raise InputError("a masked language model sees both sides: give SimplifiedConfig(causal=False)")
        self.model = SimplifiedModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs,
    ) -> MaskedLMOutput:
        """Logits (B, T, V), or (n, V) of the n labelled tokens; labels (B, T), −100 where nothing is asked."""
        out = self.model(input_ids=input_ids, attention_mask=attention_mask, **{**kwargs, "return_dict": True})
        states = out.last_hidden_state
        if labels is not None and self.config.sparse_prediction:
            asked = labels != -100
            states, labels = states[asked], labels[asked]
        logits, loss = self.lm_head(states), None
        if labels is not None:
            loss = nn.functional.cross_entropy(logits.flatten(0, -2).float(), labels.flatten())
        return MaskedLMOutput(loss=loss, logits=logits, hidden_states=out.hidden_states, attentions=out.attentions)


class SimplifiedForSequenceClassification(SimplifiedPreTrained):
    """A label a text: from the last token of a decoder, from the mean over tokens of an encoder; padding left out."""

    def __init__(self, config: SimplifiedConfig):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.model = SimplifiedModel(config)
        self.score = nn.Linear(config.hidden_size, config.num_labels, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs,
    ) -> SequenceClassifierOutputWithPast:
        """Logits (B, labels); a loss where there are labels (B,)."""
        out = self.model(input_ids=input_ids, attention_mask=attention_mask, **{**kwargs, "return_dict": True})
        states = out.last_hidden_state
        mask = torch.ones(states.shape[:2], device=states.device) if attention_mask is None else attention_mask
        logits = self.score(_last(states, mask) if self.config.causal else _mean(states, mask))
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, pooled_logits=logits, config=self.config)
        return SequenceClassifierOutputWithPast(
            loss=loss, logits=logits, hidden_states=out.hidden_states, attentions=out.attentions
        )


def _last(states: Tensor, mask: Tensor) -> Tensor:
    """The state of the last token that is not padding, (B, d)."""
    places = torch.arange(mask.shape[1], device=mask.device) * (mask > 0)
    return states[torch.arange(len(states), device=states.device), places.argmax(-1)]


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    """The mean over tokens that are not padding, (B, d)."""
    weights = mask.to(states.dtype)[..., None]
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


AutoModel.register(SimplifiedConfig, SimplifiedModel)
AutoModelForCausalLM.register(SimplifiedConfig, SimplifiedForCausalLM)
AutoModelForMaskedLM.register(SimplifiedConfig, SimplifiedForMaskedLM)
AutoModelForSequenceClassification.register(SimplifiedConfig, SimplifiedForSequenceClassification)
