"""From a specification of training to its result; what the run leaves on the way lies in the user's cache."""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from nearlinear.errors import InputError
from nearlinear.inputs.load import torch_device
from nearlinear.inputs.twin import state_sha256
from nearlinear.measure.signal import signal_of
from nearlinear.results import making
from nearlinear.results.provenance import ModelSource, Provenance
from nearlinear.results.signal import Signal
from nearlinear.results.store import replacing, spec_sha256
from nearlinear.results.training import Look, Reading, TrainingRun, TrainSpec

from .batches import Batches
from .files import OnDevice, kind_of, plain_weights, run_folder
from .hiding import Hiding
from .looking import by_document, look_at
from .loop import Diverged, Event, train
from .losses import Loss, window_losses
from .models import fresh_model
from .parallel import Processes, joined
from .texts import Texts, texts_for

SIGNAL_WINDOWS = 16
"""Windows of the evaluated text that the signal is measured on."""


def run(spec: TrainSpec, *, device: str = "auto", texts: Texts | None = None) -> TrainingRun:
    """Train what `spec` says and measure it. A run that was interrupted goes on from its last checkpoint.

    A run that diverges is a result too: its curve up to there, and the reason. `texts`: those of the specification,
    where the caller has them already. Raises InputError for a text, tokens or options that are not known,
    NotEnoughTokens for too short a text.
    """
    started = time.perf_counter()
    making.remember(kind_of(spec).made_by)
    place = torch_device(device)
    check(spec)
    with joined(place) as processes:
        texts = texts or texts_of(spec.reading, spec.architecture.T)
        training = Training(spec, texts, place)
        before = training.signal()
        stopped = training.to_the_end(processes)
        return training.result(training.done, before, stopped, time.perf_counter() - started)


def check(spec: TrainSpec) -> None:
    """Raises InputError where parts of larger matrices are to have a rate of their own."""
    apart = spec.architecture.block == "v-skipinit" or spec.architecture.variant == "pre-ln-values"
    if spec.recipe.value_rate != 1 and not apart:
        raise InputError(
            f"block {spec.architecture.block!r} has no value and projection of its own to give a rate: train v-skipinit"
        )


@dataclass
class Training:
    """One model on its way. Another kind of training starts, lowers or measures something else."""

    spec: TrainSpec
    texts: Texts
    device: torch.device

    def __post_init__(self):
        self.done: list[Event] = []

    @property
    def kind(self) -> type[TrainingRun]:
        """The result that this training leads to."""
        return kind_of(self.spec)

    @property
    def name(self) -> str:
        return self.spec.architecture.block

    def fresh(self) -> nn.Module:
        return fresh_model(self.spec, self.texts.vocabulary)

    def loss_of(self, model: nn.Module) -> nn.Module:
        return Loss(model)

    def measured(self, step: int) -> Look:
        """The model as it stands after `step` steps, on text that it never sees."""
        return look_at(self.model, step, self.texts.evaluate, self.spec.reading)

    @cached_property
    def model(self) -> nn.Module:
        model = self.fresh().to(self.device)
        return model.double() if self.spec.recipe.precision == "float64" else model

    @cached_property
    def folder(self) -> Path:
        """Where checkpoint and weights lie, by specification and code."""
        return run_folder(self.spec, self.kind)

    @cached_property
    def start(self) -> Look:
        return self.measured(0)

    def to_the_end(self, processes: Processes) -> str:
        """Train to the end; what was written down is in `done`. Answers why it broke off, or with nothing.

        A model that has broken stands afterwards where it was last looked at.
        """
        try:
            list(self.events(processes))
        except Diverged as error:
            self.restore()
            return str(error)
        return ""

    def events(self, processes: Processes) -> Iterable[Event]:
        """Train; what was yielded is in `done`."""
        spec = self.spec
        sha256 = state_sha256(self.model)
        self.keep(0)
        _ = self.start  # before the first step
        code = making.library_sha256(self.kind.made_by)
        settings = {"spec": spec_sha256(spec), "code": code, "start": sha256}
        checkpoint = OnDevice(self.folder / "checkpoint.safetensors", settings | {"text": self.texts.sha256})
        what = f"{self.name} {spec.seed}"
        steps = train(
            self.model,
            self.batches(),
            spec.recipe,
            spec.stops,
            loss_of=self.loss_of,
            look=self.look,
            checkpoint=checkpoint,
            processes=processes,
            what=what,
        )
        for event in steps:
            self.done.append(event)
            yield event

    def batches(self) -> Batches:
        """What every step reads. Raises NotEnoughTokens for fewer windows than a batch has."""
        spec, windows = self.spec, self.texts.train.windows
        if spec.reading.task == "causal":
            return Batches(windows, spec.recipe.batch, seed=spec.order_seed)
        hidden_by, share = self.texts.vocabulary, spec.reading.mask_share
        return Hiding(windows, spec.recipe.batch, seed=spec.order_seed, mask_id=hidden_by, share=share)

    def look(self, step: int) -> dict:
        """What the event of this step remembers; weights are kept beside it. Raises Diverged where they are broken."""
        if step not in self.spec.looks:
            return {}
        found = self.measured(step)
        if not math.isfinite(found.loss):
            raise Diverged(
                f"the model's answers are no longer numbers after step {step}: take a learning rate below "
                f"{self.spec.recipe.lr:g}"
            )
        self.keep(step)
        return found.model_dump(mode="json")

    def keep(self, step: int) -> None:
        """The weights after `step` steps, in a file of their own."""
        with replacing(self.folder / f"step-{step}.safetensors") as temporary:
            save_file(plain_weights(self.model), temporary)

    def restore(self) -> None:
        """Go back to the last look, when training has broken."""
        step = max([0, *(event.step for event in self.done if event.step in self.spec.looks)])
        self.model.load_state_dict(load_file(self.folder / f"step-{step}.safetensors"), strict=False)

    def signal(self) -> Signal:
        ids = self.texts.evaluate.windows[:SIGNAL_WINDOWS].long().to(self.device)
        training = self.model.training
        found = signal_of(self.model.eval(), ids)
        self.model.train(training)
        return found

    def result(self, events: Sequence[Event], before: Signal, stopped: str, seconds: float) -> TrainingRun:
        spec, texts = self.spec, self.texts
        losses, tokens = by_document(window_losses(self.model, texts.evaluate, spec.reading), texts.evaluate)
        columns = {name: tuple(getattr(event, name) for event in events) for name in ("loss", "grad_norm", "seconds")}
        return self.kind(
            spec=spec,
            n_parameters=self.source.n_parameters,
            vocabulary=texts.vocabulary,
            n_train=texts.train.n_tokens,
            n_dropped=texts.n_dropped,
            epochs=spec.recipe.steps * spec.recipe.batch * spec.architecture.T / texts.train.n_tokens,
            steps=tuple(event.step for event in events),
            losses=columns["loss"],
            grad_norms=columns["grad_norm"],
            seconds=columns["seconds"],
            looks=(self.start, *(Look.model_validate(event.seen) for event in events if event.seen)),
            chosen_loss=float(window_losses(self.model, texts.choose, spec.reading).mean()),
            document_losses=losses,
            document_tokens=tokens,
            before=before,
            after=self.signal(),
            stopped=stopped,
            weights_sha256=state_sha256(self.model),
            provenance=self.provenance(seconds),
        )

    @cached_property
    def source(self) -> ModelSource:
        spec = self.spec
        return ModelSource(
            id=f"{self.name}, from scratch",
            sha256=state_sha256(self.fresh()),
            architecture=type(self.model).__name__,
            n_parameters=sum(weight.numel() for weight in self.model.parameters()),
            L=spec.architecture.L,
            d=spec.architecture.d,
            note="the hash is of the weights before the first step",
        )

    def provenance(self, seconds: float) -> Provenance:
        spec, texts = self.spec, self.texts
        return Provenance(
            model=self.source,
            corpus=texts.source,
            n_tokens=spec.recipe.steps * spec.recipe.batch * spec.architecture.T,
            n_windows=len(texts.train.windows),
            windows_sha256=texts.sha256,
            seed=spec.seed,
            device=str(self.device),
            dtype=str(self.model.dtype).removeprefix("torch."),
            precision=spec.recipe.precision,
            seconds=round(seconds, 2),
            spec_sha256=spec_sha256(spec),
            **making.circumstances(self.kind.made_by),
        )


@lru_cache(maxsize=1)
def texts_of(reading: Reading, T: int) -> Texts:
    """The last text is remembered: the runs of a study share it."""
    return texts_for(reading, T)
