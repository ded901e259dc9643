"""Models of simplified blocks for Hugging Face's transformers: heads for three tasks, entered in the Auto classes."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSequenceClassification
from transformers.cache_utils import Cache
from transformers.generation import GenerationMixin
from transformers.modeling_outputs import CausalLMOutputWithPast, MaskedLMOutput, SequenceClassifierOutputWithPast
from transformers.utils.generic import can_return_tuple

from nearlinear.errors import InputError

from .backbone import SimplifiedModel, SimplifiedPreTrained
from .blocks import BLOCKS
from .config import SimplifiedConfig

__all__ = [
    "BLOCKS",
    "SimplifiedForCausalLM",
    "SimplifiedForMaskedLM",
    "SimplifiedForSequenceClassification",
    "SimplifiedModel",
    "SimplifiedPreTrained",
]


class SimplifiedForCausalLM(SimplifiedPreTrained, GenerationMixin):
    """A decoder that predicts the next token; `generate` works with every search and cache of transformers."""

    _tied_weights_keys = {"lm_head.weight": "model.embed.weight"}  # noqa: RUF012

    def __init__(self, config: SimplifiedConfig):
        super().__init__(config)
        if not config.causal:
            raise InputError("a causal language model sees the past alone: give SimplifiedConfig(causal=True)")
        self.model = SimplifiedModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    @staticmethod
    def create_masks_for_generate(
        attention_mask: Tensor | None = None, past_key_values: Cache | None = None, **kwargs
    ) -> Tensor | None:
        """The padding mask, as long as the static cache, so that compiled code sees one shape at every step.

        Blocks make what they need of it: no T × T mask is built here.
        """
        if attention_mask is None:
            return None
        return F.pad(attention_mask, (0, past_key_values.layers[0].max_cache_len - attention_mask.shape[1]))

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
        num_items_in_batch: Tensor | int | None = None,
        segments: Tensor | None = None,
        **kwargs,
    ) -> CausalLMOutputWithPast | tuple:
        """Logits (B, T, V), of the last `logits_to_keep` tokens unless that is 0; a loss where there are labels (B, T).

        `segments`: (B, T), packed documents; the first token of a document is not asked for, as nothing it follows from
        is seen. `num_items_in_batch`: what the sum of the losses is divided by, where a step has several batches.
        """
        out = self.model(input_ids, attention_mask, segments=segments, **kwargs, return_dict=True)
        keep = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits, loss = self.lm_head(out.last_hidden_state[:, keep]), None
        if labels is not None:
            labels = labels if segments is None else labels.masked_fill(opening(segments), -100)
            loss = self.loss_function(logits, labels, self.config.vocab_size, num_items_in_batch)
        return CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=out.past_key_values,
            hidden_states=out.hidden_states,
            attentions=out.attentions,
        )


class SimplifiedForMaskedLM(SimplifiedPreTrained):
    """An encoder that guesses hidden tokens. With `sparse_prediction`, logits are computed at labels only."""

    _tied_weights_keys = {"lm_head.weight": "model.embed.weight"}  # noqa: RUF012

    def __init__(self, config: SimplifiedConfig):
        super().__init__(config)
        if config.causal:
            raise InputError("a masked language model sees both sides: give SimplifiedConfig(causal=False)")
        self.model = SimplifiedModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        **kwargs,
    ) -> MaskedLMOutput | tuple:
        """Logits (B, T, V), or (n, V) of the n labelled tokens; labels (B, T), −100 where nothing is asked."""
        out = self.model(input_ids, attention_mask, **kwargs, return_dict=True)
        states = out.last_hidden_state
        if labels is not None and self.config.sparse_prediction:
            asked = labels != -100
            states, labels = states[asked], labels[asked]
        logits, loss = self.lm_head(states), None
        if labels is not None:
            loss = self.loss_function(logits, labels, self.config.vocab_size, num_items_in_batch)
        return MaskedLMOutput(loss=loss, logits=logits, hidden_states=out.hidden_states, attentions=out.attentions)


class SimplifiedForSequenceClassification(SimplifiedPreTrained):
    """A label a text: from the last token of a decoder, from the mean over tokens of an encoder; padding left out."""

    def __init__(self, config: SimplifiedConfig):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.model = SimplifiedModel(config)
        self.score = nn.Linear(config.hidden_size, config.num_labels, bias=False)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        **kwargs,
    ) -> SequenceClassifierOutputWithPast | tuple:
        """Logits (B, labels); a loss where there are labels: (B,), or (B, labels) for several at once."""
        out = self.model(input_ids, attention_mask, **kwargs, return_dict=True)
        states = out.last_hidden_state
        mask = _mask_of(states, input_ids, self.config.pad_token_id) if attention_mask is None else attention_mask
        logits, loss = self.score(_last(states, mask) if self.config.causal else _mean(states, mask)), None
        if labels is not None:
            divisor = {} if num_items_in_batch is None else {"num_items_in_batch": num_items_in_batch}
            loss = self.loss_function(labels=labels, pooled_logits=logits, config=self.config, **divisor)
        return SequenceClassifierOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=out.past_key_values,
            hidden_states=out.hidden_states,
            attentions=out.attentions,
        )


def _mask_of(states: Tensor, input_ids: Tensor | None, pad: int | None) -> Tensor:
    """Which tokens (B, T) to read an answer from, where no mask says: all but padding."""
    if input_ids is None or pad is None:
        return torch.ones(states.shape[:2], device=states.device)
    return (input_ids != pad).long()


def opening(segments: Tensor) -> Tensor:
    """Whether a token is the first of its packed document, (B, T)."""
    return F.pad(segments[:, 1:] != segments[:, :-1], (1, 0), value=True)


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
