"""A pruned model that transformers saves, loads and runs like any other, once `nearlinear` is imported.

It is the family's own model with stand-ins in the slots of the changed blocks, and hands every call on to it.
"""

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PretrainedConfig
from transformers.generation import GenerationMixin
from transformers.modeling_utils import PreTrainedModel

from nearlinear.inputs.models import blocks

from .edits import blocks_as_tuple, place
from .pruned_config import PrunedConfig
from .standins import AffineBlock, PassThrough


class PrunedForCausalLM(PreTrainedModel, GenerationMixin):
    """The family's model as `family`, with `PassThrough` and `AffineBlock` where the configuration says so.

    Raises ValueError where transformers does not know the family, InputError where a block is not there.
    """

    config_class = PrunedConfig
    base_model_prefix = "family"
    supports_gradient_checkpointing = True

    def __init__(self, config: PrunedConfig):
        super().__init__(config)
        self.family = place(AutoModelForCausalLM.from_config(config.base_config), _standins(config))
        self.post_init()

    @classmethod
    def around(cls, family: PreTrainedModel, config: PrunedConfig) -> "PrunedForCausalLM":
        """A model that is edited already, in the form that is saved; its weights are not copied."""
        with torch.device("meta"):
            model = cls(config)
        model.family = family
        model.generation_config = family.generation_config
        return model.eval()

    def get_correct_attn_implementation(self, requested_attention: str | None, is_init_check: bool = False) -> str:
        """Whatever is asked for: there is no attention here, and the family, asked next, knows what it supports."""
        return requested_attention or "eager"

    @property
    def base_model(self) -> nn.Module:
        """The backbone: everything but the head."""
        return self.family.base_model

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs,
    ):
        """What the family's model answers: logits (B, T, V), and a loss where there are labels (B, T)."""
        return self.family(input_ids=input_ids, attention_mask=attention_mask, labels=labels, **kwargs)

    def generate(self, *args, **kwargs):
        """As the family generates: it knows its cache, and what its blocks want to be given."""
        self.family.generation_config = self.generation_config
        return self.family.generate(*args, **kwargs)

    def prepare_inputs_for_generation(self, *args, **kwargs):
        return self.family.prepare_inputs_for_generation(*args, **kwargs)

    def get_input_embeddings(self) -> nn.Module:
        return self.family.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.family.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module:
        return self.family.get_output_embeddings()

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        self.family.set_output_embeddings(new_embeddings)


def _standins(config: PrunedConfig) -> dict[int, nn.Module]:
    """Stand-ins by slot, the affine ones zero until their weights are read. A run's map stands at its start."""
    d, as_tuple = config.get_text_config().hidden_size, _family_as_tuple(config.base_config)
    through = [*config.removed, *(layer for run in config.runs for layer in run[1:])]
    standins: dict[int, nn.Module] = {layer: PassThrough(as_tuple) for layer in through}
    for run in config.runs:
        standins[run.start] = AffineBlock(torch.zeros(d, d), torch.zeros(d), as_tuple=as_tuple)
    return standins


def _family_as_tuple(config: PretrainedConfig) -> bool:
    """How blocks of the family answer in the transformers that is installed: versions differ, so one block is tried.

    The model itself may have no weights yet, so the trial is on a model of one block, all zeros.
    """
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config).eval()
    del blocks(model)[1:]
    with torch.device("cpu"):
        model.to_empty(device="cpu")
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.detach().zero_()
        return blocks_as_tuple(model)


AutoModelForCausalLM.register(PrunedConfig, PrunedForCausalLM)
