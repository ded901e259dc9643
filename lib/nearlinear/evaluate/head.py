"""The head of a language model, applied a slice at a time: 2,048 tokens of 262,144 words would fill two gigabytes."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PretrainedConfig

from nearlinear.errors import InputError, UnsupportedModel
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.models import unembed

LOGITS = 2**25
"""Logits held at once: an eighth of a gigabyte in float32, and as much again while their loss is taken."""

TOLERANCE = 0.02
"""How far our logits may be from the model's own, of their largest: room for bfloat16, none for another formula."""


@dataclass
class Head:
    """Runs a model up to its head and takes losses of the states there.

    Some families do more than multiply: Gemma 2 caps its logits, Cohere and Granite scale them. We do as they do, and
    `check` makes sure of it: in every run the model itself makes the logits of the last position, for comparison.
    """

    model: nn.Module
    matrix: nn.Module
    config: PretrainedConfig
    off: list[Tensor] = field(default_factory=list)

    @classmethod
    def of(cls, loaded: LoadedModel) -> "Head":
        """Raises UnsupportedModel for a model that predicts no next token."""
        matrix = unembed(loaded.model)
        if matrix is None:
            raise UnsupportedModel(f"{loaded.source.id} predicts no next token: choose a causal language model")
        return cls(loaded.model, matrix, loaded.model.config.get_text_config())

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    def run(self, input_ids: Tensor, attention_mask: Tensor, **options) -> tuple[Tensor, object]:
        """The states (B, T, d) that the head would be given, and the model's output with logits of the last position.

        The model's `options` are passed on, such as past_key_values.
        """
        seen: list[Tensor] = []

        def last_only(_head, args):
            seen.append(args[0])
            return (args[0][:, -1:],)

        hook = self.matrix.register_forward_pre_hook(last_only)
        try:
            output = self.model(input_ids=input_ids, attention_mask=attention_mask, **{"use_cache": False} | options)
        finally:
            hook.remove()
        own = output.logits[:, -1].float()
        self.off.append((self.logits(seen[0][:, -1]) - own).abs().amax() / own.abs().amax())
        return seen[0], output

    def logits(self, states: Tensor) -> Tensor:
        """Logits (n, V), float32 or wider, of states (n, d)."""
        logits = self.matrix(states)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        logits = logits * (getattr(self.config, "logit_scale", None) or 1)
        logits = logits / (getattr(self.config, "logits_scaling", None) or 1)
        cap = getattr(self.config, "final_logit_softcapping", None)
        return torch.tanh(logits / cap) * cap if cap else logits

    def losses(self, states: Tensor, targets: Tensor) -> Tensor:
        """Log-loss (n,) float64, in nats, of the tokens `targets` (n,) that follow states (n, d)."""
        size = max(1, LOGITS // self.matrix.weight.shape[0])
        parts = [
            cross_entropy(self.logits(some), target, reduction="none").double()
            for some, target in zip(states.split(size), targets.split(size), strict=True)
        ]
        return torch.cat(parts)

    def check(self) -> None:
        """Raises UnsupportedModel where our logits were not the model's own in some run since the last check."""
        off, self.off = self.off, []
        if any(float(each) > TOLERANCE for each in off):  # NaN is no disagreement: then both have it
            raise UnsupportedModel(
                f"{type(self.model).__name__} does something with its logits that we do not know, so their losses "
                "would be wrong: choose a model of another family"
            )


def check_fits(loaded: LoadedModel, n: int, what: str) -> None:
    """Raises InputError where `what` has more tokens than the model takes at once."""
    if n > loaded.context:
        raise InputError(f"{what} has {n} tokens, and the model takes at most {loaded.context}: use a shorter one")
