"""What a model writes after fixed beginnings, to be read side by side: the likeliest text, and others by chance."""

import random

import torch
from torch import Tensor

from nearlinear.edit.continuations import write
from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel
from nearlinear.results.drift import SampleSpec
from nearlinear.results.drift_looks import Sample

from .drift_looking import evaluating


def samples_of(loaded: LoadedModel, spec: SampleSpec) -> tuple[Sample, ...]:
    """One entry a prompt. The draws of a prompt hang on the seed, its place and the model alone.

    Raises InputError for an empty prompt, and where prompt and answer are longer than the model's context.
    """
    with evaluating(loaded.model):
        return tuple(
            Sample(
                prompt=prompt,
                greedy=said(loaded, write(loaded, prompt, spec.n_new)),
                drawn=tuple(said(loaded, row.tolist()) for row in drawn(loaded, prompt, spec, place)),
            )
            for place, prompt in enumerate(spec.prompts)
        )


@torch.inference_mode()
def drawn(loaded: LoadedModel, prompt: str, spec: SampleSpec, place: int) -> Tensor:
    """(n_samples, n_new) tokens, each drawn from softmax(logits / temperature), the n_samples texts side by side.

    Every step reads its text anew, which short texts can afford, and draws on the CPU from a generator of its own.
    """
    seed = random.Random(f"samples {spec.seed} {place}").getrandbits(32)  # torch reads no more bits of a seed
    generator = torch.Generator().manual_seed(seed)
    before = loaded.tokenizer(prompt)["input_ids"]
    ids = torch.tensor([before] * spec.n_samples, device=next(loaded.model.parameters()).device)  # (n_samples, T)
    for _ in range(spec.n_new):
        logits = loaded.model(ids, use_cache=False).logits[:, -1].double().cpu()
        chosen = torch.multinomial((logits / spec.temperature).softmax(-1), 1, generator=generator)
        ids = torch.cat([ids, chosen.to(ids.device)], dim=1)
    return ids[:, len(before) :]


def said(loaded: LoadedModel, ids) -> str:
    """The text of tokens; what is no letter in any encoding becomes a question mark."""
    text = loaded.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
    return text.encode("utf-8", "replace").decode("utf-8")


def check_fits(spec: SampleSpec, loaded: LoadedModel) -> None:
    """Raises InputError, before hours of training, where a prompt and what follows it are too long for the model."""
    for prompt in spec.prompts:
        n = len(loaded.tokenizer(prompt)["input_ids"])
        if not n or n + spec.n_new > loaded.context:
            raise InputError(
                f"the prompt {prompt!r} has {n} tokens and {spec.n_new} are to follow, but the model takes from 1 to "
                f"{loaded.context}: take another prompt, or ask for fewer"
            )
