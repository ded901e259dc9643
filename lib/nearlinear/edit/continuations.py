"""What a model writes when blocks of it are changed: prompts continued greedily, beside what the dense model writes."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import nn
from transformers import GenerationConfig

from nearlinear.errors import InputError, UnsupportedModel
from nearlinear.evaluate.perplexity import losses
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.models import blocks, unembed
from nearlinear.inputs.windows import Window, n_tokens
from nearlinear.measure.linearity import AffineMap
from nearlinear.progress import track
from nearlinear.results.continuations import Continuation, Continuations, ContinuationsSpec, Continued
from nearlinear.results.pruning import How, PruningSpec, PruningStudy
from nearlinear.results.store import NotRecorded

from .begun import begin
from .edits import check_layers, removed, replaced
from .study import HOWS, Work, pruning_study

Ids = tuple[int, ...]
Layers = tuple[int, ...]


def run(spec: ContinuationsSpec, *, device: str = "auto") -> Continuations:
    """Write what `spec` asks for. Every text is kept as it comes, so that an interrupted run goes on there.

    Raises InputError for what cannot be loaded, UnsupportedModel for a model that predicts no next token.
    """
    begun = begin(spec, spec.study, Continuations.made_by, device=device)
    written = Written(spec, begun.work)
    wanted = list(dict.fromkeys(_sets(spec, begun.work.L, device)))
    return Continuations(
        L=begun.work.L,
        n_new=spec.n_new,
        prompts=spec.prompts,
        dense=written.texts("remove", ()),
        changed=tuple(
            Continued(how=how, layers=layers, texts=written.texts(how, layers))
            for how, layers in track(wanted, "write", unit=" models")
        ),
        provenance=begun.provenance(),
    )


def _sets(spec: ContinuationsSpec, L: int, device: str) -> Iterator[tuple[How, Layers]]:
    """Every block alone and every step of the greedy order, both ways."""
    yield from ((how, (layer,)) for how in HOWS for layer in range(L))
    if spec.greedy is not None:
        study = _study(spec.greedy, device)
        yield from ((how, step.layers) for how in HOWS for step in study.curve("greedy", how).steps)


def _study(spec: PruningSpec, device: str) -> PruningStudy:
    """The study as it is recorded, else computed now."""
    try:
        return pruning_study(spec)
    except NotRecorded:
        return pruning_study(spec, mode="recompute", device=device)


@dataclass(frozen=True)
class Written:
    """The texts of a study under way, each from the ledger where it is there already."""

    spec: ContinuationsSpec
    work: Work

    def texts(self, how: How, layers: Layers) -> tuple[Continuation, ...]:
        """One continuation a prompt with these blocks changed; no layers: the dense model's own."""
        loaded, prompts = self.work.loaded, self.spec.prompts
        return tuple(
            beside(loaded, prompt, self._ids("remove", (), i), self._ids(how, layers, i))
            for i, prompt in enumerate(prompts)
        )

    def _ids(self, how: How, layers: Layers, prompt: int) -> Ids:
        key = " ".join(map(str, (how, *layers, "prompt", prompt)))
        return tuple(int(token) for token in self.work.ledger.get(key, lambda: self._write(how, layers, prompt)))

    def _write(self, how: How, layers: Layers, prompt: int) -> Ids:
        maps = self.work.maps if how == "replace" else {}
        with changed(self.work.loaded.model, maps, layers, how):
            return write(self.work.loaded, self.spec.prompts[prompt], self.spec.n_new)


def changed(
    model: nn.Module, maps: Mapping[int, AffineMap], layers: Iterable[int], how: How
) -> AbstractContextManager[nn.Module]:
    """The model with these blocks removed, or replaced by their maps; as it is where none is named.

    Raises InputError for another `how`, a block without a map, and as `removed` does.
    """
    if how not in HOWS:
        raise InputError(f"blocks cannot be changed by {how!r}: choose {' or '.join(HOWS)}")
    layers = check_layers(layers, len(blocks(model)))
    if not layers:
        return nullcontext(model)
    if how == "remove":
        return removed(model, layers)
    if lacking := [layer for layer in layers if layer not in maps]:
        raise InputError(f"block {lacking[0]} has no map: fit one, or remove the block")
    return replaced(model, {layer: maps[layer] for layer in layers})


def write(loaded: LoadedModel, prompt: str, n_new: int) -> Ids:
    """The next tokens, at most n_new, each the likeliest after all before it; fewer where the model ends its text.

    Raises UnsupportedModel for a model that predicts no next token, InputError for an empty prompt or too long a text.
    """
    if unembed(loaded.model) is None:
        raise UnsupportedModel(f"{loaded.source.id} predicts no next token: choose a causal language model")
    before = _tokens(loaded, prompt)
    _check_length(len(before), n_new, loaded.context)
    ids = torch.tensor([before], device=next(loaded.model.parameters()).device)  # (1, T)
    plain = GenerationConfig(
        max_new_tokens=n_new,
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        use_cache=True,
        eos_token_id=loaded.model.generation_config.eos_token_id,
        pad_token_id=0,  # never written: there is one prompt at a time
    )
    answer = loaded.model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=plain)
    return tuple(answer[0, len(before) :].tolist())


def _check_length(n: int, n_new: int, context: int) -> None:
    if n == 0:
        raise InputError("the prompt is empty: give it a word to go on from")
    if n_new < 1:
        raise InputError(f"{n_new} tokens cannot be written: ask for at least one")
    if n + n_new > context:
        raise InputError(
            f"the prompt has {n} tokens and {n_new} are to follow, but the model takes at most {context}: ask for fewer"
        )


def _tokens(loaded: LoadedModel, prompt: str) -> Ids:
    """The prompt as the model is used to it, with the special token that some begin a text with."""
    return tuple(loaded.tokenizer(prompt)["input_ids"])


def beside(loaded: LoadedModel, prompt: str, dense: Ids, ids: Ids) -> Continuation:
    """The tokens `ids`, written after the prompt, as a text in two parts: up to where they leave `dense`, and on."""
    n_same = _shared(dense, ids)
    text = _said(loaded, prompt, ids)
    split = len(text) if n_same == len(ids) else _shared(text, _said(loaded, prompt, ids[:n_same]))
    return Continuation(same=text[:split], then=text[split:], n_same=n_same, n_tokens=len(ids))


def _shared(a: Sequence, b: Sequence) -> int:
    """How much two sequences share from their beginning."""
    pairs = enumerate(zip(a, b, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(a), len(b)))


def _said(loaded: LoadedModel, prompt: str, ids: Ids) -> str:
    """What tokens say after the prompt. Decoded with it, because some tokenizers drop the space before a first word."""
    before = _tokens(loaded, prompt)
    whole, start = (_decoded(loaded, tokens) for tokens in (before + ids, before))
    return whole[_shared(whole, start) :]


def _decoded(loaded: LoadedModel, ids: Ids) -> str:
    """The text of tokens, special ones too; what is no letter in any encoding becomes a question mark."""
    text = loaded.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class Tried:
    """One choice of blocks: what the changed model writes beside the dense one, and both perplexities, if measured."""

    model: str
    how: How
    layers: Layers
    prompt: str
    dense: Continuation
    changed: Continuation
    perplexity: float = math.nan
    dense_perplexity: float = math.nan
    n_evaluate: int = 0

    def __str__(self) -> str:
        done = {"remove": "removed", "replace": "replaced by a line"}[self.how]
        word = "block" if len(self.layers) == 1 else "blocks"
        which = f"{word} {', '.join(map(str, self.layers))} {done}" if self.layers else "unchanged"
        lines = [
            f"{self.model}, {which}",
            f"writes:    {self.prompt}{self.changed.text}",
            f"unchanged: {self.prompt}{self.dense.text}",
            f"the same for the first {self.changed.n_same} of {self.dense.n_tokens} tokens",
        ]
        if self.n_evaluate:
            beside_it = f"{self.perplexity:.4g}, unchanged {self.dense_perplexity:.4g}"
            lines.append(f"perplexity on {self.n_evaluate:,} tokens: {beside_it}")
        return "\n".join(lines)


def try_layers(
    loaded: LoadedModel,
    maps: Mapping[int, AffineMap],
    layers: Iterable[int],
    how: How,
    prompt: str,
    n_new: int = 32,
    *,
    evaluate: Sequence[Window] = (),
) -> Tried:
    """Change the blocks of your own choice, here and now, and read what the model makes of a prompt.

    With `evaluate`, also its perplexity on these windows. `maps` may be empty where `how` is "remove". The model is
    afterwards what it was. Raises InputError as `changed` and `write` do.
    """
    layers = tuple(sorted(layers))
    plain, dense = write(loaded, prompt, n_new), _perplexity(loaded, evaluate)
    with changed(loaded.model, maps, layers, how):
        ids, perplexity = write(loaded, prompt, n_new), _perplexity(loaded, evaluate)
    return Tried(
        model=loaded.source.id,
        how=how,
        layers=layers,
        prompt=prompt,
        dense=beside(loaded, prompt, plain, plain),
        changed=beside(loaded, prompt, plain, ids),
        perplexity=perplexity,
        dense_perplexity=dense,
        n_evaluate=n_tokens(evaluate),
    )


def _perplexity(loaded: LoadedModel, windows: Sequence[Window]) -> float:
    return losses(loaded, windows).perplexity if windows else math.nan


def workbench(study: PruningSpec, *, device: str = "auto") -> Work:
    """A model with its texts and, when they are first asked for, its maps: what `try_layers` needs."""
    return begin(study, study, Continuations.made_by, device=device).work
