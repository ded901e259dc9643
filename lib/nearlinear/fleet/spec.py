"""What a sweep is: models × texts × seeds, and the one run that each of these cells stands for. No torch."""

import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from nearlinear.inputs.corpora import HUB_PREFIX
from nearlinear.results.profile_spec import ProfileSpec, laptop_spec
from nearlinear.results.records import Record
from nearlinear.results.specs import CharTokens, Count
from nearlinear.results.store import spec_sha256

Name = Annotated[str, StringConstraints(min_length=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31, strict=True)]


class Sweep(Record):
    """Every model on every text, once for each seed, and the same with random weights.

    `models`, `corpora`: names as `nearlinear score` takes them. `seeds`: each is of the cut of the text, of its splits
    and intervals, and of the random weights of the twin that is read on the very same cut; `twins: false` spares it.
    `tokens`: how many to read, a third of them held out; None reads what the chapters of the book read, 20 for each
    dimension and half as many more. `engine`: "local" runs one cell after another here, "slurm" one job for each;
    `slurm`: what is asked of the cluster, in the words of submitit: timeout_min, gpus_per_node, partition and so on.
    """

    models: Annotated[tuple[Name, ...], Field(min_length=1)]
    corpora: Annotated[tuple[Name, ...], Field(min_length=1)] = ("wikipedia-sample",)
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    twins: bool = True
    tokens: Annotated[Count, Field(strict=True)] | None = None
    precision: Literal["auto", "exact", "fast", "turbo"] = "auto"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    engine: Literal["local", "slurm"] = "local"
    slurm: dict[str, Any] = Field(default_factory=dict)

    def cells(self) -> list["Cell"]:
        """Every run once, a model's together, its trained weights before its random ones."""
        ways = (False, True) if self.twins else (False,)
        found = [Cell(self._spec(*one)) for one in product(self.models, self.corpora, self.seeds, ways)]
        return list({cell.name: cell for cell in found}.values())

    def _spec(self, model: str, corpus: str, seed: int, twin: bool) -> ProfileSpec:
        """The run of the book's first chapters, on more or fewer tokens where the sweep says how many."""
        random_seed = seed if twin else None
        usual = laptop_spec(model, corpus=corpus, seed=seed, random_seed=random_seed, precision=self.precision)
        changes: dict[str, object] = {"dtype": self.dtype}
        if self.tokens is not None:
            changes["windows"] = CharTokens(n_tokens=self.tokens, seed=seed)
        return usual.model_copy(update=changes)


@dataclass(frozen=True)
class Cell:
    """One run of a sweep, in the words of its reader: a folder is named as it was typed."""

    spec: ProfileSpec

    @property
    def name(self) -> str:
        """What its files are called: readable, and different for every specification."""
        words = [_plain(self.spec.model), _plain(self.spec.corpus), str(self.spec.seed)]
        random = ["random"] if self.spec.random_seed is not None else []
        return "-".join([*words, *random, spec_sha256(self.spec)[:8]])

    def __str__(self) -> str:
        random = ", random weights" if self.spec.random_seed is not None else ""
        return f"{self.spec.model} on {self.spec.corpus}, seed {self.spec.seed}{random}"


def _plain(name: str) -> str:
    """The last part of a name, in letters that every disk takes."""
    last = name.removeprefix(HUB_PREFIX).partition("@")[0] if name.startswith(HUB_PREFIX) else Path(name).name
    return re.sub(r"[^A-Za-z0-9._]+", "-", last).strip("-.")[:40] or "unnamed"
