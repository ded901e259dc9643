"""The recorded results that travel with the book, and how to make them again (`nearlinear results`)."""

import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from nearlinear.errors import InputError
from nearlinear.results.again import AgainSpec, AgainStudy
from nearlinear.results.answers import AnswersSpec, AnswersStudy
from nearlinear.results.continuations import Continuations, ContinuationsSpec
from nearlinear.results.data import data_root
from nearlinear.results.depth_specs import shallow_tried
from nearlinear.results.distillation import DistilSpec, DistilStudy
from nearlinear.results.drift import DriftRun, DriftSpec
from nearlinear.results.drift_specs import drifts, rate_screens, regularised, regularised_sas
from nearlinear.results.finetuning import FinetuneRun, FinetuneSpec
from nearlinear.results.finetuning_specs import finetunings, rate_screen
from nearlinear.results.meeting import MeetingSpec, MeetingStudy
from nearlinear.results.meeting_specs import meetings
from nearlinear.results.profile_spec import ProfileSpec, laptop_spec, long_spec, long_specs
from nearlinear.results.pruning import PruningSpec, PruningStudy
from nearlinear.results.pruning_specs import pruning_specs
from nearlinear.results.records import Record
from nearlinear.results.signal import SIZES, SignalSpec, SignalStudy
from nearlinear.results.store import NotRecorded, is_current, load_or_run, spec_sha256
from nearlinear.results.stories import Stories, StoriesSpec, stories_specs
from nearlinear.results.tokens import TokenErrors
from nearlinear.results.training import TrainingRun, TrainSpec, VariantRun, VariantSpec
from nearlinear.results.training_specs import core, screen
from nearlinear.results.training_studies import (
    ablations,
    deep_tried,
    depth,
    encoders,
    encoders_longer,
    encoders_tried,
    equal,
    longer,
    prose,
    prose_tried,
    tried,
)
from nearlinear.results.tuning import TuneSpec, TuningRun
from nearlinear.results.tuning_specs import adapter_tunings, reward_tunings, tuning_rates, tunings, tunings_here
from nearlinear.results.types import LinearityProfile
from nearlinear.results.variants import VariantsSpec, VariantsStudy

_LONG, *_LONG_TWINS = long_specs("smollm2-135m")
_TINY, _SMOLLM2 = pruning_specs("tiny-llama", size="quick"), pruning_specs("smollm2-135m")

RECORDED: dict[str, Record] = {
    "minilm-laptop": laptop_spec("minilm"),
    "minilm-long": long_spec("minilm", n_tokens=40_960),
    "smollm2-135m-laptop": laptop_spec("smollm2-135m"),
    "smollm2-135m-random-0-laptop": laptop_spec("smollm2-135m", random_seed=0),
    "smollm2-135m-long": _LONG,
    **{f"smollm2-135m-random-{spec.random_seed}-long": spec for spec in _LONG_TWINS},
    **_TINY.named("tiny-llama"),
    **_SMOLLM2.named("smollm2-135m"),
    "rank-collapse": SIZES["cpu"],
    "rank-collapse-quick": SIZES["quick"],
    **screen("quick"),
    **core("quick"),
    **screen("laptop"),
    **core("laptop"),
    **equal("laptop"),
    **longer("laptop"),
    **meetings("laptop"),
    **meetings("quick"),
    **tried("laptop"),
    **ablations("laptop"),
    **deep_tried("laptop"),
    **shallow_tried("laptop"),
    **depth("laptop"),
    **encoders("quick"),
    **encoders_tried("quick"),
    **rate_screen("quick"),
    **finetunings("quick"),
    **encoders_tried("laptop"),
    **encoders("laptop"),
    **rate_screen("laptop"),
    **finetunings("laptop"),
    **prose_tried("laptop"),
    **prose("laptop"),
}
"""Every recorded run by name."""

TO_COME: dict[str, Record] = {
    name: spec
    for size in ("quick", "laptop")
    for study in (
        tried,
        ablations,
        deep_tried,
        shallow_tried,
        depth,
        encoders_tried,
        encoders,
        encoders_longer,
        rate_screen,
        finetunings,
        prose_tried,
        prose,
        longer,
        equal,
        rate_screens,
        drifts,
        regularised,
        regularised_sas,
        stories_specs,
        tuning_rates,
        tunings,
        tunings_here,
        adapter_tunings,
        reward_tunings,
    )
    for name, spec in study(size).items()
    if name not in RECORDED
}
"""Runs that are specified and have not been recorded yet."""

KINDS: dict[type[Record], tuple[Any, str]] = {
    ProfileSpec: (LinearityProfile, "nearlinear.study:run"),
    PruningSpec: (PruningStudy, "nearlinear.edit.study:run"),
    VariantsSpec: (VariantsStudy, "nearlinear.edit.variants:run"),
    AgainSpec: (AgainStudy, "nearlinear.edit.again:run"),
    AnswersSpec: (AnswersStudy, "nearlinear.evaluate.answers:run"),
    DistilSpec: (DistilStudy, "nearlinear.edit.distil_study:run"),
    ContinuationsSpec: (Continuations, "nearlinear.edit.continuations:run"),
    SignalSpec: (SignalStudy, "nearlinear.blocks.collapse:run"),
    TrainSpec: (TrainingRun, "nearlinear.train.run:run"),
    VariantSpec: (VariantRun, "nearlinear.train.run:run"),
    FinetuneSpec: (FinetuneRun, "nearlinear.train.finetune:run"),
    MeetingSpec: (MeetingStudy, "nearlinear.train.meeting:run"),
    DriftSpec: (DriftRun, "nearlinear.train.drift:run"),
    StoriesSpec: (Stories, "nearlinear.evaluate.stories:run"),
    TuneSpec: (TuningRun, "nearlinear.train.tuning:run"),
}
"""What a specification leads to: the result, and `module:function` that makes it, imported when it is called."""


def files_of(name: str, results: list) -> dict[str, Any]:
    """File name → result, for the results that are recorded (token errors are too many to travel)."""
    return {f"{name}.{r.recorded_as}.json": r for r in results if not isinstance(r, TokenErrors)}


def renew(*, only: str = "", stale: bool = False, folder: Path | None = None) -> None:
    """Run the recorded studies again, in order, and write each as it finishes.

    `only`: names that hold this text. `stale`: skip what the present library has already made.
    Raises InputError where no name fits.
    """
    known = RECORDED | (TO_COME if only else {})
    names = [name for name in known if only in name]
    if not names:
        raise InputError(f"no recorded result is called like {only!r}: there are {', '.join(RECORDED)}")
    folder = folder or Path(str(data_root("results")))
    for name in names:
        if stale and stands(name, folder):
            continue
        print(f"{name} …", file=sys.stderr, flush=True)
        for file, result in files_of(name, make(known[name])).items():
            result.save(folder / file)


def make(spec: Record, *, device: str = "auto") -> list:
    """Every result of a specification, of whichever kind, computed now."""
    module, _, name = KINDS[type(spec)][1].partition(":")
    made = getattr(import_module(module), name)(spec, device=device)
    return made if isinstance(made, list) else [made]


def result(spec: Record, *, mode: str = "recorded", device: str = "auto") -> Any:
    """What a specification leads to: recorded, or from the cache, or computed now. Raises as `load_or_run` does."""
    return load_or_run(spec, lambda s: make(s, device=device), KINDS[type(spec)][0], mode=mode)


def results(specs: Iterable[Record], *, mode: str = "recorded", device: str = "auto") -> list:
    """The result of each specification, in order."""
    return [result(spec, mode=mode, device=device) for spec in specs]


def results_if_there(specs: Iterable[Record], *, mode: str = "recorded", device: str = "auto") -> list:
    """As `results`; empty where one of them is not recorded. For what a page can do without, and says so."""
    try:
        return results(specs, mode=mode, device=device)
    except NotRecorded:
        return []


def stands(name: str, folder: Path) -> bool:
    """Whether the file is there, from this specification, by the library as it stands."""
    spec = (RECORDED | TO_COME)[name]
    kind = KINDS[type(spec)][0]
    path = folder / f"{name}.{kind.recorded_as}.json"
    if not path.exists():
        return False
    try:
        result = kind.load(path)
    except ValueError:  # written by a version whose results had other parts
        return False
    return is_current(result) and result.provenance.spec_sha256 == spec_sha256(spec)
