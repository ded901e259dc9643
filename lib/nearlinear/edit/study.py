"""From a pruning specification to its result: fit once, follow every order, and lose nothing to an interruption."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from nearlinear.evaluate.perplexity import WindowLosses, compare, losses
from nearlinear.inputs.load import LoadedModel, load_model, torch_device
from nearlinear.inputs.text import load_corpus
from nearlinear.inputs.windows import WindowSet, check_context, n_tokens
from nearlinear.measure.linearity import AffineMap
from nearlinear.measure.precision import choose
from nearlinear.measure.profile import profile
from nearlinear.progress import track
from nearlinear.results import making
from nearlinear.results.pruning import Changed, How, Measure, PruningCurve, PruningSpec, PruningStudy
from nearlinear.results.store import load_or_run, results_cache, spec_sha256
from nearlinear.results.types import LinearityProfile
from nearlinear.study import provenance_of, results_of

from .angles import angular_distances
from .edits import blocks_as_tuple, removed, replaced
from .fitting import affine, choose_ridge
from .greedy import greedy
from .ledger import Ledger
from .orders import MEASURES, Plan, nested, plan
from .runs import run_moments
from .standins import AffineBlock, PassThrough
from .texts import Texts, three_texts

HOWS: tuple[How, ...] = ("remove", "replace")


def pruning_study(spec: PruningSpec, *, mode: str = "recorded", device: str = "auto") -> PruningStudy:
    """What every order of pruning costs a model: recorded, from the cache, or computed now (hours on a CPU)."""
    return load_or_run(spec, lambda s: [run(s, device=device)], PruningStudy, mode=mode)


def run(spec: PruningSpec, *, device: str = "auto") -> PruningStudy:
    """Measure what `spec` says. Every loss is written down as it comes, so that an interrupted run goes on there.

    Raises InputError for what cannot be loaded or an unknown order, NotEnoughTokens where the text is too short.
    """
    started = time.perf_counter()
    making.commit(), making.library_sha256(PruningStudy.made_by)  # remembered now: the files may change meanwhile
    device = torch_device(device)
    choose(spec.precision, device)
    loaded = load_model(spec.model, device=device, dtype=spec.dtype)
    corpus = load_corpus(spec.corpus)
    sizes = {name: getattr(spec, name) for name in ("context", "n_fit", "n_choose", "n_evaluate", "seed")}
    texts = three_texts(corpus, loaded.tokenizer, **sizes)
    windows = WindowSet(texts.fit, texts.choose + texts.evaluate, group="document")
    check_context(windows, loaded.context)
    work = Work(spec, loaded, texts, Ledger(ledger_path(spec)))
    parts = work.parts()
    seconds = time.perf_counter() - started
    provenance = provenance_of(spec, loaded, corpus, windows, work.precision, seconds, PruningStudy.made_by)
    return PruningStudy(**parts, provenance=provenance)


def ledger_path(spec: PruningSpec) -> Path:
    """Where the losses of a study are kept while it is under way."""
    return results_cache() / making.working_sha256(PruningStudy.made_by)[:16] / f"{spec_sha256(spec)[:16]}.ledger.jsonl"


@dataclass
class Work:
    """A pruning study under way. What is dear is kept in the ledger; the rest is made when it is first asked for."""

    spec: PruningSpec
    loaded: LoadedModel
    texts: Texts
    ledger: Ledger

    @property
    def L(self) -> int:
        return self.loaded.source.L

    @property
    def precision(self) -> str:
        return choose(self.spec.precision, next(self.loaded.model.parameters()).device).name

    @cached_property
    def profile(self) -> LinearityProfile:
        """What the measured orders go by: fitted on one text, held out on the one that choices are made on."""
        windows = WindowSet(self.texts.fit, self.texts.choose, group="document")
        measured = profile(self.loaded, windows, precision=self.spec.precision, perplexity=False)
        made = provenance_of(self.spec, self.loaded, load_corpus(self.spec.corpus), windows, self.precision, 0.0)
        return results_of(measured, windows, self.loaded, made, seed=self.spec.seed)[0]

    @cached_property
    def _fits(self) -> tuple[dict[int, AffineMap], tuple[float, ...]]:
        """Each block's map and its λ, which is chosen on another text than the map is fitted on."""
        fit, other = (
            run_moments(self.loaded, windows, longest=1, precision=self.spec.precision)
            for windows in (self.texts.fit, self.texts.choose)
        )
        places = [range(layer, layer + 1) for layer in range(self.L)]
        ridges = tuple(choose_ridge(fit[place], other[place]) for place in places)
        return {p.start: affine(fit[p], ridge=ridge) for p, ridge in zip(places, ridges, strict=True)}, ridges

    @property
    def maps(self) -> dict[int, AffineMap]:
        return self._fits[0]

    @cached_property
    def dense(self) -> WindowLosses:
        """The unchanged model on the text that is reported."""
        return losses(self.loaded, self.texts.evaluate)

    @cached_property
    def angles(self) -> dict[range, float]:
        return angular_distances(self.loaded, self.texts.choose, longest=self.spec.count)

    def parts(self) -> dict:
        """Every field of PruningStudy but its provenance."""
        plans = {(order, how): self.plan(order, how) for order in self.spec.orders for how in HOWS}
        alone = tuple((layer,) for layer in range(self.L)) if self.spec.single else ()
        wanted = [(how, layers) for how in HOWS for layers in alone]
        wanted += [(how, layers) for (_, how), each in plans.items() for layers in each.steps]
        for how, layers in track(dict.fromkeys(wanted), "prune", len(set(wanted)), unit=" models"):
            self.losses_if(how, layers)
        return {
            "L": self.L,
            "d": self.loaded.source.d,
            "context": self.spec.context,
            "n_fit": n_tokens(self.texts.fit),
            "n_choose": n_tokens(self.texts.choose),
            "n_evaluate": n_tokens(self.texts.evaluate),
            "n_documents": len({window.document for window in self.texts.evaluate}),
            "dense_perplexity": self.dense.perplexity,
            "ridge": self._fits[1],
            "measures": tuple(Measure(order=o, values=tuple(by(self.profile))) for o, by in MEASURES.items()),
            "single": {how: self.changed(how, alone) for how in HOWS},
            "curves": tuple(
                PruningCurve(order=order, how=how, steps=self.changed(how, each.steps))
                for (order, how), each in plans.items()
            ),
        }

    def plan(self, order: str, how: How) -> Plan:
        """Which blocks an order changes, step by step. Raises InputError for an unknown order."""
        k = self.L - 1 if order in self.spec.to_the_end else min(self.spec.count, self.L - 1)
        if order == "greedy":
            return nested(order, self._greedy(how, k))
        return plan(order, self.profile, k, distances=self.angles if order == "angular" else None)

    def _greedy(self, how: How, k: int) -> list[int]:
        """The greedy order on half of the text for choices; searched once and kept."""
        k, some = min(k, self.spec.greedy), self.texts.choose[: max(1, len(self.texts.choose) // 2)]
        found = self.ledger.get(
            f"greedy {how} {k}", lambda: greedy(self.loaded, some, k, standin=lambda layer: self.standin(how, layer))
        )
        return [int(layer) for layer in found]

    def standin(self, how: How, layer: int):
        """What stands in a block's place."""
        as_tuple = blocks_as_tuple(self.loaded.model)
        if how == "remove":
            return PassThrough(as_tuple)
        weight = next(self.loaded.model.parameters())
        return AffineBlock.of(self.maps[layer], as_tuple=as_tuple, dtype=weight.dtype, device=weight.device)

    def losses_if(self, how: How, layers: tuple[int, ...]) -> WindowLosses:
        """The losses with these blocks changed; measured once, whichever order asks."""
        nats = self.ledger.get(f"{how} {' '.join(map(str, layers))}", lambda: self._measure(how, layers).nats)
        return replace(self.dense, nats=np.array(nats))

    def _measure(self, how: How, layers: tuple[int, ...]) -> WindowLosses:
        model = self.loaded.model
        changed = removed(model, layers) if how == "remove" else replaced(model, {la: self.maps[la] for la in layers})
        with changed:
            return losses(self.loaded, self.texts.evaluate)

    def changed(self, how: How, steps: Iterable[tuple[int, ...]]) -> tuple[Changed, ...]:
        """What each set of changed blocks costs, beside the dense model on the same windows."""
        return tuple(self._changed(layers, self.losses_if(how, layers)) for layers in steps)

    def _changed(self, layers: tuple[int, ...], found: WindowLosses) -> Changed:
        worse = compare(found, self.dense, seed=self.spec.seed)
        return Changed(
            layers=layers, perplexity=found.perplexity, difference=worse.mean, interval=(worse.low, worse.high)
        )
