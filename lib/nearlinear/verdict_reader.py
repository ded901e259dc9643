"""What the page of verdicts asks of every chapter, and how a chapter's results are read for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from nearlinear.errors import InputError
from nearlinear.recorded import KINDS, make
from nearlinear.results.profile_spec import ProfileSpec, laptop_spec
from nearlinear.results.pruning_specs import PruningSpecs, pruning_specs
from nearlinear.results.records import Record
from nearlinear.results.store import NotRecorded, load_or_run
from nearlinear.results.tokens import TokenErrors
from nearlinear.results.types import LinearityProfile

SIZES = {"quick": ("quick", "quick"), "laptop": ("cpu", "laptop"), "gpu": ("gpu", "gpu")}
"""Size of this page → those of the chapters that take a model as it is, and of those that train: all know these."""


@dataclass(frozen=True)
class Asked:
    """What is asked of every chapter; the names and values are those of the chapters' own parameters.

    `mode`: of the runs of the first three chapters, which are cheap; `studies_mode`: of the long studies.
    Raises InputError for a size that is not in SIZES.
    """

    model: str = "smollm2-135m"
    encoder: str = "minilm"
    corpus: str = "wikipedia-sample"
    n_fit: int = 128
    n_test: int = 64
    twin_seed: int = 0
    seed: int = 0
    precision: str = "auto"
    size: str = "laptop"
    mode: str = "recompute"
    studies_mode: str = "recorded"
    device: str = "auto"

    def __post_init__(self):
        if self.size not in SIZES:
            raise InputError(f"no size {self.size!r}: choose one of {', '.join(SIZES)}")

    @property
    def as_it_is(self) -> str:
        """The size of studies of a model as it is."""
        return SIZES[self.size][0]

    @property
    def trained(self) -> str:
        """The size of trainings."""
        return SIZES[self.size][1]


class Load(Protocol):
    """From a specification to its result of one kind. Raises NotRecorded where there is none."""

    def __call__(self, spec: Record, kind: type, *, mode: str, device: str): ...


def load(spec: Record, kind: type, *, mode: str, device: str):
    """As the chapters do: recorded, or from the cache, or computed now."""
    return load_or_run(spec, lambda s: make(s, device=device), kind, mode=mode)


class Reader:
    """Reads what one chapter asks for, and remembers it: the page says what its verdicts rest on."""

    def __init__(self, asked: Asked, load: Load = load):
        self.asked, self._load = asked, load
        self.read: list = []

    def _one(self, spec: Record, kind: type, mode: str):
        result = self._load(spec, kind, mode=mode, device=self.asked.device)
        self.read.append(result)
        return result

    def _spec(self, model: str, random_seed: int | None = None) -> ProfileSpec:
        a = self.asked
        cut = {"corpus": a.corpus, "n_fit": a.n_fit, "n_test": a.n_test, "seed": a.seed, "precision": a.precision}
        return laptop_spec(model, random_seed=random_seed, **cut)

    def profile(self, model: str, random_seed: int | None = None) -> LinearityProfile:
        return self._one(self._spec(model, random_seed), LinearityProfile, self.asked.mode)

    def errors(self) -> TokenErrors:
        """Of the held-out tokens; they are too many to be recorded, so they are computed or in the cache."""
        return self._one(self._spec(self.asked.model), TokenErrors, "recompute")

    @cached_property
    def pruning(self) -> PruningSpecs:
        a = self.asked
        return pruning_specs(a.model, size=a.as_it_is, corpus=a.corpus, seed=a.seed)

    def study(self, spec: Record):
        return self._one(spec, KINDS[type(spec)][0], self.asked.studies_mode)

    def studies(self, specs: Iterable[Record]) -> list:
        return [self.study(spec) for spec in specs]

    def if_there(self, *many: Iterable[Record]) -> list[list]:
        """For what a chapter can do without: all of these studies, or an empty list for each where one is missing."""
        before, mode = len(self.read), self.asked.studies_mode
        try:
            return [[self._one(spec, KINDS[type(spec)][0], mode) for spec in specs] for specs in many]
        except NotRecorded:
            del self.read[before:]
            return [[] for _ in many]
