"""From a specification of finetuning to its result: what a model learns, and how linear it is before, between, after.

The loop is `train`'s. What is measured is the model itself, without its new head, on text that it is not taught.
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from nearlinear.edit.checkpoint import Checkpoint
from nearlinear.errors import InputError
from nearlinear.evaluate.preferences import PreferenceSet
from nearlinear.inputs.load import torch_device
from nearlinear.inputs.tasks import Task
from nearlinear.inputs.twin import state_sha256
from nearlinear.measure.precision import choose
from nearlinear.results import making
from nearlinear.results.provenance import Provenance
from nearlinear.results.store import results_cache, spec_sha256
from nearlinear.results.tuning import Labels, MoreText, Preferences, Sentences, TuneSpec, TuningRun
from nearlinear.results.tuning_looks import TuningLook
from nearlinear.study import provenance_of

from .loop import Diverged, Event, train
from .texts import Texts
from .tuning_lessons import LabelLesson, Lesson, Marks, SentenceLesson, TextLesson
from .tuning_looking import before, look_at
from .tuning_models import Learner, Subject, check_adapters, subject_of
from .tuning_pairs import PairLesson

LESSONS = {Labels: LabelLesson, Preferences: PairLesson, Sentences: SentenceLesson, MoreText: TextLesson}
"""How what a specification says is learnt."""


def run(
    spec: TuneSpec, *, device: str = "auto", texts: Texts | None = None, task: Task | PreferenceSet | None = None
) -> TuningRun:
    """Finetune what `spec` says and measure it. A run that was interrupted goes on from its last checkpoint.

    A run that diverges is a result too: its looks up to there, and the reason. `texts`: those of a model trained here;
    `task`: that of the specification; where the caller has them already. A model of ours is trained now where it lies
    nowhere yet. Raises InputError for a model, text, task or pairs that are not known, or of which there is too little.
    """
    started = time.perf_counter()
    making.remember(TuningRun.made_by)
    place = torch_device(device)
    choose(spec.scoring, place), check_adapters(spec.rank)  # refused before the work, not after
    subject = subject_of(spec.model, device=place, texts=texts)
    check_length(spec, subject)
    tuning = Tuning(spec, subject, lesson_of(spec, subject, task))
    stopped = tuning.to_the_end()
    result = tuning.result(stopped, time.perf_counter() - started)
    if not stopped:
        tuning.checkpoint.path.unlink(missing_ok=True)  # of a pretrained model it holds gigabytes
    return result


def check_length(spec: TuneSpec, subject: Subject) -> None:
    """Raises InputError for texts longer than the model takes."""
    context = subject.loaded.context
    if context < spec.T:
        raise InputError(
            f"texts of {spec.T} tokens are longer than the {context} that the model takes: take T={context}"
        )


def lesson_of(spec: TuneSpec, subject: Subject, task: Task | PreferenceSet | None = None) -> Lesson:
    """What is to be learnt. Raises InputError as `load_task` and `load_preferences` do."""
    kind = LESSONS[type(spec.learns)]
    return kind(spec, subject) if task is None else kind(spec, subject, task)


@dataclass
class Tuning:
    """One model that is being finetuned."""

    spec: TuneSpec
    subject: Subject
    lesson: Lesson
    done: list[Event] = field(default_factory=list)

    @cached_property
    def start(self) -> TuningLook:
        """Before anything is put on or into the model."""
        code = making.library_sha256(TuningRun.made_by)
        return before(self.subject.loaded, self.subject.windows, precision=self.spec.scoring, code=code)

    @cached_property
    def learner(self) -> Learner:
        spec = self.spec
        self.start  # noqa: B018  while the model is what it was
        learner = Learner(self.subject.loaded.model, self.lesson.n_out, rank=spec.rank, seed=spec.seed)
        return learner.double() if spec.recipe.precision == "float64" else learner

    @cached_property
    def checkpoint(self) -> Checkpoint:
        settings = {
            "spec": spec_sha256(self.spec),
            "code": making.library_sha256(TuningRun.made_by),
            "start": self.start_sha256,
            "taught": self.lesson.source.sha256,
        }
        return Trained(run_folder(self.spec) / "checkpoint.safetensors", settings)

    @cached_property
    def start_sha256(self) -> str:
        return state_sha256(self.learner)

    def to_the_end(self) -> str:
        """Train to the end; what was written down is in `done`. Answers why it broke off, or with nothing."""
        try:
            for event in self.events():
                self.done.append(event)
        except Diverged as error:
            return str(error)
        return ""

    def events(self) -> Iterator[Event]:
        spec, lesson = self.spec, self.lesson
        batches = lesson.batches()
        return train(
            self.learner,
            batches,
            spec.recipe,
            spec.stops,
            loss_of=lesson.loss,
            look=self.look,
            checkpoint=self.checkpoint,
            what=f"{spec.learns.kind} {spec.seed}",
        )

    def look(self, step: int) -> Mapping[str, object]:
        """What the event of this step remembers. Raises Diverged where the model's answers are no longer numbers."""
        if step not in self.spec.looks:
            return {}
        marks = self.lesson.marks(self.learner, "choose")
        found = look_at(self.subject.loaded, step, self.subject.windows, marks, precision=self.spec.scoring)
        if not math.isfinite(found.loss):
            raise Diverged(
                f"the model's answers are no longer numbers after step {step}: take a learning rate below "
                f"{self.spec.recipe.lr:g}"
            )
        return found.model_dump(mode="json")

    def result(self, stopped: str, seconds: float) -> TuningRun:
        spec, lesson, events = self.spec, self.lesson, self.done
        marks = Marks() if stopped else lesson.marks(self.learner, "test")
        return TuningRun(
            spec=spec,
            taught=lesson.source,
            n_parameters=self.learner.n_parameters,
            n_trained=self.learner.n_trained,
            n_train=lesson.n_train,
            n_cut=lesson.n_cut,
            n_read=lesson.n_read(),
            n_fit=sum(len(window.input_ids) - 1 for window in self.subject.windows.fit),
            scoring=choose(spec.scoring, next(self.learner.parameters()).device).name,
            epochs=spec.recipe.steps * spec.recipe.batch / lesson.n_train,
            steps=tuple(event.step for event in events),
            losses=tuple(event.loss for event in events),
            grad_norms=tuple(event.grad_norm for event in events),
            seconds=tuple(event.seconds for event in events),
            looks=(self.start, *(TuningLook.model_validate(event.seen) for event in events if event.seen)),
            right=marks.right,
            groups=marks.groups,
            majority=lesson.majority,
            stopped=stopped,
            weights_sha256=state_sha256(self.learner),
            provenance=self.provenance(seconds),
        )

    def provenance(self, seconds: float) -> Provenance:
        """Of the model before its finetuning, and of the text that it is measured on."""
        spec, subject = self.spec, self.subject
        how = spec.recipe.precision
        made = provenance_of(spec, subject.loaded, subject.text, subject.windows, how, seconds, TuningRun.made_by)
        if spec.rank is None:
            return made
        return made.model_copy(update={"versions": made.versions | {"peft": version("peft")}})


class Trained(Checkpoint):
    """A checkpoint whose counts of steps go where the weights are; frozen weights have none."""

    def resume(self, parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Optimizer) -> list:
        found = super().resume(parameters, optimiser)
        for weight in parameters.values():
            state = optimiser.state.get(weight)
            if state:
                state["step"] = state["step"].to(weight.device)
            else:
                optimiser.state.pop(weight, None)
        return found


def run_folder(spec: TuneSpec) -> Path:
    """Where a run leaves its checkpoint, until it has ended."""
    return results_cache() / making.library_sha256(TuningRun.made_by)[:16] / f"{spec_sha256(spec)[:16]}.tuning"
