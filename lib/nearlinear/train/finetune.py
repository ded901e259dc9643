"""From a specification of finetuning to its result: a model trained here gets a new head and learns a labelled task."""

import copy
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from nearlinear import SimplifiedForSequenceClassification
from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel, torch_device
from nearlinear.inputs.split import shuffled
from nearlinear.inputs.task_examples import Examples, with_shuffled_labels
from nearlinear.inputs.tasks import Task, load_task
from nearlinear.inputs.twin import seeded, state_sha256
from nearlinear.results import making
from nearlinear.results.finetuning import Broken, FinetuneLook, FinetuneRun, FinetuneSpec
from nearlinear.results.provenance import Provenance
from nearlinear.results.store import replacing, results_cache, spec_sha256

from .classify import ClassifierLoss, LabelledBatches, LabelledTexts, answers, labelled_texts, right
from .files import OnDevice, plain_weights
from .kept import kept, load_weights
from .loop import Diverged, Event, train

LEARNT = 1000
"""Training examples, at most, that the accuracy on what was learnt is taken of."""


def run(spec: FinetuneSpec, *, device: str = "auto", task: Task | None = None) -> FinetuneRun:
    """Finetune what `spec` says and test it. A run that was interrupted goes on from its last checkpoint.

    A run that diverges is a result too: its curve up to there, where it broke, and the model at the last stop before.
    Pretrains what lies nowhere yet. `task`: that of the specification, if at hand. Raises as `kept` and `load_task` do.
    """
    started = time.perf_counter()
    making.remember(FinetuneRun.made_by)
    work = Finetuning(spec, task or _task(spec.task, spec.task_seed), torch_device(device))
    stopped = ""
    try:
        for event in work.events():
            work.done.append(event)
    except Diverged as error:
        work.restore()
        stopped = str(error)
    return work.result(stopped, time.perf_counter() - started)


def finetuned(spec: FinetuneSpec, *, device: str = "auto") -> LoadedModel:
    """The model at the end of a finetuning, float32, in eval mode, ready to be measured; made where it lies nowhere.

    Raises InputError for a finetuning that broke off, and as `run` does.
    """
    file = run_folder(spec) / "last.safetensors"
    if not file.exists():
        stopped = run(spec, device=device).stopped
        if not file.exists():
            raise InputError(f"this finetuning broke off before its end: {stopped}")
    work = Finetuning(spec, _task(spec.task, spec.task_seed), torch_device(device))
    load_weights(work.model.float(), file.read_bytes())
    note = f"{work.pretrained.source.note}, finetuned on {spec.task}, labels {spec.labels}"
    changes = {"sha256": state_sha256(work.model), "architecture": type(work.model).__name__, "note": note}
    source = work.pretrained.source.model_copy(update=changes)
    return LoadedModel(work.model.eval(), work.pretrained.tokenizer, source, context=spec.T)


@dataclass
class Finetuning:
    """One model that learns a task."""

    spec: FinetuneSpec
    task: Task
    device: torch.device

    def __post_init__(self):
        self.done: list[Event] = []
        self.sound: dict[str, Tensor] = {}

    @cached_property
    def pretrained(self) -> LoadedModel:
        return kept(self.spec.model, self.spec.pretrained, device=str(self.device))

    @cached_property
    def model(self) -> nn.Module:
        model = classifier(self.pretrained.model, len(self.task.card.labels), self.spec.seed).to(self.device)
        return model.double() if self.spec.recipe.precision == "float64" else model

    @cached_property
    def loss(self) -> ClassifierLoss:
        return ClassifierLoss(self.model)

    @cached_property
    def parts(self) -> dict[str, LabelledTexts]:
        """The task in tokens; labels of the training part as the specification has them."""
        learnt = self.task.train
        if self.spec.labels == "shuffled":
            learnt = with_shuffled_labels(learnt, self.spec.seed)
        return {"train": self.read(learnt), "choose": self.read(self.task.choose), "test": self.read(self.test)}

    @cached_property
    def test(self) -> Examples:
        """The test, group by group."""
        first = {example.group: place for place, example in reversed(list(enumerate(self.task.test)))}
        return tuple(sorted(self.task.test, key=lambda example: first[example.group]))

    def read(self, examples: Examples) -> LabelledTexts:
        return labelled_texts(self.pretrained.tokenizer, examples, self.spec.T)

    @cached_property
    def start(self) -> FinetuneLook:
        return self.look_at(0)

    def events(self) -> Iterator[Event]:
        """Finetune, and keep the weights at the end. Raises Diverged as `train` does, and where weights are broken."""
        spec, model = self.spec, self.model
        batches = LabelledBatches(self.parts["train"], spec.recipe.batch, seed=spec.seed)
        settings = {
            "spec": spec_sha256(spec),
            "code": making.library_sha256(FinetuneRun.made_by),
            "start": state_sha256(model),
            "task": self.task.sha256,
            "texts": self.parts["train"].sha256,
        }
        self.remember(), self.start  # before the first step
        for event in train(
            model,
            batches,
            spec.recipe,
            spec.stops,
            loss_of=lambda _: self.loss,
            look=self.look,
            checkpoint=OnDevice(run_folder(spec) / "checkpoint.safetensors", settings),
            what=f"{spec.task} {spec.model.architecture.block} {spec.seed}",
        ):
            self.remember()
            yield event
        self.keep()

    def remember(self) -> None:
        """The weights as they stand."""
        self.sound = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}

    def restore(self) -> None:
        """Go back to the last stop."""
        self.model.load_state_dict(self.sound)

    def look(self, step: int) -> dict[str, object]:
        """What the event of this step remembers. Raises Diverged where weights are broken, before the loss tells."""
        if not all(weight.isfinite().all() for weight in self.model.parameters()):
            raise Diverged(f"weights are no numbers after step {step}: take a rate below {self.spec.recipe.lr:g}")
        return self.look_at(step).model_dump() if step in self.spec.looks else {}

    def look_at(self, step: int) -> FinetuneLook:
        texts = self.parts["choose"]
        found = answers(self.model, texts)
        nats = -found.gather(1, texts.labels[:, None]).mean().item()
        return FinetuneLook(step=step, accuracy=right(found, texts).double().mean().item(), loss=nats)

    def keep(self) -> None:
        """The weights at the end, in a file."""
        with replacing(run_folder(self.spec) / "last.safetensors") as temporary:
            save_file(plain_weights(self.model), temporary)

    def broken(self) -> Broken | None:
        """The first step in which the loss of a text was no number; None where there was none."""
        texts = Counter()
        for step, count in self.loss.broken:
            texts[step] += int(count)
        found = [step for step in sorted(texts) if texts[step]]
        return Broken(step=found[0] + 1, texts=texts[found[0]], batch=self.spec.recipe.batch) if found else None

    def result(self, stopped: str, seconds: float) -> FinetuneRun:
        spec, parts, model = self.spec, self.parts, self.model
        found = answers(model, parts["test"])
        return FinetuneRun(
            spec=spec,
            labels=self.task.card.labels,
            n_parameters=sum(weight.numel() for weight in model.parameters()),
            n_train=len(parts["train"].labels),
            n_choose=len(parts["choose"].labels),
            n_test=len(parts["test"].labels),
            n_cut=parts["test"].n_cut,
            majority=self.task.majority,
            epochs=spec.recipe.steps * spec.recipe.batch / len(parts["train"].labels),
            steps=tuple(event.step for event in self.done),
            losses=tuple(event.loss for event in self.done),
            grad_norms=tuple(event.grad_norm for event in self.done),
            seconds=tuple(event.seconds for event in self.done),
            looks=(self.start, *(FinetuneLook.model_validate(event.seen) for event in self.done if event.seen)),
            train_accuracy=self.learnt(),
            right=() if stopped else tuple(right(found, parts["test"]).tolist()),
            groups=tuple(Counter(example.group for example in self.test).values()),
            test_broken=int((~found.isfinite()).any(1).sum()),
            broken=self.broken(),
            stopped=stopped,
            weights_sha256=state_sha256(model),
            provenance=self.provenance(seconds),
        )

    def learnt(self) -> float:
        """How often the labels that were learnt are given back, on LEARNT texts drawn by chance, or all of fewer."""
        texts = self.parts["train"]
        places = shuffled(range(len(texts.labels)), "learnt")[:LEARNT]  # their labels may come in turn
        some = LabelledTexts(tuple(texts.ids[place] for place in places), texts.labels[places], 0)
        return right(answers(self.model, some), some).double().mean().item()

    def provenance(self, seconds: float) -> Provenance:
        spec, train_part = self.spec, self.parts["train"]
        return Provenance(
            model=self.pretrained.source,
            corpus=self.task.source,
            n_tokens=round(train_part.n_tokens / len(train_part.labels) * spec.recipe.steps * spec.recipe.batch),
            n_windows=len(train_part.labels),
            windows_sha256=train_part.sha256,
            seed=spec.seed,
            device=str(self.device),
            dtype=str(self.model.dtype).removeprefix("torch."),
            precision=spec.recipe.precision,
            seconds=round(seconds, 2),
            spec_sha256=spec_sha256(spec),
            **making.circumstances(FinetuneRun.made_by),
        )


def classifier(pretrained: nn.Module, n_labels: int, seed: int) -> nn.Module:
    """The model's blocks, as they are, under a new head that is drawn from `seed`."""
    config = copy.deepcopy(pretrained.config)
    config.num_labels = n_labels
    with seeded(seed):
        model = SimplifiedForSequenceClassification(config)
    model.base_model.load_state_dict(pretrained.base_model.state_dict())
    return model


def run_folder(spec: FinetuneSpec) -> Path:
    """Where a run leaves its checkpoint, and its weights at the end."""
    return results_cache() / making.library_sha256(FinetuneRun.made_by)[:16] / f"{spec_sha256(spec)[:16]}.finetuning"


@lru_cache(maxsize=2)
def _task(name: str, seed: int) -> Task:
    """The last tasks are remembered: the runs of a study share them."""
    return load_task(name, seed)
