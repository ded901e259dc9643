"""From a specification to a study that looks again: choose by a new look, fit anew, evaluate, step by step."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from shutil import rmtree

import numpy as np
from torch import nn

from nearlinear.errors import InputError
from nearlinear.evaluate.perplexity import WindowLosses, compare, losses
from nearlinear.inputs.windows import Window, WindowSet, n_tokens
from nearlinear.progress import track
from nearlinear.results.again import AgainCurve, AgainSpec, AgainStudy, Agreement
from nearlinear.results.pruning import Changed, How
from nearlinear.study import check_enough

from .again_maps import RefittedMaps, lineages
from .begun import begin
from .edits import removed, replaced
from .orders import MEASURES, check_count, plan
from .rescore import next_block, profile_now
from .study import Work


def run(spec: AgainSpec, *, device: str = "auto") -> AgainStudy:
    """Measure what `spec` says. Every look, loss and map is kept as it comes, so that an interrupted run goes on there.

    Raises InputError for what cannot be loaded, an order that cannot be looked at again, or more steps than the model
    has blocks; NotEnoughTokens where the text, or a look at it, is too short.
    """
    check_orders(spec)
    begun = begin(spec, spec.study, AgainStudy.made_by, device=device)
    work = begun.work
    check_count(spec.count, work.L)
    maps = RefittedMaps(work.loaded, work.texts, begun.ledger.path.with_suffix(".maps"), spec.study.precision)
    parts = Again(spec, work, maps).parts()
    rmtree(maps.folder, ignore_errors=True)  # megabytes a map, and the ledger knows what came of them
    return AgainStudy(**parts, provenance=begun.provenance())


def check_orders(spec: AgainSpec) -> None:
    """Raises InputError for an order that a new look cannot decide, or that changes more than one block at a time."""
    for order in spec.orders:
        if order not in MEASURES:
            raise InputError(
                f"the order {order!r} has no number for each block, so there is nothing to look at again: "
                f"choose from {', '.join(MEASURES)}"
            )
    for order in spec.fixed:
        kind, _, seed = order.partition("-")
        if order not in (*MEASURES, "last") and not (kind == "random" and (seed or "0").isdecimal()):
            raise InputError(
                f"the order {order!r} is not known block by block from one look, so no map can be fitted along it: "
                f"choose from {', '.join(MEASURES)}, last, random"
            )


@dataclass
class Again:
    """A study that looks again, under way. A model is told by how its blocks were changed, and in which order."""

    spec: AgainSpec
    work: Work
    maps: RefittedMaps

    @cached_property
    def windows(self) -> WindowSet:
        """What each look is at: the first windows of the text for fitting and of the one for choices."""
        texts = self.work.texts
        fit, held_out = first(texts.fit, self.spec.n_look), first(texts.choose, self.spec.n_look_held_out)
        return WindowSet(fit, held_out, group="document")

    def parts(self) -> dict:
        """Every field of AgainStudy but its provenance."""
        check_enough(self.windows, self.work.loaded)
        texts, source = self.work.texts, self.work.loaded.source
        wanted = [(order, how, True) for order in self.spec.orders for how in self.spec.ways]
        wanted += [(order, "replace", False) for order in self.spec.fixed]
        return {
            "L": source.L,
            "d": source.d,
            "context": self.work.spec.context,
            "n_fit": n_tokens(texts.fit),
            "n_choose": n_tokens(texts.choose),
            "n_evaluate": n_tokens(texts.evaluate),
            "n_documents": len({window.document for window in texts.evaluate}),
            "n_look": self.windows.n_fit,
            "n_look_held_out": self.windows.n_test,
            "dense_perplexity": self.work.dense.perplexity,
            "agreements": tuple(map(self.agreement, self.spec.orders)),
            "curves": tuple(self.curve(*each) for each in track(wanted, "look again", len(wanted), unit=" curves")),
        }

    def agreement(self, order: str) -> Agreement:
        """The dense model's blocks by a look and by the study's own look at all of both texts."""
        every = self.work.ledger.get(f"all {order}", lambda: MEASURES[order](self.work.profile))
        return Agreement(order=order, few=tuple(self.look("remove", ())[order]), all=tuple(every))

    def curve(self, order: str, how: How, looked_again: bool) -> AgainCurve:
        """One order followed to its end, each step evaluated."""
        chosen: tuple[int, ...] = ()
        fixed = [] if looked_again else self.fixed(order)
        steps = []
        for k in track(range(self.spec.count), f"{order}, {how}", self.spec.count, unit=" blocks"):
            layer = next_block(self.look(how, chosen)[order], chosen) if looked_again else fixed[k]
            chosen += (layer,)
            steps.append(self.evaluated(how, chosen))
        return AgainCurve(
            order=order,
            how=how,
            looked_again=looked_again,
            refitted=how == "replace",
            chosen=chosen,
            steps=tuple(steps),
        )

    def fixed(self, order: str) -> list[int]:
        """The blocks of an order that goes by the study's one look, as they come."""
        k = self.spec.count
        found = self.work.ledger.get(f"fixed {order}", lambda: in_turn(plan(order, self.work.profile, k).steps))
        return [int(layer) for layer in found]

    def look(self, how: How, chosen: tuple[int, ...]) -> dict[str, np.ndarray]:
        """Every measure (L,) of the model as these changes have left it; measured once, whichever order asks."""
        flat = self.work.ledger.get(f"look {name(how, chosen)}", lambda: self._look(how, chosen))
        return dict(zip(MEASURES, np.reshape(flat, (len(MEASURES), -1)), strict=True))

    def _look(self, how: How, chosen: tuple[int, ...]) -> np.ndarray:
        with self.changed(how, chosen):
            seen = profile_now(self.work.loaded, self.windows, precision=self.work.spec.precision)
        return np.concatenate([measure(seen) for measure in MEASURES.values()])

    def evaluated(self, how: How, chosen: tuple[int, ...]) -> Changed:
        """What these changes cost, beside the dense model on the same windows."""
        nats = self.work.ledger.get(f"losses {name(how, chosen)}", lambda: self._losses(how, chosen).nats)
        found = replace(self.work.dense, nats=np.array(nats))
        worse = compare(found, self.work.dense, seed=self.spec.seed)
        return Changed(
            layers=tuple(sorted(chosen)),
            perplexity=found.perplexity,
            difference=worse.mean,
            interval=(worse.low, worse.high),
        )

    def _losses(self, how: How, chosen: tuple[int, ...]) -> WindowLosses:
        with self.changed(how, chosen):
            return losses(self.work.loaded, self.work.texts.evaluate)

    def changed(self, how: How, chosen: tuple[int, ...]) -> AbstractContextManager[nn.Module]:
        """The model with these blocks changed one after another, each map fitted on what it was by then."""
        model = self.work.loaded.model
        return removed(model, chosen) if how == "remove" else replaced(model, self.maps.after(chosen))


def name(how: How, chosen: Sequence[int]) -> str:
    """One name for each model, however it came about: "remove 3 5"; of maps their lineages, "replace 3 3-5"."""
    if not chosen:
        return "dense"
    if how == "remove":
        return " ".join([how, *map(str, sorted(chosen))])
    return " ".join([how, *("-".join(map(str, lineage)) for _, lineage in sorted(lineages(chosen).items()))])


def in_turn(steps: Sequence[Sequence[int]]) -> list[int]:
    """The blocks of nested steps in the order in which they come."""
    return [next(iter(set(step) - set(before))) for before, step in zip(((), *steps), steps, strict=False)]


def first(windows: Sequence[Window], n: int) -> tuple[Window, ...]:
    """As many of the windows, from the first on, as hold n tokens; all of them where there are fewer."""
    ends = np.cumsum([len(window.input_ids) for window in windows])
    return tuple(windows[: int(np.searchsorted(ends, n)) + 1])
