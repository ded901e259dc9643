"""What it costs a model trained here to lose a block or to have a map in its place; `nearlinear.edit` does the work."""

from collections.abc import Iterable
from pathlib import Path

from nearlinear.edit.ledger import Ledger
from nearlinear.edit.study import Work
from nearlinear.edit.texts import Texts
from nearlinear.inputs.load import LoadedModel
from nearlinear.inputs.windows import n_tokens
from nearlinear.results.meeting import Cost, MeetingSpec, PrunedOrder
from nearlinear.results.pruning import Changed, PruningSpec
from nearlinear.results.training import TrainSpec


def pruned(spec: MeetingSpec, run: TrainSpec, loaded: LoadedModel, texts: Texts, ledger: Path) -> dict:
    """`loss`, `alone` and `orders` of a MeetingRun. What was measured before a kill is read from the ledger."""
    work = Work(pruning_spec(spec, run, texts), loaded, texts, Ledger(ledger))
    parts = work.parts()
    curves = parts["curves"]
    return {
        "loss": work.dense.mean,
        "alone": {how: _costs(changed) for how, changed in parts["single"].items()},
        "orders": tuple(PrunedOrder(order=c.order, how=c.how, steps=_costs(c.steps)) for c in curves),
    }


def pruning_spec(spec: MeetingSpec, run: TrainSpec, texts: Texts) -> PruningSpec:
    return PruningSpec(
        model=f"{run.architecture.block}-{run.seed}",
        corpus=run.reading.corpus,
        context=run.architecture.T,
        n_fit=n_tokens(texts.fit),
        n_choose=n_tokens(texts.choose),
        n_evaluate=n_tokens(texts.evaluate),
        orders=spec.orders,
        count=spec.count,
        greedy=spec.count,
        seed=spec.seed,
    )


def _costs(changed: Iterable[Changed]) -> tuple[Cost, ...]:
    return tuple(Cost(layers=one.layers, difference=one.difference, interval=one.interval) for one in changed)
