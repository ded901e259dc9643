"""What is finetuned: a causal model with a new head on it, or adapters in it, and the text that it is measured on."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import SequenceClassifierOutput

from nearlinear.errors import InputError, UnsupportedModel
from nearlinear.inputs.load import LoadedModel, load_model
from nearlinear.inputs.models import unembed
from nearlinear.inputs.text import Corpus, load_corpus
from nearlinear.inputs.twin import seeded
from nearlinear.inputs.windows import WindowSet, check_context, cut
from nearlinear.results.tuning import ByName, TrainedHere
from nearlinear.study import check_enough

from .drift import kept
from .drift_looking import windows_for
from .run import texts_of
from .texts import Texts, part_of
from .tokens import encoded

HEAD_STD = 0.02


class Learner(nn.Module):
    """A causal model, and a linear head on the state of each text's last token: (B, T) ids → (B, n_out) logits.

    It stays in eval mode, so that nothing is dropped out and a run is a function of its seed. Without outputs there is
    no head. `rank`: of adapters, drawn by the seed, that are trained in place of the weights.
    """

    def __init__(self, body: nn.Module, n_out: int = 0, *, rank: int | None = None, seed: int = 0):
        super().__init__()
        self.body = body
        self.config = body.config.get_text_config()
        if rank is not None:
            adapt(body, rank, seed)
        self.head = new_head(self.config.hidden_size, n_out, seed) if n_out else None
        self.to(next(body.parameters()).device).eval()

    def train(self, mode: bool = True) -> "Learner":
        return super().train(False)

    def forward(self, ids: Tensor, attention_mask: Tensor, use_cache: bool = False) -> SequenceClassifierOutput:
        out = self.body.base_model(ids, attention_mask=attention_mask, use_cache=use_cache)
        last = out.last_hidden_state[torch.arange(len(ids), device=ids.device), attention_mask.sum(1) - 1]
        return SequenceClassifierOutput(logits=self.head(last))

    @property
    def n_parameters(self) -> int:
        return sum(weight.numel() for weight in self.parameters())

    @property
    def n_trained(self) -> int:
        return sum(weight.numel() for weight in self.parameters() if weight.requires_grad)


def new_head(d: int, n_out: int, seed: int) -> nn.Linear:
    """Normal weights (n_out, d), no intercept: as transformers puts heads on decoders."""
    head = nn.Linear(d, n_out, bias=False)
    with seeded(seed), torch.no_grad():
        head.weight.normal_(0.0, HEAD_STD)
    return head


def adapt(body: nn.Module, rank: int, seed: int) -> None:
    """Put adapters of this rank (LoRA, arXiv 2106.09685) beside every linear layer of the blocks; they alone learn.

    They are scaled by 2, as is usual, and begin as nothing. Raises InputError where the package peft is missing.
    """
    peft = _peft()
    config = peft.LoraConfig(
        r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    with seeded(seed):
        peft.LoraModel(body, config, "default")


def check_adapters(rank: int | None) -> None:
    """Raises InputError where adapters are asked for and the package peft is missing: before the work, not after."""
    if rank is not None:
        _peft()


def _peft():
    try:
        import peft
    except ImportError as error:
        raise InputError("adapters need the package peft, which is not there: pip install peft") from error
    return peft


@dataclass(frozen=True)
class Subject:
    """A model before its finetuning, the windows it is measured on, and more text of the same kind (`more`, documents
    or windows), of which none is measured.
    """

    loaded: LoadedModel
    windows: WindowSet
    text: Corpus | Texts
    more: Sequence[str] | Tensor

    def more_windows(self, T: int) -> Tensor:
        """(n, T) windows of the text that is not measured."""
        if isinstance(self.more, Tensor):
            return self.more[:, :T]
        return part_of(encoded(self.loaded.tokenizer, self.more), T).windows


def subject_of(model: ByName | TrainedHere, *, device: torch.device, texts: Texts | None = None) -> Subject:
    """The model and its text. `texts`: those of a model trained here, where the caller has them already.

    Raises InputError for a model or text that is not known, or windows that it cannot read or be fitted on;
    UnsupportedModel for an encoder. A model of ours is trained now where it lies nowhere yet.
    """
    found = _by_name(model, device) if isinstance(model, ByName) else _trained_here(model, device, texts)
    if unembed(found.loaded.model) is None:
        raise UnsupportedModel(f"{found.loaded.source.architecture} predicts no text: finetune a causal model")
    if not found.windows.test:
        raise InputError("nothing is held out of the measured text: take a test_fraction above 0")
    check_context(found.windows, found.loaded.context)
    check_enough(found.windows, found.loaded)
    return found


def _by_name(model: ByName, device: torch.device) -> Subject:
    loaded, corpus = load_model(model.name, device=device), load_corpus(model.corpus)
    windows = cut(model.windows, corpus, loaded.tokenizer)
    measured = {window.document for window in (*windows.fit, *windows.test)}
    others = [text for place, text in enumerate(corpus.documents) if place not in measured]
    return Subject(loaded, windows, corpus, others)


def _trained_here(model: TrainedHere, device: torch.device, texts: Texts | None) -> Subject:
    spec = model.spec
    texts = texts or texts_of(spec.reading, spec.architecture.T)
    loaded = kept(spec, device=str(device), texts=texts)
    return Subject(loaded, windows_for(spec, texts), texts, texts.train.windows)
