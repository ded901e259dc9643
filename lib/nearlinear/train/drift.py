"""Linearity through training: train what a specification says, and measure it on the way on text it never sees.

The loop, its checkpoints and its files are `run`'s; what is lowered and what is looked at are this file's.
"""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib.metadata import version

import torch
from torch import nn

from nearlinear.errors import InputError
from nearlinear.inputs.load import LoadedModel, torch_device
from nearlinear.inputs.tasks import Task, load_task
from nearlinear.inputs.twin import state_sha256
from nearlinear.inputs.windows import WindowSet
from nearlinear.results import making
from nearlinear.results.drift import DriftRun, DriftSpec
from nearlinear.results.drift_looks import DriftLook, Probed
from nearlinear.results.provenance import Provenance
from nearlinear.study import check_enough

from .drift_looking import Looked, documents, look_at, windows_for
from .drift_probes import Readable, logistic_regression, probe, readable
from .drift_questions import Quiz, asked, quizzes
from .drift_samples import check_fits, samples_of
from .families import check_family, family_model
from .kept import load_weights
from .loop import Event
from .losses import Loss, window_losses
from .parallel import Processes, joined
from .regularise import RegularisedLoss, check_strength
from .run import Training, texts_of
from .texts import Texts

FITTED_BY = ("scikit-learn", "scipy")
"""Packages that a probe's answers hang on."""


def run(spec: DriftSpec, *, device: str = "auto", texts: Texts | None = None, task: Task | None = None) -> DriftRun:
    """Train what `spec` says and measure it. A run that was interrupted goes on from its last checkpoint.

    A run that diverges is a result too: its curve up to there, and the reason. `texts`, `task`: those of the
    specification, where the caller has them already. Raises InputError as `check` does, and for a text, tokens or a
    task that are not known; NotEnoughTokens for too short a text.
    """
    started = time.perf_counter()
    making.remember(DriftRun.made_by)
    place = torch_device(device)
    check(spec)
    with joined(place) as processes:
        drift = Drift(spec, texts or texts_of(spec.reading, spec.architecture.T), place, task)
        drift.prepare()
        stopped = drift.to_the_end(processes)
        return drift.result(drift.done, stopped, time.perf_counter() - started)


def check(spec: DriftSpec) -> None:
    """Raises InputError for a λ below zero, and as `check_family` does."""
    check_family(spec)
    check_strength(spec.strength)


@dataclass
class Drift(Training):
    """One model on its way, with all that is looked at."""

    task: Task | None = None
    quizzes: tuple[Quiz, ...] = ()

    kind = DriftRun

    @property
    def name(self) -> str:
        return self.spec.architecture.family

    def prepare(self) -> None:
        """Find out before the first step what would fail after the last. Raises InputError."""
        check_enough(self.windows, self.loaded)
        if self.spec.samples:
            check_fits(self.spec.samples, self.loaded)
        if self.spec.probe:
            logistic_regression(), self.readable
        if self.spec.questions:
            self.quizzes = quizzes(self.spec.questions, self.loaded, self.texts.evaluate)

    def fresh(self) -> nn.Module:
        return family_model(self.spec, self.texts.vocabulary)

    def loss_of(self, model: nn.Module) -> nn.Module:
        """The plain loss, and a term beside it where the specification has one."""
        self.loss = RegularisedLoss(model, self.spec.regulariser) if self.spec.regulariser else Loss(model)
        return self.loss

    @cached_property
    def windows(self) -> WindowSet:
        return windows_for(self.spec, self.texts)

    @property
    def loaded(self) -> LoadedModel:
        """The model as it stands."""
        return LoadedModel(self.model, self.texts.tokenizer, self.source, context=self.spec.architecture.T)

    @cached_property
    def readable(self) -> Readable | None:
        """The task that is read out of the states, where one is."""
        if self.spec.probe is None:
            return None
        self.task = self.task or _task(self.spec.probe.task, self.spec.probe.task_seed)
        return readable(self.task, self.loaded, self.spec.probe)

    def measured(self, step: int) -> DriftLook:
        self.last = look_at(self.loaded, step, self.windows, self.texts, self.spec)
        return self.last.look

    def last_look(self, step: int) -> Looked:
        """What stands behind the look after `step` steps; looked at again where the run had ended before."""
        if self.last.look.step != step:
            self.measured(step)
        return self.last

    def events(self, processes: Processes) -> Iterable[Event]:
        self.processes = processes
        return super().events(processes)

    def look(self, step: int) -> dict:
        """What the event of this step remembers: the mean term since the one before, and a look where one is due."""
        seen = {"look": super().look(step)} if step in self.spec.looks else {}
        return seen | ({"term": self.mean_term()} if self.spec.regulariser else {})

    def mean_term(self) -> float:
        """Since the stop before, over all processes."""
        term = torch.tensor(self.loss.mean_term(), dtype=torch.float64, device=self.device)
        return self.processes.mean(term).item()

    def probed(self, step: int) -> Probed:
        return probe(self.loaded, step, self.readable, self.spec.probe)

    @cached_property
    def start(self) -> DriftLook:
        """Before the first step; probes too, which weights that nobody trained must be compared with."""
        self.at_start = [self.probed(0)] if self.spec.probe else []
        return self.measured(0)

    def result(self, events: Sequence[Event], stopped: str, seconds: float) -> DriftRun:
        spec, texts = self.spec, self.texts
        step = max((event.step for event in events if event.step in spec.looks), default=0)
        looks = [DriftLook.model_validate(event.seen["look"]) for event in events if "look" in event.seen]
        at_end = [self.probed(step)] if spec.probe and not stopped else []
        return DriftRun(
            spec=spec,
            n_parameters=self.source.n_parameters,
            vocabulary=texts.vocabulary,
            n_train=texts.train.n_tokens,
            n_dropped=texts.n_dropped,
            n_fit=self.windows.n_fit - len(self.windows.fit),
            scoring=self.last.measured.precision,
            epochs=spec.recipe.steps * spec.recipe.batch * spec.architecture.T / texts.train.n_tokens,
            steps=tuple(event.step for event in events),
            losses=tuple(event.loss for event in events),
            terms=tuple(event.seen["term"] for event in events) if spec.regulariser else (),
            grad_norms=tuple(event.grad_norm for event in events),
            seconds=tuple(event.seconds for event in events),
            looks=(self.start, *looks),
            documents=documents(self.last_look(step), texts),
            chosen_loss=window_losses(self.model, texts.choose, spec.reading).mean(),
            probed=(*self.at_start, *at_end),
            majority=self.task.majority if self.task else math.nan,
            n_cut=self.readable.test.n_cut if self.readable else 0,
            task_sha256=self.task.sha256 if self.task else "",
            samples=samples_of(self.loaded, spec.samples) if spec.samples and not stopped else (),
            asked=() if stopped else tuple(asked(self.loaded, quiz) for quiz in self.quizzes),
            stopped=stopped,
            weights_sha256=state_sha256(self.model),
            provenance=self.provenance(seconds),
        )

    def provenance(self, seconds: float) -> Provenance:
        """With the versions of what the probes are fitted by."""
        made = super().provenance(seconds)
        if self.spec.probe is None:
            return made
        return made.model_copy(update={"versions": made.versions | {name: version(name) for name in FITTED_BY}})


@lru_cache(maxsize=1)
def _task(name: str, seed: int) -> Task:
    """The last task is remembered: the runs of a study share it."""
    return load_task(name, seed)


def kept(spec: DriftSpec, step: int | None = None, *, device: str = "auto", texts: Texts | None = None) -> LoadedModel:
    """The model of `spec` after `step` steps (None: the last), in eval mode; trained now where it lies nowhere yet.

    Raises InputError for a step at which nobody looked, and as `run` does.
    """
    step = spec.recipe.steps if step is None else step
    if step not in spec.looks:
        raise InputError(f"no weights are kept after {step} steps: choose one of {', '.join(map(str, spec.looks))}")
    check(spec)
    drift = Drift(spec, texts or texts_of(spec.reading, spec.architecture.T), torch_device(device))
    if step:
        file = drift.folder / f"step-{step}.safetensors"
        stopped = "" if file.exists() else run(spec, device=device, texts=drift.texts).stopped
        if not file.exists():
            raise InputError(f"this training broke off before step {step}: {stopped}")
        load_weights(drift.model, file.read_bytes())
    note = f"{drift.name}, seed {spec.seed}, after {step} steps"
    changes = {"id": f"{drift.name}, trained here", "sha256": state_sha256(drift.model), "note": note}
    return replace(drift.loaded, model=drift.model.eval(), source=drift.source.model_copy(update=changes))
