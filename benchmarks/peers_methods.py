"""The methods that are compared, each able to say what is left of the model with k blocks gone."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from peers_checkouts import Checkout
from peers_rules import States, folded, least_squares, one_map, states
from transformers import AutoModelForCausalLM

from nearlinear.edit.angles import angular_distances
from nearlinear.edit.edits import replaced
from nearlinear.edit.orders import by_angle
from nearlinear.edit.study import Work
from nearlinear.evaluate.perplexity import WindowLosses, compare, losses
from nearlinear.inputs.load import quiet
from nearlinear.inputs.models import blocks
from nearlinear.results.pruning import PruningStudy
from nearlinear.results.store import NotRecorded, is_current, recorded

REPLACEME = "ReplaceMe: least squares, folded into the MLP before the run"
OURS, RUN, RULE = "ours", "their code, run", "published rule, our implementation"

Measured = tuple[Sequence[int], WindowLosses]
"""Which blocks are gone, and the losses without them."""


@dataclass(frozen=True)
class Method:
    """One row of the table. `of(k)` measures it with k blocks gone; `maps(k)`: how many d x d maps it then needs."""

    name: str
    by: str
    of: Callable[[int], Measured]
    maps: Callable[[int], int] = lambda _k: 0


@dataclass
class Comparison:
    """The work under way; what several methods need is made when the first asks for it."""

    work: Work
    counts: tuple[int, ...]
    checkouts: dict[str, Checkout]

    def methods(self) -> list[Method]:
        one_each, one = (lambda k: k), (lambda _k: 1)
        ours = [
            Method("affine map for each block, least score first", OURS, self.ordered("replace", "score"), one_each),
            Method("affine map for each block, least influence first", OURS, self.ordered("replace", "bi"), one_each),
            Method("affine map for each block, greedily chosen", OURS, self.ordered("replace", "greedy"), one_each),
            Method("one affine map for the run of least angle", OURS, self.one_map, one),
        ]
        return [
            *ours,
            self.published("shortgpt", "ShortGPT: remove by block influence", self.ordered("remove", "bi")),
            Method("SLEB: remove greedily", RULE, self.ordered("remove", "greedy")),
            self.published("pruneme", "PruneMe: remove the run of least angle, last tokens", self.pruneme_rule),
            self.published("replaceme", REPLACEME, self.replaceme_rule),
            *([Method(REPLACEME, RULE, self.replaceme_rule)] if "replaceme" in self.checkouts else []),
        ]

    def published(self, name: str, what: str, rule: Callable[[int], Measured]) -> Method:
        """Their code where there is a checkout of it, else the rule."""
        return Method(what, RUN, getattr(self, name)) if name in self.checkouts else Method(what, RULE, rule)

    def ordered(self, how: str, order: str) -> Callable[[int], Measured]:
        """Blocks removed, or replaced by a map each, in an order of the pruning studies."""

        def of(k: int) -> Measured:
            layers = (self.greedy[how] if order == "greedy" else self.work.plan(order, how).steps)[k - 1]
            return layers, self.work.losses_if(how, tuple(layers))

        return of

    @cached_property
    def greedy(self) -> dict[str, Sequence[Sequence[int]]]:
        """The greedy order of blocks, both ways: from the recorded study of these texts, or searched for (an hour)."""
        spec = self.work.spec
        wanted = spec.model_copy(update={"single": False, "orders": ("greedy",), "count": 12, "greedy": 12})
        try:
            study = recorded(wanted, PruningStudy)
        except NotRecorded:
            study = None
        if study is None or not is_current(study):
            return {how: self.work.plan("greedy", how).steps for how in ("remove", "replace")}
        return {how: [step.layers for step in study.curve("greedy", how).steps] for how in ("remove", "replace")}

    def one_map(self, k: int) -> Measured:
        run = self.runs[k]
        with replaced(self.work.loaded.model, {run: one_map(*self.seen, run)}):
            return run, losses(self.work.loaded, self.work.texts.evaluate)

    @cached_property
    def runs(self) -> dict[int, range]:
        """Ours: across which the state turns least, all tokens of the text to choose on."""
        found = angular_distances(self.work.loaded, self.work.texts.choose, longest=max(self.counts))
        return {k: _range(by_angle(found, k).steps[-1]) for k in self.counts}

    @cached_property
    def runs_of_the_rule(self) -> dict[int, range]:
        """As PruneMe and ReplaceMe choose: last tokens of the text to fit on, and no run that starts at block 0."""
        fit, longest = self.work.texts.fit, max(self.counts)
        found = angular_distances(self.work.loaded, fit, longest=longest, last_token_only=True)
        return {k: min((run for run in found if len(run) == k and run.start), key=found.get) for k in self.counts}

    @cached_property
    def seen(self) -> tuple[States, States]:
        """States of the texts to fit and to choose on, at the ends of every run."""
        runs = [*self.runs.values(), *self.runs_of_the_rule.values()]
        ends = {place for run in runs for place in (run.start, run.stop)}
        mlps = {run.start - 1 for run in self.runs_of_the_rule.values()}
        texts = self.work.texts
        return states(self.work.loaded, texts.fit, ends, mlps), states(self.work.loaded, texts.choose, ends)

    def pruneme_rule(self, k: int) -> Measured:
        return self._without(self.runs_of_the_rule[k])

    def replaceme_rule(self, k: int) -> Measured:
        run = self.runs_of_the_rule[k]
        with folded(self.work.loaded.model, run, least_squares(self.seen[0], run)):
            return run, losses(self.work.loaded, self.work.texts.evaluate)

    def shortgpt(self, k: int) -> Measured:
        """Its order is made once: it does not hang on how many blocks are to go."""

        def order() -> list[int]:
            with self._answer("shortgpt", k) as (_folder, said):
                return said["order"]

        layers = [int(layer) for layer in self.work.ledger.get("order of shortgpt", order)]
        return self._without(sorted(layers[:k]))

    def pruneme(self, k: int) -> Measured:
        with self._answer("pruneme", k) as (_folder, said):
            return self._without(range(*said["run"]))

    def replaceme(self, k: int) -> Measured:
        """The model that it saves, in bfloat16 as it saves it, evaluated in float32 like all others."""
        with self._answer("replaceme", k) as (folder, said), quiet():
            dtype = next(self.work.loaded.model.parameters()).dtype
            model = AutoModelForCausalLM.from_pretrained(folder / said["saved"], dtype=dtype, local_files_only=True)
        pruned = replace(self.work.loaded, model=model.eval())
        return range(*said["run"]), losses(pruned, self.work.texts.evaluate)

    def _without(self, layers: Sequence[int]) -> Measured:
        return layers, self.work.losses_if("remove", tuple(layers))

    @contextmanager
    def _answer(self, name: str, k: int) -> Iterator[tuple[Path, dict]]:
        """What a published pruner says of our model and text, and the folder that it worked in."""
        with tempfile.TemporaryDirectory() as name_of_folder:
            folder = Path(name_of_folder)
            with quiet():
                self.work.loaded.model.save_pretrained(folder / "model")
            np.save(folder / "windows.npy", np.array([window.input_ids for window in self.work.texts.fit]))
            yield folder, self.checkouts[name].run(folder, k)

    def entry(self, method: Method, k: int) -> dict:
        """A cell of the table, measured once."""

        def measure() -> list[float]:
            layers, found = method.of(k)
            print(f"  {method.name}, {k}: {found.perplexity:.2f}", flush=True)
            return [*layers, *found.nats]

        numbers = self.work.ledger.get(f"{method.name}, {method.by}, {k}", measure)
        found = replace(self.work.dense, nats=np.array(numbers[k:]))
        worse = compare(found, self.work.dense, seed=self.work.spec.seed)
        layers = [int(layer) for layer in numbers[:k]]
        return {
            "blocks": layers,
            "perplexity": found.perplexity,
            "difference": worse.mean,
            "interval": [worse.low, worse.high],
            "parameters": self.parameters(layers, method.maps(k)),
        }

    def parameters(self, layers: Sequence[int], n_maps: int) -> int:
        slots, d = blocks(self.work.loaded.model), self.work.loaded.source.d
        gone = sum(weight.numel() for layer in layers for weight in slots[layer].parameters())
        return self.work.loaded.source.n_parameters - gone + n_maps * (d * d + d)


def _range(layers: Sequence[int]) -> range:
    return range(layers[0], layers[-1] + 1)
