"""The first paper's instruments on the second paper's blocks: linearity through training, pruning, attention.

Nothing is measured in a new way: the scores are `measure`'s, pruning is `edit`'s, and the models are those `run` left.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nearlinear.edit.texts import Texts
from nearlinear.errors import NotEnoughTokens
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.split import nearest_share
from nearlinear.inputs.text import Corpus, load_corpus
from nearlinear.inputs.windows import Window, WindowSet, n_tokens
from nearlinear.measure.precision import choose
from nearlinear.measure.profile import profile
from nearlinear.progress import track
from nearlinear.results import making
from nearlinear.results.meeting import Final, MeetingRun, MeetingSpec, MeetingStudy, Stage, joined
from nearlinear.results.provenance import Provenance
from nearlinear.results.store import load_or_run, results_cache, spec_sha256
from nearlinear.results.training import TrainSpec
from nearlinear.results.types import LinearityProfile
from nearlinear.study import check_enough, provenance_of, results_of

from . import texts as training_texts
from .kept import kept
from .meeting_attention import attention_of
from .meeting_even import even_scores
from .meeting_pruning import pruned


def run(spec: MeetingSpec, *, device: str = "auto") -> MeetingStudy:
    """Measure what `spec` says. What is known of a training is kept as it is finished, so a kill costs one at most.

    Trains what lies nowhere yet. Raises InputError as `kept` does, NotEnoughTokens for too short a text.
    """
    making.commit(), making.library_sha256(MeetingStudy.made_by)  # remembered now: the files may change meanwhile
    text = Meeting.of(spec, device)
    if len(spec.runs) == 1:
        return text.study()
    alone = [spec.model_copy(update={"runs": (one,)}) for one in spec.runs]
    studies = [
        load_or_run(one, lambda s: [text.only(s).study()], MeetingStudy) for one in track(alone, "models", len(alone))
    ]
    return joined(studies, _together(spec, [study.provenance for study in studies]))


def _together(spec: MeetingSpec, made: Sequence[Provenance]) -> Provenance:
    """How the studies of single trainings were made, in one: weights by the hash of their hashes.

    Parts that were made earlier were made by the same code, or they would not have been found.
    """
    (commit, clean), models = making.commit(), [one.model for one in made]
    digest = hashlib.sha256("\n".join(model.sha256 for model in models).encode()).hexdigest()
    model = models[0].model_copy(
        update={
            "id": f"{len(models)} models, trained here",
            "sha256": digest,
            "n_parameters": sum(model.n_parameters for model in models),
            "note": "the hash is of the hashes of their weights, the parameters are those of all together",
        }
    )
    changes = {"model": model, "seconds": round(sum(one.seconds for one in made), 2), "spec_sha256": spec_sha256(spec)}
    now = {"commit": commit, "clean": clean, "command": making.command(), "created": making.now()}
    return made[0].model_copy(update=changes | now)


@dataclass(frozen=True)
class Meeting:
    """A study under way: the text of its trainings, which is read once, and the windows cut from it."""

    spec: MeetingSpec
    device: str
    corpus: Corpus
    read: training_texts.Texts
    texts: Texts

    @classmethod
    def of(cls, spec: MeetingSpec, device: str) -> "Meeting":
        first = spec.runs[0]
        read = training_texts.texts_for(first.reading, first.architecture.T)
        return cls(spec, device, load_corpus(first.reading.corpus), read, three_parts(spec, read))

    def only(self, spec: MeetingSpec) -> "Meeting":
        """The same text for some of the trainings."""
        return Meeting(spec, self.device, self.corpus, self.read, self.texts)

    @cached_property
    def windows(self) -> WindowSet:
        return WindowSet(self.texts.fit, self.texts.evaluate, group="document")

    def study(self) -> MeetingStudy:
        """Of the one training that is left."""
        started, (one,) = time.perf_counter(), self.spec.runs
        models = {step: self.model(one, step) for step in self.spec.steps(one)}
        profiles = {step: self.profile(model) for step, model in models.items()}
        stages = tuple(self.stage(step, models[step], found) for step, found in profiles.items())
        *_, last = models.values()
        ledger = results_cache() / making.working_sha256(MeetingStudy.made_by)[:16]
        found = MeetingRun(
            block=one.architecture.block,
            seed=one.seed,
            n_parameters=last.source.n_parameters,
            stages=stages,
            final=final(profiles[stages[-1].step]),
            **pruned(self.spec, one, last, self.texts, ledger / f"{spec_sha256(self.spec)[:16]}.ledger.jsonl"),
        )
        return self.result(found, last, time.perf_counter() - started)

    def model(self, one: TrainSpec, step: int) -> LoadedModel:
        return kept(one, step, device=self.device, texts=self.read)

    def profile(self, loaded: LoadedModel) -> LinearityProfile:
        """Fitted on one text, held out on another, whole documents apart."""
        check_enough(self.windows, loaded)
        measured = profile(loaded, self.windows)
        made = self.provenance(loaded, 0.0)
        return results_of(measured, self.windows, loaded, made, seed=self.spec.seed)[0]

    def stage(self, step: int, loaded: LoadedModel, found: LinearityProfile) -> Stage:
        held, later, even = found.held_out, found.held_out.no_first_token, even_scores(loaded, self.windows)
        return Stage(
            step=step,
            loss=float(np.log(found.perplexity)),
            scores=later.scores,
            update_scores=later.update_scores,
            scores_all=held.scores,
            update_scores_all=held.update_scores,
            even_scores=even.scores,
            even_update_scores=even.update_scores,
            top_share=even.top_share,
            norm_ratio=found.norm_ratio,
            attention=attention_of(loaded, self.texts.evaluate[: self.spec.n_attend // loaded.context]),
        )

    def result(self, found: MeetingRun, loaded: LoadedModel, seconds: float) -> MeetingStudy:
        fit, T = self.texts.fit, loaded.context
        return MeetingStudy(
            L=loaded.source.L,
            d=loaded.source.d,
            T=T,
            n_fit=n_tokens(fit) - len(fit),
            n_choose=n_tokens(self.texts.choose),
            n_test=n_tokens(self.texts.evaluate),
            n_attend=self.spec.n_attend // T * T,
            n_documents=len({window.document for window in self.texts.evaluate}),
            runs=(found,),
            provenance=self.provenance(loaded, seconds),
        )

    def provenance(self, loaded: LoadedModel, seconds: float) -> Provenance:
        every = WindowSet(self.texts.fit, self.texts.choose + self.texts.evaluate, group="document")
        precision = choose("auto", next(loaded.model.parameters()).device).name
        return provenance_of(self.spec, loaded, self.corpus, every, precision, seconds, MeetingStudy.made_by)


def final(found: LinearityProfile) -> Final:
    """What only the last look keeps."""
    ends, few = found.held_out.no_first_token.intervals, found.held_out.no_massive_token
    return Final(
        score_intervals=ends.scores,
        update_score_intervals=ends.update_scores,
        scores_no_massive=few.scores,
        update_scores_no_massive=few.update_scores,
        massive_tokens=found.massive_tokens,
        scores_in_sample=found.scores,
        update_scores_in_sample=found.update_scores,
        cosine=found.cosine,
    )


def three_parts(spec: MeetingSpec, read: training_texts.Texts) -> Texts:
    """To fit and to choose on: two sets of the documents that rates were chosen on. To report on: the evaluated ones.

    Raises NotEnoughTokens where a part has fewer tokens than asked for.
    """
    some = windows_of(read.choose, spec.n_fit + spec.n_choose, "choosing rates")
    chosen = nearest_share(
        Counter(window.document for window in some), spec.n_choose / (spec.n_fit + spec.n_choose), spec.seed
    )
    return Texts(
        fit=tuple(window for window in some if window.document not in chosen),
        choose=tuple(window for window in some if window.document in chosen),
        evaluate=windows_of(read.evaluate, spec.n_test, "evaluation"),
    )


def windows_of(part: training_texts.Part, n: int, what: str) -> tuple[Window, ...]:
    """The first windows of a part, n tokens of them. Raises NotEnoughTokens."""
    if part.n_tokens < n:
        raise NotEnoughTokens(f"the text for {what} has {part.n_tokens} tokens, and {n} are asked for: ask for fewer")
    rows = part.windows[: n // part.windows.shape[1]].tolist()
    return tuple(Window(tuple(row), int(document)) for row, document in zip(rows, part.documents, strict=False))
